"""stepladder release, as it is typed, on releases that a real recipe has made."""

import json
from contextlib import closing

import pytest

from stepladder.core import Example, Task
from stepladder.data import freeze
from stepladder.registry import Registry
from stepladder.training import admit, fit
from tests.interaction.shell import Shell


@pytest.fixture
def made(shell: Shell, tmp_path):
    """Ids of two releases."""
    (tmp_path / "data").mkdir()
    ids = []
    with closing(shell.store()) as store:
        registry = Registry(store.catalogue, tmp_path / "data" / "releases")
        for costs in (0.3, 30.0):
            settings = {"folds": 2, "bits": 10, "characters": False, "costs": [costs]}
            task = Task("mood", "teacher", labels=("good", "bad"), recipes={"linear": settings})
            examples = [
                Example(str(n), f"{'lovely' if n % 2 else 'awful'} soup {n}", "good" if n % 2 else "bad")
                for n in range(40)
            ]
            dataset = freeze("mood", {"train": examples})
            staged = tmp_path / f"staged{costs}"
            fitted = fit(task, dataset, staged, lambda done, total, what: None)
            ids.append(admit(registry, dataset, staged, fitted, task)["linear"])
    return ids


def test_releases_are_listed_shown_compared_and_made_again(shell: Shell, made):
    one, two = made
    assert shell("release", "tag", one, "first") == 0
    assert shell("release", "list", "--json") == 0
    rows = json.loads(shell.out)
    assert [(row["id"], row["tags"], row["in_use"]) for row in rows] == [
        (one, ["first"], False),
        (two, [], False),
    ]
    assert shell("release", "list") == 0
    assert one in shell.out
    assert shell("release", "show", "first") == 0
    assert "code" in shell.out
    assert shell("release", "lineage", one) == 0
    assert f"also made from it: {two}" in shell.out
    assert shell("release", "lineage", one, "--json") == 0
    dataset = json.loads(shell.out)["release"]["dataset"]
    assert shell("release", "lineage", dataset[:12]) == 0
    assert f"-> {one}" in shell.out
    assert f"-> {two}" in shell.out
    assert shell("release", "lineage", dataset[:4]) == 2  # too short to name one
    assert shell("release", "diff", one, two, "--json") == 0
    found = json.loads(shell.out)
    assert found["setting costs"] == ["[0.3]", "[30.0]"]
    assert "digest" in found
    assert shell("release", "reproduce", one) == 0
    assert "byte for byte the same" in shell.out
    assert shell("release", "show", "nothing") == 2
    assert "release list" in shell.err


def test_garbage_archive_and_the_way_back(shell: Shell, made, tmp_path):
    one, two = made
    folder = tmp_path / "data" / "releases" / "mood"
    assert shell("release", "gc", "--days", "0", "--keep", "1", "--json") == 0
    assert json.loads(shell.out) == {"releases": [one], "deleted": False, "bytes": 0}
    assert shell("release", "pin", one, "--why", "audit") == 0
    assert shell("release", "gc", "--days", "0", "--keep", "1", "--delete", "--json") == 0
    assert json.loads(shell.out)["releases"] == []
    assert shell("release", "archive", one, "--purpose", "space") == 2
    assert "pinned: audit" in shell.err
    assert (folder / one).is_dir()
    assert shell("release", "pin", one, "--why", "") == 0
    assert shell("release", "gc", "--keep", "-1") == 2
    assert shell("release", "archive", one, "--purpose", "space") == 0
    assert not (folder / one).exists()
    assert shell("release", "reproduce", one) == 2
    assert shell("release", "import", str(tmp_path / "data" / "archive" / f"{one}.tar.gz")) == 0
    assert (folder / one).is_dir()
    assert shell("release", "export", two, "--out", "two.tar.gz", "--with-data", "--purpose", "a copy") == 0
    assert (tmp_path / "two.tar.gz").stat().st_size > 500
    assert shell("release", "gc", "--days", "0", "--keep", "0", "--delete", "--json") == 0
    assert json.loads(shell.out)["bytes"] > 0
    assert not list(folder.glob("linear-*"))


def test_a_machine_with_the_same_ledger_fetches_releases_from_the_address(shell: Shell, made, tmp_path):
    pytest.importorskip("fsspec", reason="needs stepladder[artefacts]")
    assert shell("release", "share", "--purpose", "a mirror") == 2
    assert "[artefacts]" in shell.err
    far = (tmp_path / "far").as_uri()
    config = tmp_path / "stepladder.toml"
    text = config.read_text(encoding="utf-8")
    config.write_text(f'{text}\n[artefacts]\nurl = "{far}"\n', encoding="utf-8")
    assert shell("release", "share", "--purpose", "a mirror") == 0
    assert "2 releases are there" in shell.out
    here = tmp_path / "data" / "releases" / "mood" / made[0]
    here.rename(tmp_path / "lost")
    assert shell("release", "export", made[0], "--out", "one.tar.gz", "--purpose", "a test") == 0
    assert {path.name for path in here.iterdir()} == {path.name for path in (tmp_path / "lost").iterdir()}


def test_a_release_as_a_folder_for_the_hub(shell: Shell, made, tmp_path):
    words = ["release", "export", made[0], "--out", "hub", "--hugging-face"]
    assert shell(*words, "--with-data", "--purpose", "a test") == 2
    assert shell(*words, "--purpose", "a test") == 0
    assert made[0] in (tmp_path / "hub" / "README.md").read_text(encoding="utf-8")


def test_an_empty_catalogue_says_so(shell: Shell):
    assert shell("release", "list") == 0
    assert "No releases yet." in shell.out
    assert shell("release", "list", "--task", "mood") == 0
    assert "No releases of 'mood'." in shell.out
