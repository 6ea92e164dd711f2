"""Other gateways beside ours, in the same run, against the same upstream: processor time a request and added latency.

    python -m benchmarks.gateway.peers [--seconds 2] [--rounds 3] [--only NAME ...] [--write]

LiteLLM's proxy and TensorZero's gateway (the one inside its Python package) are installed from PyPI, each into an
environment of its own under `--home`, and run without a database and without logs: less than what ours has on (key, class,
rates, budgets, cache look-up, committed ledger, metrics). Rounds of all gateways take turns, and medians are reported.
Linux, two cores: the gateway has core 0, upstream and client share core 1.
"""

import argparse
import asyncio
import datetime
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gateway import load, place
from demo.place import free_port

RESULTS = Path(__file__).parents[1] / "results"
PACKAGES = {"litellm": ("litellm[proxy]", "litellm"), "tensorzero": ("tensorzero", "tensorzero")}
LITELLM = """
model_list:
  - model_name: mock
    litellm_params: {{model: openai/mock, api_base: "http://127.0.0.1:{upstream}/v1", api_key: sk-x}}
litellm_settings:
  num_retries: 0
  request_timeout: 30
  telemetry: false
  callbacks: []
general_settings:
  master_key: {key}
"""
TENSORZERO = """
[gateway]
observability.enabled = false
[models.mock]
routing = ["it"]
[models.mock.providers.it]
type = "openai"
model_name = "mock"
api_base = "http://127.0.0.1:{upstream}/v1/"
api_key_location = "none"
"""
# Its gateway listens on a port of its own choice, and ends with the process.
SERVE_TENSORZERO = """
import sys, time
from tensorzero.tensorzero import _start_http_gateway
gateway = _start_http_gateway(
    config_file=sys.argv[1], clickhouse_url=None, postgres_url=None, valkey_url=None, async_setup=False
)
print(gateway.base_url, flush=True)
time.sleep(3600)
"""
KEY = "sk-benchmark"
ASKED = {
    "plain": (False, False),
    "plain, every text new": (False, True),
    "stream of 20 chunks": (True, False),
    "stream, every text new": (True, True),
}
"""Kind of request: whether it is streamed, and whether no two say the same. Guards know a text again that was clean."""


@dataclass(frozen=True)
class Peer:
    """A gateway that runs: its process, where it listens, and what to say to it."""

    pid: int
    port: int
    path: str
    model: str
    key: str

    def target(self, stream: bool, fresh: bool) -> load.Target:
        """The same question for everyone; `fresh` makes it another one each time."""
        text = f"{place.TEXT} {load.NUMBER.decode()}" if fresh else place.TEXT
        data = place.body(self.model, stream=stream, text=text)
        asked = place.request(self.port, self.key, data).replace(
            b"/v1/chat/completions", self.path.encode(), 1
        )
        return load.Target("127.0.0.1", self.port, asked, stream)


def python(home: Path, name: str) -> Path:
    """The interpreter of a peer's environment, which is made where there is none."""
    folder = home / name
    found = folder / "bin" / "python"
    if not found.exists():
        print(f"Installing {PACKAGES[name][0]} ...", flush=True)
        venv.create(folder, with_pip=True)
        subprocess.run([found, "-m", "pip", "install", "-q", PACKAGES[name][0]], check=True)
    return found


def version(home: Path, name: str) -> str:
    """What is installed."""
    code = f"import importlib.metadata as m; print(m.version({PACKAGES[name][1]!r}))"
    return subprocess.run(
        [python(home, name), "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


@contextmanager
def stepladder(home: Path, upstream: int) -> Iterator[Peer]:
    """Ours, with everything on."""
    with place.serving(upstream, core=0) as running:
        yield Peer(running.process.pid, running.port, "/v1/chat/completions", "mock", running.key)


@contextmanager
def unguarded(home: Path, upstream: int) -> Iterator[Peer]:
    """The same without guards, which the others do not have either."""
    config = f'{place.CONFIG}\n[guards]\nmode = "off"\n'
    with place.serving(upstream, core=0, config=config) as running:
        yield Peer(running.process.pid, running.port, "/v1/chat/completions", "mock", running.key)


@contextmanager
def litellm(home: Path, upstream: int) -> Iterator[Peer]:
    """LiteLLM's proxy, one worker."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "litellm.yaml"
        config.write_text(LITELLM.format(upstream=upstream, key=KEY))
        command = [str(python(home, "litellm").parent / "litellm"), "--config", str(config)]
        command += ["--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
        with started(command, quiet=True) as process:
            peer = Peer(process.pid, port, "/v1/chat/completions", "mock", KEY)
            wait(peer)
            yield peer


@contextmanager
def tensorzero(home: Path, upstream: int) -> Iterator[Peer]:
    """TensorZero's gateway, in Rust."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "tensorzero.toml"
        config.write_text(TENSORZERO.format(upstream=upstream))
        command = [str(python(home, "tensorzero")), "-c", SERVE_TENSORZERO, str(config)]
        with started(command) as process:
            assert process.stdout is not None
            # It logs a line or two before ours, and nothing after.
            url = next(line.strip() for line in process.stdout if line.startswith("http://"))
            address, _, path = url.removeprefix("http://").partition("/")
            peer = Peer(
                process.pid,
                int(address.rpartition(":")[2]),
                f"/{path}/chat/completions",
                "tensorzero::model_name::mock",
                KEY,
            )
            wait(peer)
            yield peer


KINDS: dict[str, Callable[[Path, int], AbstractContextManager[Peer]]] = {
    "stepladder": stepladder,
    "stepladder, guards off": unguarded,
    "litellm": litellm,
    "tensorzero": tensorzero,
}


@contextmanager
def started(command: list[str], *, quiet: bool = False) -> Iterator[subprocess.Popen[str]]:
    """A process on core 0 that ends with the block."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = subprocess.Popen(
        ["taskset", "-c", "0", *command],
        stdout=subprocess.DEVNULL if quiet else subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=env | {"LITELLM_LOG": "ERROR"},
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def wait(peer: Peer) -> None:
    """Until it answers."""
    asked = urllib.request.Request(
        f"http://127.0.0.1:{peer.port}{peer.path}",
        place.body(peer.model),
        {"Authorization": f"Bearer {peer.key}", "Content-Type": "application/json"},
    )
    end = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(asked, timeout=20) as said:
                if said.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError) as error:
            if time.monotonic() > end:
                raise SystemExit(f"{peer.path} does not answer: {error}") from error
        time.sleep(0.5)


def once(peer: Peer, aim: load.Target, seconds: float) -> dict[str, float]:
    """One round: as fast as 32 connections go, then 50 a second."""
    before = place.cpu_seconds(peer.pid)
    fast = asyncio.run(load.closed(aim, 32, seconds))
    used = place.cpu_seconds(peer.pid) - before
    slow = asyncio.run(load.opened(aim, 50, seconds))
    good = max(len(fast.taken), 1)
    return {
        "cpu_ms": used / good * 1000,
        "p50_ms": slow.percentile(50) if slow.taken else float("nan"),
        "p99_ms": slow.percentile(99) if slow.taken else float("nan"),
        "bad": fast.bad + slow.bad,
    }


def measure(
    home: Path, names: list[str], seconds: float, rounds: int
) -> dict[str, dict[str, dict[str, float]]]:
    """Medians over the rounds, by gateway and kind of request."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    with ExitStack() as stack:
        upstream = stack.enter_context(place.upstream(1))
        peers = {name: stack.enter_context(KINDS[name](home, upstream)) for name in names}
        os.sched_setaffinity(0, {1})
        for kind, (stream, fresh) in ASKED.items():
            for peer in peers.values():
                asyncio.run(load.closed(peer.target(stream, fresh), 8, 1.0))
            runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
            for _ in range(rounds):
                for name, peer in peers.items():
                    runs[name].append(once(peer, peer.target(stream, fresh), seconds))
            for name in names:
                row = {key: statistics.median(run[key] for run in runs[name]) for key in runs[name][0]}
                row["a_core_second"] = 1000 / row["cpu_ms"]
                found.setdefault(name, {})[kind] = {key: round(value, 3) for key, value in row.items()}
                print(name, kind, found[name][kind], flush=True)
        for name, peer in peers.items():
            found[name]["process"] = {"rss_mb": round(place.rss_mb(peer.pid), 1)}
    return found


def page(about: dict[str, object], found: dict[str, dict[str, dict[str, float]]]) -> str:
    """The figures as Markdown."""
    lines = "".join(
        f"| {name} | {kind} | {row['cpu_ms']:.3f} | {row['a_core_second']:,.0f} |"
        f" {row['p50_ms']:.2f} / {row['p99_ms']:.2f} | {row['bad']:.0f} | {kinds['process']['rss_mb']:.0f} |\n"
        for name, kinds in found.items()
        for kind, row in kinds.items()
        if kind != "process"
    )
    return f"""# Gateways side by side

`{about["command"]}` on {about["machine"]}, load average {about["load_average"]} at the start. {about["versions"]}. Ours has
everything on; the others have neither database nor logs.

| gateway | request | CPU ms | a core-second | p50 / p99 ms at 50 a second | bad | RSS MB |
|---|---|---|---|---|---|---|
{lines}"""


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=list(KINDS), choices=list(KINDS), help="which gateways")
    parser.add_argument("--home", type=Path, default=Path(tempfile.gettempdir()) / "stepladder-peers")
    parser.add_argument("--write", action="store_true", help="write results/peers.json and .md")
    given = parser.parse_args()
    if shutil.which("taskset") is None:
        sys.exit("taskset is missing: this benchmark runs on Linux.")
    names: list[str] = given.only
    versions = ", ".join(f"{name} {version(given.home, name)}" for name in names if name in PACKAGES)
    about: dict[str, object] = {
        "command": f"python -m benchmarks.gateway.peers --seconds {given.seconds:g} --rounds {given.rounds} --write",
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "versions": versions,
        "load_average": round(os.getloadavg()[0], 2),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
    found = measure(given.home, names, given.seconds, given.rounds)
    if given.write:
        (RESULTS / "peers.json").write_text(json.dumps({**about, "gateways": found}, indent=1) + "\n")
        (RESULTS / "peers.md").write_text(page(about, found))


if __name__ == "__main__":
    main()
