"""A release that has forgotten what earlier ones knew is not tried out."""

from dataclasses import replace

import pytest

from stepladder.core import Dataset, Example, Guess, LadderRelease
from stepladder.data import replay
from stepladder.rollout import Standing, earlier, forgotten, retest
from tests.streams import TASK


class Rung:
    name = "linear"

    def predict(self, questions):
        """Sure of everything, and knows what is new alone."""
        return [Guess("good", 0.4 if "unsure" in one.text else 0.9) for one in questions]


class Frozen:
    """A registry that has every data set."""

    def dataset(self, hash, task):
        return Dataset(hash, task, {})


def dataset(wrong, unsure=0, rows=100, hash="a" * 64):
    """So many rows whose answer the rung does not know, `unsure` of which it asks the top about."""
    examples = [
        Example(f"{hash[0]}{k}", f"{'unsure' if k < unsure else 'text'} {k}", "bad" if k < wrong else "good")
        for k in range(rows)
    ]
    return Dataset(hash, "mood", {"train": tuple(examples)})


LADDER = LadderRelease("mood-2", "mood", 2, {"linear": "linear-1"}, {"linear": 0.6}, None, "top")


@pytest.mark.parametrize(
    ("wrong", "unsure", "kept"),
    [(0, 0, 1.0), (15, 0, 0.85), (16, 0, 0.84), (40, 25, 0.85)],
)
def test_what_is_kept_is_what_a_low_rung_or_the_top_still_says(wrong, unsure, kept):
    (found,) = retest(TASK, LADDER, [Rung()], [dataset(wrong, unsure)])
    assert found.kept == pytest.approx(kept)
    assert found.low == 100 - unsure
    said = forgotten(TASK, LADDER, [Rung()], [dataset(wrong, unsure)])
    assert bool(said) == (kept < 0.85)  # promised 90 %, and 5 % may be forgotten


def test_the_worst_slice_decides_and_the_remedy_is_named():
    said = forgotten(TASK, LADDER, [Rung()], [dataset(0), dataset(50, hash="b" * 64)])
    assert "bbbbbbbbbbbb it keeps 50.0%" in said
    assert "tasks.mood.flywheel.replay" in said


def test_few_rows_and_no_release_tell_nothing():
    assert forgotten(TASK, LADDER, [Rung()], [dataset(40, rows=49)]) == ""
    assert forgotten(TASK, None, [Rung()], [dataset(50)]) == ""


def test_data_from_before_an_alarm_counts_only_where_it_is_replayed():
    standing = Standing(slices=("c",), older=("a", "b"))
    assert [one.hash for one in earlier(Frozen(), TASK, standing)] == ["c"]
    replayed = replace(TASK, flywheel=replace(TASK.flywheel, replay=0.2))
    assert [one.hash for one in earlier(Frozen(), replayed, standing)] == ["a", "b", "c"]


def test_replay_mixes_so_many_earlier_rows_in_that_they_are_the_share():
    fresh = [Example(f"n{k}", f"new {k}", "good", drawn=True) for k in range(30)]
    old = [Example(f"o{k}", f"old {k}", "bad", drawn=True) for k in range(50)]
    again = Example("o99", "NEW 3", "bad", drawn=True)  # asked again since: the newer answer counts
    mixed = replay(fresh, [[*old, again]], 0.25)
    assert len(mixed) == 40
    assert mixed[10:] == fresh
    assert {one.id[0] for one in mixed[:10]} == {"o"}
    assert again.id not in {one.id for one in mixed}
    assert not any(one.drawn for one in mixed[:10])
    assert replay(fresh, [[*old]], 0.25) == mixed
