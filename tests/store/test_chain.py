"""The journal's chain: whatever is done to a line, the first one that is wrong is named."""

import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepladder.core import BadRequest, DataError, Mode, Rollout
from stepladder.store import Anchor, Link, Store, first_fault, read_journal
from stepladder.store.chain import rechain

words = st.text(max_size=8)
lines = st.lists(
    st.builds(Link, st.just(0), st.floats(0, 2e9), words, words, words, st.just("")), min_size=2, max_size=12
)


def whole(links):
    """A chain of these lines and its head."""
    chain = list(rechain(links))
    return chain, Anchor(chain[-1].number, chain[-1].digest)


def number_of(links, head, anchors=()):
    fault = first_fault(links, head=head, anchors=anchors)
    return fault.number if fault else None


@given(lines, st.data())
@settings(max_examples=60)
def test_a_chain_stands_until_any_word_of_any_line_is_changed(links, data):
    chain, head = whole(links)
    assert first_fault(chain, head=head) is None
    assert first_fault(chain, head=head, anchors=[Anchor(1, chain[0].digest), head, Anchor()]) is None
    at = data.draw(st.integers(0, len(chain) - 1))
    name = data.draw(st.sampled_from(["who", "what", "detail", "at"]))
    old = getattr(chain[at], name)
    chain[at] = replace(chain[at], **{name: old + 1 if name == "at" else old + "x"})
    assert number_of(chain, head) == at + 1


@given(lines, st.data())
@settings(max_examples=60)
def test_a_line_taken_out_put_in_or_moved_is_named(links, data):
    chain, head = whole(links)
    at = data.draw(st.integers(0, len(chain) - 1))
    gone = chain[:at] + chain[at + 1 :]
    assert number_of(gone, head) == at + 1
    again = [replace(link, number=place) for place, link in enumerate(gone, 1)]
    assert number_of(again, head) == min(at + 1, len(chain)), "numbered anew, so that no gap shows"
    stranger = replace(chain[at], detail="forged", number=at + 2)
    stranger = replace(stranger, before=chain[at].digest)
    stranger = replace(stranger, digest=stranger.computed())
    after = [replace(link, number=link.number + 1) for link in chain[at + 1 :]]
    assert number_of([*chain[: at + 1], stranger, *after], head) in (at + 2, at + 3, head.number + 1)
    other = data.draw(st.integers(0, len(chain) - 1).filter(lambda place: place != at))
    swapped = list(chain)
    swapped[at], swapped[other] = swapped[other], swapped[at]
    assert number_of(swapped, head) is not None


@given(lines, st.data())
@settings(max_examples=60)
def test_a_cut_tail_is_missed_by_the_head_and_a_forged_chain_by_an_anchor(links, data):
    chain, head = whole(links)
    kept = data.draw(st.integers(0, len(chain) - 1))
    assert number_of(chain[:kept], head) == kept + 1
    assert number_of(chain[:kept], None, [head]) == kept + 1
    forged, new_head = whole([replace(chain[0], who="somebody else"), *chain[1:]])
    assert first_fault(forged, head=new_head) is None, "who may write everything can forge everything,"
    assert number_of(forged, new_head, [head]) == head.number, "but not what was kept elsewhere"


def test_every_act_is_chained_in_its_own_transaction(either):
    either.switches.put("mood", Mode.TOP, "ann")
    either.entries.put("mood", "a secret question", "good", "ann")
    either.entries.remove("mood", "a secret question", who="bob")
    either.rollouts.put(Rollout("mood", live="mood-1"), "It was promoted.")
    either.journal.note("ann", "key create", "app\0 \ud83d")
    assert not either.journal.note_once("ann", "key create", "app\ufffd \ufffd")
    said = [(link.number, link.who, link.what) for link in either.journal.links()]
    assert said == [
        (1, "ann", "mode"),
        (2, "ann", "dictionary put"),
        (3, "bob", "dictionary remove"),
        (4, "flywheel", "rollout"),
        (5, "ann", "key create"),
    ]
    assert "secret question" not in str(list(either.journal.links())), "the journal keeps no text for good"
    assert either.journal.verify() is None
    assert either.journal.head() == Anchor(5, either.journal.newest(1)[0].digest)
    assert [link.number for link in either.journal.newest(9, "mode")] == [1]


def test_writers_at_once_keep_one_chain(either):
    def write(who):
        for count in range(10):
            either.journal.note(who, "act", str(count))

    threads = [threading.Thread(target=write, args=(f"writer {number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert either.journal.head().number == 40
    assert either.journal.verify() is None


@pytest.mark.parametrize(
    ("done", "number", "how"),
    [
        ("UPDATE journal SET detail = 'b' WHERE id = 2", 2, "was changed"),
        ("DELETE FROM journal WHERE id = 2", 2, "is missing"),
        ("DELETE FROM journal WHERE id >= 3", 3, "is missing"),
        ("DELETE FROM journal", 1, "is missing"),
        ("DELETE FROM settings WHERE name = 'journal head'", 1, "head ends before it"),
        (
            "INSERT INTO journal SELECT 5, at, who, what, detail, before, digest FROM journal WHERE id = 4",
            5,
            "changed|not written",
        ),
    ],
)
def test_what_is_done_to_the_file_is_found_also_after_the_next_line(url, store, done, number, how):
    for count in range(4):
        store.journal.note("ann", "act", str(count))
    assert store.journal.verify() is None
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute(done)
    fault = store.journal.verify()
    assert fault is not None and fault.number == number
    if "settings" not in done:
        store.journal.note("ann", "act", "later")
        later = store.journal.verify()
        assert later is not None and later.number == number


def test_lines_from_before_the_chain_are_chained_by_the_migration(tmp_path):
    old = tmp_path / "old.db"
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.executescript((Path(__file__).parent / "schema_0003.sql").read_text())
        for number in (3, 4, 9):
            connection.execute("INSERT INTO journal VALUES (?, ?, 'ann', 'act', 'x')", (number, number / 7))
        connection.execute("INSERT INTO keys VALUES ('h', 'root', 1, 'abcd', 1.0, NULL, 'root', NULL)")
    store = Store.open(f"sqlite:///{old}")
    store.journal.note("ann", "act", "new")
    assert [link.number for link in store.journal.links()] == [1, 2, 3, 4]
    assert store.journal.verify() is None
    assert [key.grant.role for key in store.keys.list()] == ["owner"]
    store.close()


def test_an_exported_journal_is_checked_without_the_store(tmp_path):
    file = tmp_path / "journal.jsonl"
    file.write_text('{"number": 1}\n')
    with pytest.raises(DataError, match="line 1"):
        list(read_journal(file))
    with pytest.raises(DataError, match="Cannot read"):
        list(read_journal(tmp_path / "none"))
    with pytest.raises(BadRequest, match="no anchor"):
        Anchor.parse("17")
    assert Anchor.parse(str(Anchor(3, "a" * 64))) == Anchor(3, "a" * 64)
