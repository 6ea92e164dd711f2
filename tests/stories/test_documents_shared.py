"""What one worker has answered from documents all give again, to who may read the same, until the documents change."""

import sqlite3
import sys
from collections import Counter
from contextlib import closing

import pytest

from tests.product import Product, eventually, recorded, write_config
from tests.stories.test_workers import call, opened

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="one worker there")
QUESTION = "How much does the blue chair cost?"
HELP = """
[knowledge.embedder]
kind = "none"

[tasks.help]
kind = "answer"
top = "big"
cache_seconds = 600
knowledge = {collection = "manual", sure = 0.2}
"""


def test_answers_from_documents_are_shared_until_the_documents_change(tmp_path):
    config = write_config(
        tmp_path, recorded(tmp_path, {"hi": "hello"}), HELP, server="flywheel = false\nworkers = 3"
    )

    def put(price, **more):
        document = {
            "id": "chair",
            "title": "Blue chair",
            "text": f"The blue chair costs {price} euros.",
            **more,
        }
        assert call(product, "/admin/knowledge/manual", {"documents": [document]}, method="PUT")[0] == 200

    def ask(key=""):
        body = {"model": "help", "messages": [{"role": "user", "content": QUESTION}]}
        status, said = call(product, "/v1/chat/completions", body, key=key)
        assert status == 200, said
        return said["choices"][0]["message"]["content"]

    def rows(tenant="admin"):
        """How often each source has answered since it was last asked."""
        nonlocal counted
        with closing(sqlite3.connect(tmp_path / "stepladder-data" / "stepladder.db")) as connection:
            now = Counter(connection.execute("SELECT tenant, source FROM ledger").fetchall())
        counted, new = now, now - counted
        return {source: count for (who, source), count in new.items() if who == tenant}

    def kept():
        with closing(
            sqlite3.connect(f"file:{tmp_path / 'stepladder-data' / 'answers.db'}?mode=ro", uri=True)
        ) as connection:
            return connection.execute("SELECT count(*) FROM kept").fetchone()[0]

    counted = Counter()
    with Product(config) as product:
        put(40)
        eventually(lambda: "40" in ask() and kept() == 1)
        eventually(
            lambda: {ask() for _ in range(90)} and set(rows()) == {"cache"}
        )  # each worker has begun by then
        answers = {ask() for _ in range(30)}
        assert answers == {"The blue chair costs 40 euros. [1]"}
        assert rows() == {"cache": 30}

        put(50)
        assert "50" in ask(), "at once, in whichever worker"
        eventually(lambda: kept() == 2)
        assert rows() == {"live": 1}
        assert {ask() for _ in range(30)} == {"The blue chair costs 50 euros. [1]"}
        assert rows() == {"cache": 30}, "one worker has answered, and none of the others had to"

        store = opened(product)
        other = store.keys.create("other")
        store.close()
        assert call(product, "/admin/knowledge/manual", {"documents": [], "tenant": "other"}, method="PUT")[
            0
        ] in (200, 400)
        ask(other)
        assert "cache" not in rows("other"), "another tenant is answered anew"
