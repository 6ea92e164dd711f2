"""Releases at an address: put there whole or not at all, fetched by another machine, and checked before they are used."""

import json
import uuid

import pytest

from stepladder.core import ArtefactsConfig, ConfigError, StoreError
from stepladder.registry import Keeping, Registry, Remote
from stepladder.store import Store

fsspec = pytest.importorskip("fsspec", reason="needs stepladder[artefacts]")
FILES = {"model.safetensors": b"weights" * 1000, "deep/card.json": b"{}"}


@pytest.fixture
def store(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path}/stepladder.db")
    yield store
    store.close()


@pytest.fixture(params=["memory", "file"])
def remote(request, tmp_path):
    return Remote(f"memory://{uuid.uuid4()}/x" if request.param == "memory" else (tmp_path / "far").as_uri())


@pytest.fixture
def here(store, tmp_path, remote):
    return Registry(store.catalogue, tmp_path / "here", remote=remote)


@pytest.fixture
def there(store, tmp_path, remote):
    """Another machine: the same catalogue, an empty folder."""
    return Registry(store.catalogue, tmp_path / "there", remote=remote)


def admitted(registry, tmp_path, **files):
    staged = tmp_path / uuid.uuid4().hex
    for name, content in (files or FILES).items():
        (staged / name).parent.mkdir(parents=True, exist_ok=True)
        (staged / name).write_bytes(content)
    return registry.admit("天气", "linear", "linear", "h1", staged, {})


def at(remote, release, name=""):
    return f"{remote._root}/天气/{release.id}/{name}".rstrip("/")


def test_another_machine_fetches_what_it_has_not(here, there, tmp_path):
    release = admitted(here, tmp_path)
    place = there.folder(release)
    assert place == tmp_path / "there" / "天气" / release.id
    assert {path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*.*")} == FILES
    assert [path.name for path in place.parent.iterdir()] == [release.id]
    assert there.folder(release) == place


def test_what_was_changed_there_is_not_taken(here, there, remote, tmp_path):
    release = admitted(here, tmp_path)
    remote._files.pipe_file(at(remote, release, "model.safetensors"), b"poison!" * 1000)
    with pytest.raises(StoreError, match="not what was put there"):
        there.folder(release)
    # Also where its complete.json was made to fit.
    told = json.loads(remote._files.cat_file(at(remote, release, "complete.json")))
    other = admitted(here, tmp_path, **{"model.safetensors": b"poison!" * 1000})
    forged = json.loads(remote._files.cat_file(at(remote, other, "complete.json")))
    told["files"]["model.safetensors"] = forged["files"]["model.safetensors"]
    remote._files.pipe_file(at(remote, release, "complete.json"), json.dumps(told).encode())
    with pytest.raises(StoreError, match="not the ones that were admitted"):
        there.folder(release)
    told["files"]["../../evil.json"] = told["files"]["model.safetensors"]
    remote._files.pipe_file(at(remote, release, "complete.json"), json.dumps(told).encode())
    with pytest.raises(StoreError, match="may not be in a release"):
        there.folder(release)
    assert not (tmp_path / "there" / "天气" / release.id).exists()
    assert not list(tmp_path.rglob("evil.json"))


@pytest.mark.parametrize("left", [None, b'{"digest": "ab'])
def test_what_a_crash_left_does_not_count_and_is_put_again(here, there, remote, tmp_path, left):
    release = admitted(here, tmp_path)
    remote._files.rm(at(remote, release, "complete.json"))
    remote._files.rm(at(remote, release, "deep/card.json"))
    if left is not None:
        remote._files.pipe_file(at(remote, release, "complete.json"), left)
    with pytest.raises(StoreError, match="are missing"):
        there.folder(release)
    here.share(release)
    assert (there.folder(release) / "deep" / "card.json").read_bytes() == b"{}"


def test_nothing_is_in_the_catalogue_that_could_not_be_put(here, remote, store, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(remote._files, "put_file", full)
    with pytest.raises(StoreError, match="No space left"):
        admitted(here, tmp_path)
    assert store.catalogue.list_releases() == []
    monkeypatch.undo()
    release = admitted(here, tmp_path)
    assert store.catalogue.list_releases() == [release]


def test_what_is_deleted_goes_there_too(here, there, remote, store, tmp_path):
    release, other = admitted(here, tmp_path), admitted(here, tmp_path, **{"a.json": b"[]"})
    assert Keeping(store, here).take_away([release]) > 0
    assert not remote._files.exists(at(remote, release))
    assert there.folder(other)
    with pytest.raises(StoreError, match="are missing"):
        there.folder(release)


def test_an_unknown_kind_of_address_is_named_without_its_secrets():
    with pytest.raises(ConfigError, match="nowhere://") as caught:
        Remote("nowhere://me:secret@host/x")
    assert "secret" not in str(caught.value)
    assert Remote.of(ArtefactsConfig()) is None
