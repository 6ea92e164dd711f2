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


@pytest.mark.parametrize("graph", [True, False])
def test_what_changes_all_day_does_not_grow_in_memory(small, tmp_path, monkeypatch, graph):
    monkeypatch.setattr(nearest, "GRAPH_FROM", 100 if graph else 10_000)
    monkeypatch.setattr(nearest, "_SLACK", 20)
    numbers = Numbers()

    def changed(turn):
        """Documents d0 to d119: 30 of them say something else each turn."""
        return [
            Document(f"d{n}", f"n{n + COUNT if n % 4 == turn % 4 and turn % 8 < 4 else n}")
            for n in range(120)
        ]

    with closing(Knowledge.open(tmp_path / "k.db", numbers)) as knowledge:
        sizes = set()
        for turn in range(20):
            knowledge.add("c", changed(turn))
            knowledge.embed("c")
            sizes.add(len(knowledge.nearest("c")))
            for n in (0, 1, 2, 3, 50, 117):
                now = changed(turn)[n].text
                assert found(knowledge, numbers.embed([now], query=True)[0])[0] == f"d{n}", (turn, n)
        assert max(sizes) <= 2 * 120 + 20 + 60
    # From its file, which knows vectors that are gone.
    with closing(Knowledge.open(tmp_path / "k.db", numbers)) as again:
        assert len(found(again, numbers.rows[5], 100)) == 100
        index = again.nearest("c")
        assert len(index) == 120 and (not graph or len(index._graph) == 120)


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
