"""The base install stays small, and nothing heavy is loaded before it is used."""

import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house import rules

ROOT = Path(__file__).resolve().parents[2]
MAX_DISTRIBUTIONS = 45
MAX_MEGABYTES = 150
HEAVY = {"lightgbm", "openai", "scipy", "sklearn", "snownlp", "torch", "transformers", "xllamacpp"}


def base_requirements(root):
    """The requirement strings of the base install."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]


def closure(requirements, requires=metadata.requires):
    """Names of all distributions that the requirements bring, read from what is installed."""
    found, todo = set(), [Requirement(text) for text in requirements]
    seen = set()
    while todo:
        wanted = todo.pop()
        name = canonicalize_name(wanted.name)
        key = (name, frozenset(wanted.extras))
        if key in seen or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
            continue
        seen.add(key)
        found.add(name)
        for text in requires(name) or ():
            inner = Requirement(text)
            if inner.marker is None or any(inner.marker.evaluate({"extra": e}) for e in ("", *wanted.extras)):
                inner.marker = None
                todo.append(inner)
    return found


def megabytes(name):
    """Size of a distribution's files as shipped, without the bytecode that is made on this machine."""
    files = [file for file in metadata.files(name) or () if file.suffix != ".pyc"]
    paths = [Path(str(file.locate())) for file in files]
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


def loaded_after(statement):
    """Names of the top-level modules that a fresh interpreter holds after the statement."""
    code = f"import sys; {statement}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT / "src", timeout=60)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_the_base_install_is_small_and_light():
    names = closure(base_requirements(ROOT))
    assert len(names) <= MAX_DISTRIBUTIONS, sorted(names)
    assert not names & {"torch", "scipy", "scikit-learn", "openai", "xllamacpp"}
    sizes = {name: megabytes(name) for name in names}
    assert sum(sizes.values()) <= MAX_MEGABYTES, sorted(sizes.items(), key=lambda item: -item[1])[:8]


def test_the_closure_follows_extras_and_markers_and_ends_on_cycles():
    needs = {
        "a": ["B[fast]>=1", "never; python_version < '3'", "extra-only; extra == 'x'"],
        "b": ["c", "d; extra == 'fast'", "a"],
        "c": None,
        "d": ["e ; extra == 'fast' or python_version >= '3'"],
        "e": [],
    }
    assert closure(["a", "gone; sys_platform == 'nowhere'"], needs.__getitem__) == {"a", "b", "c", "d", "e"}


def test_a_missing_distribution_is_an_error_not_a_small_install():
    with pytest.raises(metadata.PackageNotFoundError):
        closure(["certainly-not-installed-here"])


def test_importing_every_room_loads_nothing_heavy():
    names = [f"stepladder.{name}" for name in rules.rooms(ROOT)]
    stories = [f"stepladder.{s}" for s in rules.STORIES if (ROOT / "src" / "stepladder" / f"{s}.py").exists()]
    loaded = loaded_after(f"import {', '.join([*names, *stories])}")
    assert "stepladder" in loaded
    assert not loaded & HEAVY


STARTED = """
import asyncio, sys
from pathlib import Path
from stepladder.interaction.launch import serve
from stepladder.interaction.app import App
from stepladder.interaction.compose import House
from stepladder.interaction.settings import Settings

async def start():
    house = await House.open(Settings(Path(sys.argv[1])))
    App(house)
    await house.first_admin_key()
    await house.close()

asyncio.run(start())
print(*{name.partition(".")[0] for name in sys.modules})
"""
LATER = {"aiohttp", "alembic", "pyarrow", "pygal", "rich", "typer"}
"""What a start does not need: the client of a few kinds of model, migrations of a database that is new, the command line's."""


def test_a_plain_start_loads_nothing_that_it_does_not_need(tmp_path):
    path = tmp_path / "stepladder.toml"
    model = '[models.m]\nkind = "chat"\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "m"\n'
    path.write_text(f'{model}[tasks.t]\ntop = "m"\nlabels = ["a", "b"]\n', encoding="utf-8")
    command = [sys.executable, "-c", STARTED, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT / "src", timeout=60)
    assert done.returncode == 0, done.stderr
    assert not set(done.stdout.split()) & (HEAVY | LATER)


def test_the_import_check_sees_what_is_loaded():
    assert "sqlite3" in loaded_after("import sqlite3.dbapi2")


def test_every_plug_in_of_ours_is_an_existing_file():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    targets = [target for group in project["entry-points"].values() for target in group.values()]
    targets += project["scripts"].values()
    built = set(rules.rooms(ROOT))
    for target in targets:
        module, _, name = target.partition(":")
        if module.split(".")[1] in built:
            path = ROOT / "src" / module.replace(".", "/")
            assert name.isidentifier()
            assert path.with_suffix(".py").exists() or (path / "__init__.py").exists(), target
