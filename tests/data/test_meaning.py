"""Texts that say the same in other words are found by their vectors: the first stays, blocks change nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.core import BadRequest
from stepladder.data import Kept, find_alike, find_alike_to, meaning


def quiet(done, total, what):
    pass


class Angles:
    """A text is an angle in degrees: how alike two are is known."""

    name, dimensions = "angles", 2

    def embed(self, texts, *, query):
        turned = np.radians([float(text) for text in texts])
        return np.stack([np.cos(turned), np.sin(turned)], axis=1).astype(np.float32)


def firsts(angles, within):
    """The first text that stands and is near enough, one after the other."""
    found = []
    for at, angle in enumerate(angles):
        near = (k for k in range(at) if found[k] == k and abs(angles[k] - angle) <= within)
        found.append(next(near, at))
    return found


@given(st.lists(st.integers(0, 60), max_size=40))
def test_the_first_that_stands_is_the_original_wherever_blocks_end(angles):
    with pytest.MonkeyPatch.context() as patch:
        for name, size in (("_BLOCK", 4), ("_EARLIER", 3), ("_ASKED", 5)):
            patch.setattr(meaning, name, size)
        texts = [str(angle) for angle in angles]
        found = find_alike(texts, Angles(), quiet, alike=np.cos(np.radians(5.5)))
    assert found.original.tolist() == firsts(angles, 5)


def test_chains_of_small_steps_do_not_join_what_differs():
    texts = ["0", "4", "8", "12", "90"]
    assert find_alike(texts, Angles(), quiet, alike=np.cos(np.radians(5))).original.tolist() == [
        0,
        0,
        2,
        2,
        4,
    ]


def test_rows_that_say_what_a_test_row_says_are_found():
    alike = np.cos(np.radians(5))
    found = find_alike_to((["0", "30", "62", "64"], ["61", "3"]), Angles(), quiet, alike=alike)
    assert found.tolist() == [0, 2, 3]
    assert find_alike_to(([], ["61"]), Angles(), quiet, alike=alike).tolist() == []


class Dying(Angles):
    """Ends, as by a kill, when it is asked for one text too many."""

    def __init__(self, most):
        self.asked, self._most = [], most

    def embed(self, texts, *, query):
        if len(self.asked) + len(texts) > self._most:
            raise KeyboardInterrupt
        self.asked += texts
        return super().embed(texts, query=query)


def test_vectors_that_an_ended_run_has_made_are_not_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr(meaning, "_ASKED", 3)
    texts = [str(angle) for angle in range(0, 90, 9)]
    kept = Kept(tmp_path / "out.vectors", "these")
    with pytest.raises(KeyboardInterrupt):
        find_alike(texts, Dying(7), quiet, alike=0.98, kept=kept)
    with kept.path.open("ab") as file:
        file.write(b"torn")
    second = Dying(99)
    found = find_alike(texts, second, quiet, alike=0.98, kept=kept)
    assert found.original.tolist() == find_alike(texts, Angles(), quiet, alike=0.98).original.tolist()
    assert second.asked == texts[6:]
    third = Dying(99)
    find_alike(texts, third, quiet, alike=0.98, kept=Kept(kept.path, "others"))
    assert third.asked == texts


@pytest.mark.parametrize("alike", [0, -1, 1.1, float("nan")])
def test_a_bound_that_is_no_cosine_is_refused(alike):
    with pytest.raises(BadRequest, match="alike"):
        find_alike(["1"], Angles(), quiet, alike=alike)
