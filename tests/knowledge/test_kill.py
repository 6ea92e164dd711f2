"""kill -9 while 5,000 documents are added: the same command again does the rest, and nothing twice."""

import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from stepladder.knowledge import Change, Document, Knowledge, Query, SearchMode
from stepladder.testing.retrieving import PairEmbedder

DOCUMENTS = 5000
CHILD = """
import sys
from pathlib import Path
from tests.knowledge.test_kill import documents
from stepladder.knowledge import Knowledge
from stepladder.testing.retrieving import PairEmbedder

knowledge = Knowledge.open(Path(sys.argv[1]), PairEmbedder())
say = lambda done, total, what: print(what.split()[0], done, flush=True)
knowledge.add("news", documents(), progress=say)
knowledge.embed("news", progress=say)
"""
ROOT = Path(__file__).resolve().parents[2]


def documents():
    return (
        Document(f"d{i}", f"Report {i} says item number{i} arrived. 第{i}号货物已到。")
        for i in range(DOCUMENTS)
    )


def run_until(path, line):
    """Start the child and kill it the moment it says so."""
    command = [sys.executable, "-c", CHILD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        for said in child.stdout:
            if said.strip() == line:
                child.kill()
                break
    assert child.returncode == -9


def run_for(path, seconds):
    """Start the child and kill it after so long; whether it was done before."""
    command = [sys.executable, "-c", CHILD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT) as child:
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            child.kill()
    return child.returncode == 0


def begun(path):
    """Whether there is anything to count yet."""
    if not path.exists():
        return False
    with closing(sqlite3.connect(path)) as connection:
        return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


def counts(path):
    with closing(sqlite3.connect(path)) as connection:

        def ask(what):
            return connection.execute(what).fetchone()[0]

        found = {
            "documents": ask("SELECT count(DISTINCT id) FROM documents"),
            "rows": ask("SELECT count(*) FROM documents"),
            "passages": ask("SELECT count(*) FROM passages"),
            "indexed": ask("SELECT sum(passages) FROM segments"),
            "vectors": ask("SELECT count(*) FROM vectors"),
            "orphans": ask("SELECT count(*) FROM vectors WHERE passage NOT IN (SELECT number FROM passages)"),
            "lost": ask("SELECT count(*) FROM passages WHERE document NOT IN (SELECT number FROM documents)"),
        }
        assert ask("PRAGMA integrity_check") == "ok"
    return found


def test_an_ingestion_that_is_killed_at_any_moment_comes_to_its_end(tmp_path):
    path, chance, kills, patience = tmp_path / "knowledge.db", random.Random(3), 0, 1.0
    while not run_for(path, patience * chance.uniform(0.6, 1.4)):
        kills += 1
        patience *= 1.15  # a slow machine must get on too, and the kills then come everywhere in the work
        if not begun(path):
            continue
        half = counts(path)
        assert half["rows"] == half["documents"] == half["passages"] == (half["indexed"] or 0)
        assert half["orphans"] == half["lost"] == 0
    assert kills
    whole = counts(path)
    names = ("rows", "documents", "passages", "indexed", "vectors")
    assert {whole[name] for name in names} == {DOCUMENTS}
    assert whole["orphans"] == whole["lost"] == 0


@pytest.mark.parametrize("line", ["documents 1536", "passages 800"])
def test_a_killed_ingestion_is_finished_by_the_next(tmp_path, line):
    path = tmp_path / "knowledge.db"
    run_until(path, line)
    half = counts(path)
    assert half["rows"] == half["documents"] == half["passages"] == half["indexed"]
    assert half["vectors"] < DOCUMENTS
    assert half["orphans"] == half["lost"] == 0
    knowledge = Knowledge.open(path, PairEmbedder())
    try:
        done = knowledge.add("news", documents())
        assert done[Change.ADDED] + done[Change.UNCHANGED] == DOCUMENTS
        assert done[Change.UNCHANGED] == half["documents"]
        assert knowledge.embed("news") == DOCUMENTS - half["vectors"]
        whole = counts(path)
        names = ("rows", "documents", "passages", "indexed", "vectors")
        assert {whole[name] for name in names} == {DOCUMENTS}
        assert whole["orphans"] == whole["lost"] == 0
        for mode in SearchMode:
            hits = knowledge.search(Query("number4321", "news", mode=mode, top=5))
            assert "d4321" in [hit.passage.document for hit in hits] or mode is SearchMode.VECTOR
    finally:
        knowledge.close()
