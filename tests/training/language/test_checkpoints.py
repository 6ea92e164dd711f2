"""Checkpoints count only when they are whole."""

import pytest

from stepladder.training.language import newest_whole, seal
from stepladder.training.language.checkpoints import Sealer, is_whole


def checkpoint(folder, step):
    place = folder / f"checkpoint-{step}"
    place.mkdir(parents=True)
    (place / "weights").write_bytes(bytes(range(step, step + 50)))
    (place / "state").write_text(f"{step}", encoding="utf-8")
    return place


def sealed(folder, step):
    place = checkpoint(folder, step)
    seal(place)
    return place


def test_the_newest_whole_one_is_found_by_its_step_and_not_by_its_name(tmp_path):
    places = {step: sealed(tmp_path, step) for step in (9, 10, 2)}
    assert newest_whole(tmp_path) == (places[10], [])


@pytest.mark.parametrize(
    "harm",
    [
        lambda place: (place / "weights").write_bytes(b"torn"),
        lambda place: (place / "weights").unlink(),
        lambda place: (place / "manifest.json").unlink(),
        lambda place: (place / "manifest.json").write_text('{"weights": ', encoding="utf-8"),
        lambda place: (place / "manifest.json").write_text("{}", encoding="utf-8"),
    ],
)
def test_a_damaged_one_is_taken_away_and_the_one_before_it_counts(tmp_path, harm):
    before, last = sealed(tmp_path, 5), sealed(tmp_path, 10)
    harm(last)
    assert newest_whole(tmp_path) == (before, ["checkpoint-10"])
    assert not last.exists()


def test_none_is_no_error(tmp_path):
    assert newest_whole(tmp_path / "never") == (None, [])
    checkpoint(tmp_path, 5)  # not sealed
    assert newest_whole(tmp_path) == (None, ["checkpoint-5"])


def test_a_checkpoint_counts_once_it_is_sealed_behind_the_training(tmp_path):
    told = []
    sealer = Sealer(lambda place, seconds: told.append((place.name, is_whole(place))))
    for step in (5, 10):
        sealer.begin(checkpoint(tmp_path, step))
    sealer.close()
    assert told == [("checkpoint-5", True), ("checkpoint-10", True)]


def test_a_disk_that_is_full_while_it_is_sealed_is_said_at_the_next(tmp_path):
    sealer = Sealer(lambda place, seconds: None)
    place = checkpoint(tmp_path, 5)
    (place / ".manifest.json").mkdir()  # cannot be written, as on a full disk
    sealer.begin(place)
    with pytest.raises(OSError, match=r"manifest"):
        sealer.begin(checkpoint(tmp_path, 10))
    sealer.close()
    assert newest_whole(tmp_path)[0] is None
