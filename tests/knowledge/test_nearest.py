"""Nearest vectors: the graph finds what an exact search finds, follows the file, and is only a copy."""

from contextlib import closing

import numpy as np
import pytest

from stepladder.core import Scope
from stepladder.knowledge import Document, Knowledge, Query, SearchMode, nearest

COUNT = 400


class Numbers:
    """The vector of "n7" is row 7 of a fixed table."""

    name = "numbers"
    dimensions = 32

    def __init__(self, spread=0.3):
        chance = np.random.default_rng(0)
        rows = chance.normal(size=(COUNT * 2, 6)) @ chance.normal(size=(6, 32))
        rows += spread * chance.normal(size=rows.shape)
        self.rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def embed(self, texts, *, query):
        return self.rows[[int(text.removeprefix("n")) for text in texts]]


def documents(first, last):
    return [Document(f"d{number}", f"n{number}") for number in range(first, last)]


def found(knowledge, vector, top=10):
    hits = knowledge.search(Query("", "c", Scope(), top, SearchMode.VECTOR, vector))
    return [hit.passage.document for hit in hits]


@pytest.fixture
def small(monkeypatch):
    pytest.importorskip("usearch", reason="pip install 'stepladder[knowledge]'")
    monkeypatch.setattr(nearest, "GRAPH_FROM", 100)


def test_the_graph_finds_what_is_nearest_and_follows_the_file(small, tmp_path):
    numbers = Numbers()
    with closing(Knowledge.open(tmp_path / "k.db", numbers)) as knowledge:
        knowledge.add("c", documents(0, COUNT))
        knowledge.embed("c")
        files = list(tmp_path.glob("*.usearch"))
        assert len(files) == 1
        hits = 0
        for vector in numbers.rows[COUNT : COUNT + 50]:
            exact = np.argsort(-(numbers.rows[:COUNT] @ vector))[:10]
            hits += len({f"d{row}" for row in exact} & set(found(knowledge, vector)))
        assert hits >= 0.97 * 500
        knowledge.remove("c", ["d7"])
        assert found(knowledge, numbers.rows[7])[0] != "d7"
        knowledge.add("c", documents(COUNT, COUNT + 5))
        knowledge.embed("c")
        assert found(knowledge, numbers.rows[COUNT + 3])[0] == f"d{COUNT + 3}"
    for spoil in (lambda: None, files[0].unlink):  # from its file, and without it
        spoil()
        with closing(Knowledge.open(tmp_path / "k.db", numbers)) as again:
            assert found(again, numbers.rows[COUNT + 4])[0] == f"d{COUNT + 4}"
            assert found(again, numbers.rows[9])[0] == "d9"
            assert "d7" not in found(again, numbers.rows[7], 1000)


def test_a_file_that_is_no_graph_is_built_anew(small, tmp_path):
    numbers = Numbers()
    (tmp_path / "k-1.usearch").write_bytes(b"not a graph")
    with closing(Knowledge.open(tmp_path / "k.db", numbers)) as knowledge:
        knowledge.add("c", documents(0, COUNT))
        knowledge.embed("c")
        assert found(knowledge, numbers.rows[5])[0] == "d5"


def test_where_no_graph_finds_enough_all_are_compared(small, tmp_path, monkeypatch):
    monkeypatch.setattr(nearest, "_WIDTHS", (1,))
    numbers = Numbers(spread=50.0)
    with closing(Knowledge.open(tmp_path / "k.db", numbers)) as knowledge:
        knowledge.add("c", documents(0, COUNT))
        knowledge.embed("c")
        for vector in numbers.rows[COUNT : COUNT + 20]:
            best = int(np.argmax(numbers.rows[:COUNT] @ vector))
            assert found(knowledge, vector)[0] == f"d{best}"


def test_without_the_library_everything_is_exact(tmp_path, monkeypatch):
    monkeypatch.setattr(nearest, "GRAPH_FROM", 100)
    monkeypatch.setattr(nearest, "find_spec", lambda name: None)
    numbers = Numbers()
    with closing(Knowledge.open(tmp_path / "k.db", numbers)) as knowledge:
        knowledge.add("c", documents(0, COUNT))
        knowledge.embed("c")
        vector = numbers.rows[COUNT]
        assert found(knowledge, vector) == [
            f"d{row}" for row in np.argsort(-(numbers.rows[:COUNT] @ vector))[:10]
        ]
    assert not list(tmp_path.glob("*.usearch"))
