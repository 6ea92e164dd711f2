"""Pins, tags, lineage, garbage: what is needed is never taken away, and what was taken away can come back."""

import time
from dataclasses import asdict

import pytest

from stepladder.core import BadRequest, Dataset, Example, LadderRelease, StoreError, Task
from stepladder.registry import Keeping, Record, Registry, export_release, import_release, record_of
from stepladder.rollout import promote
from stepladder.store import Store

TASK = Task("mood", "gpt", labels=("good", "bad"), recipes={"linear": {"bits": 10}})
EXAMPLES = (Example("1", "soup", "good", {"n": 1}), Example("2", "雨", "bad"))


class Place:
    """A store with its registry, where releases are made out of nothing."""

    def __init__(self, folder):
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.store = Store.open(f"sqlite:///{folder}/stepladder.db")
        self.registry = Registry(self.store.catalogue, folder / "releases")
        self.keeping = Keeping(self.store, self.registry)
        self.dataset = self.registry.freeze(Dataset("", "mood", {"train": EXAMPLES}))

    def release(self, content, rung="linear"):
        staged = self.folder / "staged"
        staged.mkdir()
        (staged / "model.safetensors").write_bytes(content)
        (staged / "card.json").write_bytes(b"{}")
        made = self.registry.admit("mood", rung, rung, self.dataset.hash, staged, {"accuracy": 0.9})
        self.registry.note(made, asdict(record_of(TASK, {"bits": 10}, 7)))
        return made

    def ladder(self, number, *releases):
        rungs = {release.rung: release.id for release in releases}
        made = LadderRelease(f"mood-{number}", "mood", number, rungs, dict.fromkeys(rungs, 0.9), None, "gpt")
        self.store.catalogue.add_ladder_release(made)
        return made


@pytest.fixture
def place(tmp_path):
    here = Place(tmp_path / "here")
    yield here
    here.store.close()


@pytest.fixture
def elsewhere(tmp_path):
    there = Place(tmp_path / "there")
    yield there
    there.store.close()


def test_what_answers_is_kept_warm_or_pinned_is_never_garbage(place):
    one, two, three, four, five, six = (place.release(b"%d" % n) for n in range(6))
    for number, release in enumerate((one, two, three), start=1):
        promote(place.store, place.ladder(number, release), "it is good")
    rollout = place.store.rollouts.get("mood")
    assert (rollout.live, rollout.previous) == ("mood-3", "mood-2")
    place.keeping.pin(four.id, "audit")
    place.store.turns.put("mood", {"releases": {"linear": five.id}})
    found = place.keeping.garbage("mood", before=time.time() + 9, keep=1)
    assert [release.id for release in found] == [one.id]
    assert place.keeping.garbage("mood", before=0.0, keep=1) == []
    place.keeping.pin(four.id, "")
    place.keeping.tag(one.id, "first")
    assert [release.id for release in place.keeping.garbage(before=time.time() + 9, keep=1)] == [four.id]
    assert six.id not in {release.id for release in found}


def test_deleting_refuses_what_is_needed_and_deletes_nothing_then(place):
    one, two = place.release(b"1"), place.release(b"2")
    promote(place.store, place.ladder(1, two), "it is good")
    with pytest.raises(BadRequest, match="in use"):
        place.keeping.take_away([one, two])
    assert place.registry.folder(one).is_dir()
    place.keeping.pin(one.id, "audit")
    with pytest.raises(BadRequest, match="pinned: audit"):
        place.keeping.take_away([one])
    place.keeping.pin(one.id, "")
    assert place.keeping.take_away([one]) == 3
    assert not place.registry.place(one).exists()
    assert place.keeping.marks(one.id).gone
    assert place.keeping.garbage(before=time.time() + 9, keep=0) == []


def test_tags_name_one_release(place):
    one, two = place.release(b"1"), place.release(b"2")
    place.keeping.tag(one.id, "best", "v1")
    assert place.keeping.find("best") == one
    place.keeping.tag(two.id, "best")
    with pytest.raises(BadRequest, match="several"):
        place.keeping.find("best")
    with pytest.raises(BadRequest, match="no release"):
        place.keeping.find("worst")
    with pytest.raises(BadRequest, match="no tag"):
        place.keeping.tag(one.id, two.id)


def test_lineage_goes_both_ways(place):
    one, two = place.release(b"1"), place.release(b"2", "encoder")
    promote(place.store, place.ladder(1, one, two), "it is good")
    found = place.keeping.lineage(one.id)
    assert found.sizes == {"train": 2}
    assert [ladder.id for ladder in found.ladders] == ["mood-1"]
    assert found.live_in == ("live: mood-1",)
    assert found.siblings == (two.id,)


def test_a_record_comes_back_and_tells_what_differs(place):
    release = place.release(b"1")
    record = place.keeping.record(release.id)
    assert record.task_again() == TASK
    assert record.packages["numpy"]
    assert record.changes(record) == {}
    other = Record(**{**asdict(record), "seed": 8, "packages": {**record.packages, "numpy": "1.0"}})
    assert record.changes(other) == {"seed": ("7", "8"), "package numpy": (record.packages["numpy"], "1.0")}
    place.registry.note(release, asdict(other))
    assert place.keeping.record(release.id) == record


@pytest.mark.parametrize("with_data", [False, True])
def test_a_whole_ladder_release_goes_to_another_place(place, tmp_path, with_data):
    one, two = place.release(b"1"), place.release(b"2", "encoder")
    ladder = place.ladder(1, one, two)
    export_release(place.store, place.registry, ladder.id, tmp_path / "x.tar.gz", with_data=with_data)
    store = Store.open(f"sqlite:///{tmp_path}/other.db")
    try:
        registry = Registry(store.catalogue, tmp_path / "other")
        for _ in range(2):
            import_release(store, registry, tmp_path / "x.tar.gz")
        assert store.catalogue.get_ladder_release(ladder.id) == ladder
        assert (registry.folder(one.id) / "model.safetensors").read_bytes() == b"1"
        assert Keeping(store, registry).record(two.id) == place.keeping.record(two.id)
        if with_data:
            assert registry.dataset(place.dataset.hash).splits == place.dataset.splits
        else:
            assert store.catalogue.get_dataset(place.dataset.hash) is None
    finally:
        store.close()


def test_what_was_taken_away_comes_back_from_its_file(place, tmp_path):
    release = place.release(b"1")
    export_release(place.store, place.registry, release.id, tmp_path / "x.tar.gz")
    place.keeping.take_away([release])
    import_release(place.store, place.registry, tmp_path / "x.tar.gz")
    assert (place.registry.folder(release) / "model.safetensors").read_bytes() == b"1"
    assert not place.keeping.marks(release.id).gone


def test_a_file_that_was_tampered_with_is_refused_whole(place, elsewhere, tmp_path):
    import gzip

    one, two = place.release(b"weights of one"), place.release(b"weights of two", "encoder")
    place.ladder(1, one, two)
    export_release(place.store, place.registry, "mood-1", tmp_path / "x.tar.gz")
    whole = gzip.decompress((tmp_path / "x.tar.gz").read_bytes())
    for old, new in (
        (b"weights of two", b"weights of TWO"),
        (b"model.safetensors", b"model.safetensorz"),
        (b'"format":1', b'"format":9'),
    ):
        changed = whole.replace(old, new)
        assert changed != whole
        (tmp_path / "y.tar.gz").write_bytes(gzip.compress(changed))
        with pytest.raises(StoreError):
            import_release(elsewhere.store, elsewhere.registry, tmp_path / "y.tar.gz")
    (tmp_path / "y.tar.gz").write_bytes((tmp_path / "x.tar.gz").read_bytes()[:700])
    with pytest.raises(StoreError):
        import_release(elsewhere.store, elsewhere.registry, tmp_path / "y.tar.gz")
    assert elsewhere.keeping.all() == []


def test_the_way_out_of_the_folder_is_closed(elsewhere, tmp_path):
    import io
    import json
    import tarfile

    made = elsewhere.release(b"1")
    manifest = {"format": 1, "releases": [asdict(made)]}
    for name in (f"{made.id}/../../evil.json", "/evil.json", f"{made.id}/model.pkl", "other/model.json"):
        with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as archive:
            for member, data in (("manifest.json", json.dumps(manifest).encode()), (name, b"{}")):
                about = tarfile.TarInfo(member)
                about.size = len(data)
                archive.addfile(about, io.BytesIO(data))
        with pytest.raises(StoreError, match="may not be in it"):
            import_release(elsewhere.store, elsewhere.registry, tmp_path / "x.tar.gz")
