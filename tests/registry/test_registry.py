"""Releases are what was put in, for good; datasets come back as they were frozen."""

import gzip
import os
import stat
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepladder.core import BadRequest, Dataset, Example, StoreError
from stepladder.registry import Registry, dataset_hash
from stepladder.store import Store


@pytest.fixture
def store(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path}/stepladder.db")
    yield store
    store.close()


@pytest.fixture
def registry(store, tmp_path):
    return Registry(store.catalogue, tmp_path / "releases")


@pytest.fixture
def again(store, tmp_path):
    """The registry as another process sees it: it has verified nothing yet."""
    return Registry(store.catalogue, tmp_path / "releases")


@pytest.fixture
def staged(tmp_path):
    def write(name="staged", **files):
        folder = tmp_path / name
        folder.mkdir()
        for file, content in (files or {"model.safetensors": b"weights", "card.json": b"{}"}).items():
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder

    return write


def _admit(registry, folder, task="天气", **changes):
    given = {
        "rung": "linear",
        "recipe": "linear",
        "dataset_hash": "h1",
        "metrics": {"accuracy": 0.9},
    } | changes
    return registry.admit(
        task, given["rung"], given["recipe"], given["dataset_hash"], folder, given["metrics"]
    )


def test_a_release_is_moved_to_its_place_read_only(registry, again, store, staged, tmp_path):
    folder = staged()
    release = _admit(registry, folder)
    assert not folder.exists()
    place = again.folder(release)
    assert place == again.folder(release.id) == tmp_path / "releases" / "天气" / release.id
    assert {path.name: path.read_bytes() for path in place.iterdir()} == {
        "model.safetensors": b"weights",
        "card.json": b"{}",
    }
    assert {stat.S_IMODE(path.stat().st_mode) & 0o222 for path in place.iterdir()} == {0}
    assert store.catalogue.get_release(release.id) == release
    assert release.id.isascii()
    assert [path.name for path in place.parent.iterdir()] == [release.id]


def test_the_same_files_are_the_same_release(registry, staged):
    release = _admit(registry, staged("one"))
    assert _admit(registry, staged("two"), metrics={"accuracy": 0.1}) == release
    assert _admit(registry, staged("three"), dataset_hash="h2").id != release.id
    assert _admit(registry, staged("four"), task="other").id != release.id
    changed = staged("five", **{"model.safetensors": b"weightz", "card.json": b"{}"})
    assert _admit(registry, changed).id != release.id
    renamed = staged("six", **{"model2.safetensors": b"weights", "card.json": b"{}"})
    assert _admit(registry, renamed).id != release.id


def test_a_crash_between_the_files_and_the_catalogue_is_mended_by_admitting_again(
    registry, staged, monkeypatch
):
    def crash(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("stepladder.store.Catalogue.add_release", crash)
        with pytest.raises(KeyboardInterrupt):
            _admit(registry, staged("one"))
    release = _admit(registry, staged("two"))
    assert registry.folder(release).is_dir()


@pytest.mark.parametrize(
    "file", ["model.pkl", "model.bin", "run.py", "model.safetensors.exe", "inner/x.pt", "noext"]
)
def test_files_of_other_kinds_are_refused(registry, store, staged, file):
    folder = staged(**{"model.json": b"{}", file: b"x"})
    with pytest.raises(StoreError, match="may not be in a release"):
        _admit(registry, folder)
    assert folder.exists()
    assert store.catalogue.list_releases("天气") == []


def test_links_and_empty_folders_are_refused(registry, staged, tmp_path):
    folder = staged()
    os.symlink(tmp_path / "stepladder.db", folder / "link.json")
    with pytest.raises(StoreError, match=r"link\.json"):
        _admit(registry, folder)
    (tmp_path / "empty" / "inner").mkdir(parents=True)
    with pytest.raises(StoreError, match="no files"):
        _admit(registry, tmp_path / "empty")


def _change(place):
    (place / "card.json").chmod(0o644)
    (place / "card.json").write_bytes(b"[]")


def _add(place):
    (place / "more.json").write_bytes(b"{}")


def _take_one(place):
    (place / "card.json").unlink()


def _take_all(place):
    for path in place.iterdir():
        path.unlink()
    place.rmdir()


@pytest.mark.parametrize("tamper", [_change, _add, _take_one, _take_all])
def test_a_release_that_was_tampered_with_is_not_loaded(registry, again, staged, tmp_path, tamper):
    release = _admit(registry, staged())
    tamper(tmp_path / "releases" / "天气" / release.id)
    with pytest.raises(StoreError, match=release.id):
        again.folder(release)


def test_an_unknown_release_or_dataset_is_a_store_error(registry):
    for ask in (registry.folder, registry.dataset):
        with pytest.raises(StoreError, match="nothing"):
            ask("nothing")


@pytest.mark.parametrize(
    "task",
    ["", ".", "..", "../up", "a/b", "a\\b", "/etc", ".hidden", "a\0b", "a\nb", "a:b", " a", "a.", "长" * 60],
)
def test_names_that_are_no_folders_are_refused(registry, staged, tmp_path, task):
    folder = staged()
    with pytest.raises(BadRequest) as refused:
        _admit(registry, folder, task=task)
    assert refused.value.param == "task"
    with pytest.raises(BadRequest):
        registry.freeze(Dataset("", task, {}))
    assert folder.exists()


texts = st.text(st.characters(), max_size=20)  # surrogates included
examples = st.builds(
    Example,
    id=texts,
    text=texts,
    label=texts,
    fields=st.dictionaries(
        texts, st.one_of(texts, st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False))
    ),
    origin=texts,
    drawn=st.booleans(),
    gold=st.none() | texts,
    at=st.floats(allow_nan=False),
)
splits = st.dictionaries(st.text(max_size=5), st.lists(examples, max_size=3).map(tuple), max_size=3)


@given(splits)
@settings(max_examples=30, deadline=None)
def test_a_dataset_comes_back_as_it_was_frozen(tmp_path_factory, splits):
    store = Store.open("sqlite://")
    registry = Registry(store.catalogue, tmp_path_factory.mktemp("releases"))
    frozen = registry.freeze(Dataset("whatever", "mood", splits))
    assert frozen == Dataset(dataset_hash(splits), "mood", splits)
    assert registry.dataset(frozen.hash) == frozen
    assert registry.freeze(frozen) == frozen
    store.close()


ONE = Example("1", "一", "good", {"b": 1, "a": "x"})
TWO = Example("2", "二", "bad")


def test_the_hash_depends_on_content_and_order_only():
    hash = dataset_hash({"train": (ONE, TWO), "test": (TWO,)})
    assert dataset_hash({"test": [TWO], "train": [replace(ONE, fields={"a": "x", "b": 1}), TWO]}) == hash
    assert dataset_hash({"train": (TWO, ONE), "test": (TWO,)}) != hash
    assert dataset_hash({"train": (ONE,), "test": (TWO, TWO)}) != hash
    assert dataset_hash({"train": (replace(ONE, drawn=False), TWO), "test": (TWO,)}) != hash


def test_the_hash_is_the_same_on_every_machine():
    assert (
        dataset_hash({"train": (ONE,)}) == "ca53211c3ae791747a2023d5cd740cdab9085037f7a2b54c972239dc9145baeb"
    )


def test_a_dataset_that_was_changed_is_not_loaded(registry, tmp_path):
    frozen = registry.freeze(Dataset("", "mood", {"train": (ONE, TWO)}))
    file = next((tmp_path / "releases").rglob("*.jsonl.gz"))
    text = gzip.decompress(file.read_bytes())
    for content in (gzip.compress(text.replace(b"good", b"evil")), gzip.compress(text[:-5]), b"", b"noise"):
        file.chmod(0o644)
        file.write_bytes(content)
        with pytest.raises(StoreError):
            registry.dataset(frozen.hash)
