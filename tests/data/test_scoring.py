"""Every row gets its scores; one out of bounds goes aside with why, and nothing else does."""

import json

import pytest

from stepladder.core import BadRequest
from stepladder.data import Bound, RowFile, score_rows, scoring


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
    assert all(row["scores"] == {"length": row["n"], "place": row["n"] - 1} for row in [*kept, *gone])
    assert [(row["n"], sorted(row["why"])) for row in gone] == [
        (1, ["length"]),
        (9, ["place"]),
        (10, ["length", "place"]),
    ]
    assert found.spread["length"][1] == 5.5


def test_a_bound_on_no_score_is_refused(rows, tmp_path):
    with pytest.raises(BadRequest, match="no score 'width'"):
        score_rows(rows, SCORERS, {"width": Bound(1)}, (tmp_path / "a", tmp_path / "b"), quiet)
