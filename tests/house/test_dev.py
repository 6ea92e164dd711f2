"""`dev.py`: what it decides to install, and what it says when that fails. Nothing is downloaded here."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import dev

ROOT = Path(__file__).resolve().parents[2]
PIP_FAILS = (
    "#!/bin/sh\necho Collecting numpy\necho 'ERROR: No matching distribution found for numpy'\nexit 1\n"
)
posix_only = pytest.mark.skipif(os.name != "posix", reason="stands in for pip with a shell script")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A made-up project that dev.py takes for its own, with an interpreter in `.venv` that does nothing."""
    (tmp_path / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
    (tmp_path / "dev.py").write_text("", encoding="utf-8")
    monkeypatch.setattr(dev, "ROOT", tmp_path)
    put_python("#!/bin/sh\nexit 0\n")
    return tmp_path


def put_python(script):
    dev.venv_python().parent.mkdir(parents=True, exist_ok=True)
    dev.venv_python().write_text(script, encoding="utf-8")
    dev.venv_python().chmod(0o755)


@pytest.fixture
def ran(monkeypatch):
    """The titles of the steps that dev.py ran; one whose title holds a word of `ran.failing` fails."""

    class Ran(list):
        failing = ()

    record = Ran()

    def run(_, title, command):
        record.append(title)
        if command[1:3] == ["-m", "venv"]:
            put_python("#!/bin/sh\nexit 0\n")
        failed = any(word in title for word in record.failing)
        return not failed, "Collecting x\nERROR: said by pip\n" if failed else ""

    monkeypatch.setattr(dev.Steps, "run", run)
    return record


def packages(ran):
    return [title for title in ran if title.startswith("packages")]


def test_an_old_python_is_refused_and_a_newer_one_named():
    with pytest.raises(dev.DevError, match=r"3\.11 or newer; this is 3\.9.*python3\.12 dev\.py"):
        dev.check_python((3, 9), lambda name: name if name == "python3.12" else None)
    with pytest.raises(dev.DevError, match="Install a newer Python"):
        dev.check_python((3, 10), lambda name: None)
    dev.check_python((3, 11))


def test_the_stamp_decides(project):
    stamp = dev.Stamp(project)
    assert stamp.plan(["dev"], (), True) == ("rebuild", ["dev"])
    stamp.write({"dev", "demo"}, {"local"})
    assert stamp.plan(["dev"], (), True) == ("nothing", [])
    assert stamp.plan(["dev", "local"], ("local",), True) == ("nothing", [])
    assert stamp.plan(["dev", "local"], (), True) == ("add", ["local"])
    assert stamp.plan(["dev"], (), False) == ("rebuild", ["dev"])


@pytest.mark.parametrize("name", ["pyproject.toml", "dev.py"])
def test_a_changed_input_refreshes_all_that_is_installed(project, name):
    dev.Stamp(project).write({"dev", "demo"}, set())
    (project / name).write_text("# changed\n", encoding="utf-8")
    assert dev.Stamp(project).plan(["dev"], (), True) == ("refresh", ["dev", "demo"])


def test_another_python_or_a_moved_folder_starts_anew(project):
    stamp = dev.Stamp(project)
    stamp.write({"dev"}, set())
    stamp.place += " elsewhere"
    assert stamp.plan(["dev"], (), True) == ("rebuild", ["dev"])


@pytest.mark.parametrize("text", ["", "{", "[]", '{"parts": ["dev"]}'])
def test_a_broken_stamp_is_no_stamp(project, text):
    stamp = dev.Stamp(project)
    stamp.path.write_text(text, encoding="utf-8")
    assert stamp.plan(["dev"], (), True) == ("rebuild", ["dev"])


def test_the_second_install_does_nothing(project, ran):
    dev.install(["dev", "smollm2"])
    assert packages(ran) == ["packages for dev", "packages for smollm2"]
    ran.clear()
    dev.install(["dev", "smollm2"])
    assert ran == []
    dev.install(["dev", "demo"])
    assert ran == ["packages for demo", "byte code, as pip leaves it"]


def test_a_half_finished_install_is_redone(project, ran):
    dev.install(["dev"])
    ran.failing = ("demo",)
    with pytest.raises(dev.DevError, match="said by pip"):
        dev.install(["dev", "demo"])
    assert dev.Stamp(project).read() is None
    ran.clear()
    ran.failing = ()
    dev.install(["dev", "demo"])
    assert ran[0] == "virtual environment"
    assert packages(ran) == ["packages for dev, demo"]


def test_an_optional_part_may_fail_and_waits_for_setup(project, ran, capsys):
    ran.failing = ("local",)
    dev.install(["demo", "local", "smollm2"], optional=("local", "smollm2"))
    assert packages(ran) == ["packages for demo", "packages for local", "packages for smollm2"]
    assert "Going on without" in capsys.readouterr().out
    ran.clear()
    dev.install(["demo", "local", "smollm2"], optional=("local", "smollm2"))
    assert ran == []
    with pytest.raises(dev.DevError):
        dev.install(["demo", "local"])


def test_setup_tries_an_optional_part_again(project, ran):
    ran.failing = ("local",)
    dev.install(["demo", "local"], optional=("local",))
    ran.failing = ()
    ran.clear()
    dev.install(["demo", "local"], optional=("local",), retry=True)
    assert packages(ran) == ["packages for local"]
    assert dev.Stamp(project).read()["failed"] == []


@posix_only
def test_a_failing_pip_is_quoted_with_what_to_do(project, capsys):
    dev.Stamp(project).write({"dev"}, set())
    put_python(PIP_FAILS)
    with pytest.raises(dev.DevError) as caught:
        dev.install(["dev", "demo"])
    said = str(caught.value)
    assert "ERROR: No matching distribution found for numpy" in said
    assert "nothing for this Python; then run the same command again" in said
    assert "packages for demo: FAILED" in capsys.readouterr().out
    assert "Collecting numpy" in (project / ".venv" / "install.log").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("OSError: [Errno 28] No space left on device", "disk"),
        ("NewConnectionError: Temporary failure in name resolution", "network"),
        ("error: command 'gcc' failed", "built"),
        ("SSLError: CERTIFICATE_VERIFY_FAILED, connection broken", "PIP_CERT"),
        ("something new", "lines above"),
    ],
)
def test_advice_follows_what_pip_said(said, word):
    assert word in dev.advice(said)


def ways(project, *present, wheels=Path("nowhere")):
    return dev.ways_to_pip(project / ".venv", lambda name: name if name in present else None, wheels)


def test_without_ensurepip_the_systems_pip_fills_the_environment(project):
    ((_, command),) = ways(project, "pip")
    assert command == [sys.executable, "-m", "pip", "--python", dev.venv_python(), "install", "pip"]


def test_without_pip_a_wheel_or_virtualenv_does(project):
    (project / "pip-25.0-py3-none-any.whl").write_text("")
    titles = [title for title, _ in ways(project, "virtualenv", wheels=project)]
    assert titles == ["pip from the system's wheel", "pip from virtualenv"]


def test_the_next_way_is_tried_and_the_last_word_names_the_system_package(project, ran):
    ran.failing = ("ensurepip",)
    dev.make_venv(project / ".venv", ways(project, "ensurepip", "pip", "virtualenv"), dev.Steps(project).run)
    assert ran == ["virtual environment", "pip from ensurepip", "pip through the system's pip"]
    ran.failing = ("pip",)
    for present in ([], ["ensurepip", "pip"]):
        with pytest.raises(dev.DevError, match="apt install python3-venv"):
            dev.make_venv(project / ".venv", ways(project, *present), dev.Steps(project).run)


def test_a_program_that_is_missing_is_a_failed_step(project):
    succeeded, said = dev.Steps(project / "log").run("nothing", [project / "no-such-program"])
    assert not succeeded
    assert "no-such-program" in said


def test_the_callers_settings_do_not_lead_pip_astray(monkeypatch):
    for name, value in {"PYTHONPATH": "/x", "PYTHONHOME": "/x", "PIP_TARGET": "/x", "PIP_USER": "1"}.items():
        monkeypatch.setenv(name, value)
    environment = dev.install_environment()
    assert not environment.keys() & {"PYTHONPATH", "PYTHONHOME", "PIP_TARGET"}
    assert environment["PIP_USER"] == "0"
    assert not [name for name in environment if "INDEX_URL" in name and name not in os.environ]


@pytest.mark.parametrize("environment", [{}, {"CI": "false"}, {"CI": "true"}])
def test_chromium_is_installed_on_a_bare_ci_only(project, ran, monkeypatch, environment):
    monkeypatch.setattr(dev.os, "geteuid", lambda: 0, raising=False)
    monkeypatch.setattr(dev.shutil, "which", lambda name: None if name == "chromium" else name)
    dev.install_chromium(environment)
    assert ran == (["chromium for screenshots"] if environment.get("CI") == "true" else [])
    ran.clear()
    monkeypatch.setattr(dev.shutil, "which", lambda name: name)
    dev.install_chromium(environment)
    assert ran == []


def test_without_a_browser_the_tests_go_on(project, ran, monkeypatch, capsys):
    monkeypatch.setattr(dev.os, "geteuid", lambda: 0, raising=False)
    monkeypatch.setattr(dev.shutil, "which", lambda name: None if name == "chromium" else name)
    ran.failing = ("chromium",)
    dev.install_chromium({"CI": "true"})
    assert "No chromium" in capsys.readouterr().out


def test_every_check_runs_although_one_fails(monkeypatch, capfd):
    commands = [
        (name, [sys.executable, "-c", f"raise SystemExit({code})"]) for name, code in (("a", 1), ("b", 0))
    ]
    monkeypatch.setattr(dev, "checks", lambda fix: commands)
    assert dev.run_checks() is False
    out = capfd.readouterr().out
    assert "a              FAILED" in out
    assert "b              ok" in out


@pytest.mark.parametrize(
    ("body", "passed", "line"), [("pass", True, "1 passed"), ("assert 0", False, "1 failed")]
)
def test_pytests_closing_line_is_kept(tmp_path, monkeypatch, body, passed, line):
    file = tmp_path / "test_inner.py"
    file.write_text(f"def test_inner():\n    {body}\n", encoding="utf-8")
    monkeypatch.setattr(dev, "venv_python", lambda: Path(sys.executable))
    result, closing = dev.run_pytest([str(file), "-q", "-n0", "-p", "no:cacheprovider"])
    assert result is passed
    assert line in closing


def test_a_failed_check_or_test_fails_the_command(monkeypatch, capsys):
    monkeypatch.setattr(dev, "install", lambda *a, **k: None)
    monkeypatch.setattr(dev, "install_chromium", lambda environment: None)
    for clean, passed, code in ((True, True, 0), (False, True, 1), (True, False, 1)):
        monkeypatch.setattr(dev, "run_checks", lambda clean=clean: clean)
        monkeypatch.setattr(
            dev, "run_pytest", lambda arguments, passed=passed: (passed, "== 3 passed in 1s ==")
        )
        assert dev.main(["test", "-k", "x"]) == code
        assert capsys.readouterr().out.splitlines()[-1] == "== 3 passed in 1s =="


def test_an_unknown_command_shows_the_usage(capsys):
    assert dev.main(["tset"]) == 2
    assert "usage: python3 dev.py" in capsys.readouterr().out
    assert dev.main(["--help"]) == 0


def test_clean_leaves_data_alone(project):
    (project / "stepladder-data").mkdir()
    (project / ".mypy_cache").mkdir()
    assert dev.main(["clean"]) == 0
    assert sorted(path.name for path in project.iterdir()) == ["dev.py", "pyproject.toml", "stepladder-data"]


def test_ci_runs_the_same_command():
    script = ROOT / ".ci" / "run"
    assert script.read_text(encoding="utf-8").splitlines()[-1] == "exec python3 dev.py test"
    if os.name == "posix":
        assert os.access(script, os.X_OK)
        assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0


def test_what_tests_start_finds_byte_code_though_the_machine_forbids_to_write_it(monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    script = "import sys; print(sys.dont_write_bytecode)"
    run = subprocess.run(
        [sys.executable, "-c", script], env=dev.tool_environment(), capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "False"
