"""Long texts are packed in the database and come back as they were, through every query."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.core import Turn
from stepladder.store import Keep, Store
from stepladder.store.packing import MARK, SIGN, packed, unpacked
from tests.store.samples import audit, row

LONG = "The same words again, 再说一遍. " * 1000


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 50))
def test_what_goes_in_comes_out(text, over):
    for given_text in (text, MARK + text, text * 20):
        small = packed(given_text, over)
        assert unpacked(small) == given_text
        assert len(small) <= len(given_text) or given_text.startswith(SIGN)


@pytest.fixture
def store(url):
    store = Store.open(url, keep=Keep(pack_over=1000))
    yield store
    store.close()


def test_every_query_gives_it_back(store, url):
    rows = [
        row(1, text=LONG, answer=LONG, turns=(Turn("user", LONG),), top=True),
        row(2, text=LONG + "!", answer="good"),
        row(3, task="", text=LONG, answer=LONG),
        row(4, text=f"{MARK}not packed", answer="\ud83d half" + LONG),
    ]
    for one in rows:
        asyncio.run(store.ledger.commit(one))
    store.ledger.write_many([row(5, text=LONG, drawn=True)], [audit(2)])
    assert store.ledger.get("r1").turns == (Turn("user", LONG),)
    for one in rows[:3]:
        found = store.ledger.get(one.id)
        assert (found.text, found.answer) == (one.text, one.answer)
    assert store.ledger.get("r4").text == f"{MARK}not packed"
    assert store.ledger.get("r4").answer.endswith(LONG)
    labelled = {found.id: (found.text, found.top_answer) for found in store.ledger.labelled("mood")}
    assert labelled["r1"] == (LONG, LONG) and labelled["r2"] == (LONG + "!", "good")
    assert [found.text for found in store.ledger.plain(5)] == [LONG]
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        for text, size in connection.execute("SELECT text, length(text) FROM ledger"):
            assert size < 2000, "what lies on the disk is small"
            assert text.startswith(SIGN)


def test_what_was_written_before_is_read_and_short_texts_stay_as_they_are(url):
    store = Store.open(url, keep=Keep(pack_over=0))
    asyncio.run(store.ledger.commit(row(1, text=LONG)))
    store.close()
    store = Store.open(url, keep=Keep(pack_over=100))
    asyncio.run(store.ledger.commit(replace(row(2), text="short")))
    assert store.ledger.get("r1").text == LONG
    store.close()
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        texts = connection.execute("SELECT text FROM ledger ORDER BY seq").fetchall()
    assert texts == [(LONG,), ("short",)]
