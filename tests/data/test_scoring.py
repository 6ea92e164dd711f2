"""Every row gets its scores; one out of bounds goes aside with why, and nothing else does."""

import json

import pytest

from stepladder.core import BadRequest
from stepladder.data import Bound, RowFile, restore, score_rows, scoring


def quiet(done, total, what):
    pass


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps({"input": "x" * n, "n": n}) + "\n" for n in range(1, 11)))
    with RowFile(path) as found:
        yield found


SCORERS = {
    "length": lambda start, texts: [len(text) for text in texts],
    "place": lambda start, texts: [start + k for k in range(len(texts))],
}


def read(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_rows_keep_their_place_and_go_aside_with_why(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(scoring, "_TOGETHER", 3)
    bounds = {"length": Bound(2, 9), "place": Bound(most=7)}
    places = tmp_path / "out.jsonl", tmp_path / "gone.jsonl"
    found = score_rows(rows, SCORERS, bounds, places, quiet)
    assert (found.rows, found.kept, found.gone) == (10, 7, {"length": 2, "place": 2})
    kept, gone = map(read, places)
    assert [row["n"] for row in kept] == list(range(2, 9))
    assert all(row["scores"] == {"length": row["n"], "place": row["n"] - 1} for row in kept)
    assert [(row["line"], row["rules"], row["scores"]["length"]) for row in gone] == [
        (1, ["length"], 1),
        (9, ["place"], 9),
        (10, ["length", "place"], 10),
    ]
    assert gone[2]["reason"] == "length 10 is more than 9; place 9 is more than 7"
    assert found.spread["length"][1] == 5.5
    assert restore(*places, tmp_path / "back.jsonl", ("place",)) == (9, 2)
    assert [row["n"] for row in read(tmp_path / "back.jsonl")] == list(range(2, 11))


class Killed(BaseException):
    """A kill, at a place that a test chooses."""


@pytest.mark.parametrize("at", [0, 3, 6, 9, 12])
def test_a_run_that_was_killed_goes_on_and_broken_rows_come_back(tmp_path, monkeypatch, at):
    monkeypatch.setattr(scoring, "_TOGETHER", 3)
    monkeypatch.setattr(scoring, "_SAVED_SECONDS", -1.0)
    lines = [json.dumps({"input": "x" * n, "n": n}) for n in range(1, 14)]
    lines = ["broken", *lines[:5], "[]", "{}", *lines[5:], "the end"]
    path = tmp_path / "in.jsonl"
    path.write_text("\n".join(lines) + "\n")
    scored = []

    def length(start, texts):
        scored.append(start)
        return [len(text) for text in texts]

    def dying(start, texts):
        if start == at:
            raise Killed
        return length(start, texts)

    places = tmp_path / "out.jsonl", tmp_path / "gone.jsonl"
    whole = tmp_path / "whole.jsonl", tmp_path / "whole.gone"
    bounds = {"length": Bound(2, 9)}
    with RowFile(path) as rows:
        wanted = score_rows(rows, {"length": length}, bounds, whole, quiet)
        with pytest.raises(Killed):
            score_rows(rows, {"length": dying}, bounds, places, quiet)
        assert not places[0].exists()
        with (tmp_path / "out.jsonl.part").open("ab") as file:
            file.write(b'{"input": "half a li')
        scored.clear()
        assert score_rows(rows, {"length": length}, bounds, places, quiet) == wanted
        assert scored == list(range(at, 13, 3))
        with pytest.raises(Killed):
            score_rows(rows, {"length": dying}, bounds, places, quiet)
        scored.clear()
        score_rows(rows, {"length": length}, {"length": Bound(3, 9)}, places, quiet)
        assert scored[0] == 0  # another bound is another run
        score_rows(rows, {"length": length}, bounds, places, quiet)
    assert [place.read_bytes() for place in places] == [place.read_bytes() for place in whole]
    assert restore(*places, tmp_path / "back.jsonl") == (17, 9)
    back = (tmp_path / "back.jsonl").read_text().splitlines()
    assert [json.loads(line)["n"] if '"n"' in line else line for line in back] == [
        *("broken", 1, 2, 3, 4, 5, "[]", "{}"),
        *(6, 7, 8, 9, 10, 11, 12, 13, "the end"),
    ]


def test_a_bound_on_no_score_is_refused(rows, tmp_path):
    with pytest.raises(BadRequest, match="no score 'width'"):
        score_rows(rows, SCORERS, {"width": Bound(1)}, (tmp_path / "a", tmp_path / "b"), quiet)
