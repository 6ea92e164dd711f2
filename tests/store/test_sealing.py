"""Texts at rest: sealed under their tenant's key, read back by every query, gone with the key."""

import asyncio
import base64
import os
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
import sqlalchemy

from stepladder.core import ConfigError, Remark, Sealing, StoreError, Turn
from stepladder.privacy import SealedKeys
from stepladder.safety import without_secrets
from stepladder.store import DecisionRow, FeedbackRow, HeldRow, Keep, Store
from tests.store.samples import audit, row

SAID = "It is said that 今天下雨了"


@pytest.fixture(params=["file", "postgres"])
def url(request, tmp_path):
    """Every test here holds wherever the texts lie."""
    return (
        f"sqlite:///{tmp_path / 'sealed.db'}"
        if request.param == "file"
        else request.getfixturevalue("postgres")
    )


@pytest.fixture
def master(monkeypatch):
    def make(name):
        monkeypatch.setenv(name, base64.b64encode(os.urandom(32)).decode())
        return f"env:{name}"

    return make


@pytest.fixture
def sealing(master):
    return Sealing(master("MASTER"))


def opened(url, sealing=None, **more):
    envelope = SealedKeys(sealing) if sealing is not None else None
    return Store.open(url, keep=Keep(pack_over=200, envelope=envelope, **more))


def fill(store, tenant="acme", number=1):
    asked = replace(
        row(number), tenant=tenant, text=SAID, answer=SAID, low_answer=SAID, fields={"a": SAID},
        turns=(Turn("user", SAID * 30),), grounds=f'{{"cited": "{SAID}"}}', drawn=True, top=False,
    )  # fmt: skip
    asyncio.run(store.ledger.commit(asked))
    asyncio.run(store.ledger.commit_audit(replace(audit(number), top_answer=SAID)))
    asyncio.run(store.ledger.commit_feedback(FeedbackRow(asked.id, 2.0, "boss", answer=SAID, comment=SAID)))
    remark = (Remark("words", "in", "hold", ("rude",), 1.0, False),)
    store.reviews.put(
        HeldRow(
            id=asked.id, at=1.0, due=9e9, tenant=tenant, task="", model="m", side="out", text=SAID,
            request=f'{{"q": "{SAID}"}}', remarks=remark, answer=SAID, fallback="reject", wanted=2,
            pictures=(SAID, "a sign"),
        )
    )  # fmt: skip
    store.reviews.decide(DecisionRow(asked.id, 3.0, "ann", "correct", SAID, SAID, "ann"))
    return asked


def on_disk(url):
    """Every value of every table, bytes as the text that they may be."""
    if url.startswith("postgres"):
        engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
        with engine.connect() as connection:
            tables = sqlalchemy.inspect(connection).get_table_names()
            rows = [
                row for table in tables for row in connection.execute(sqlalchemy.text(f'TABLE "{table}"'))
            ]
        engine.dispose()
        values = [value for row in rows for value in row]
        return "\n".join(v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values)
    file = url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(file)) as connection:
        return "\n".join(connection.iterdump())


def check_reads(store, asked):
    assert store.ledger.get(asked.id) == replace(asked, seq=store.ledger.get(asked.id).seq)
    (labelled,) = store.ledger.labelled(asked.task)
    assert (labelled.text, labelled.top_answer, labelled.correction) == (SAID, SAID, SAID)
    (outcome,) = store.ledger.outcomes(asked.task, asked.ladder_release)
    assert outcome.correction == SAID
    found = store.reviews.get(asked.id)
    assert (found.text, found.answer, found.request) == (SAID, SAID, f'{{"q": "{SAID}"}}')
    assert found.pictures == (SAID, "a sign")
    (said,) = store.reviews.decisions(asked.id)
    assert (said.correction, said.comment) == (SAID, SAID)


def test_nothing_readable_is_on_the_disk_and_everything_is_read_back(url, sealing):
    store = opened(url, sealing)
    asked = fill(store)
    check_reads(store, asked)
    assert "说" not in on_disk(url) and "今天" not in on_disk(url)
    assert len(store.data_keys.list()) == 1
    store.close()
    again = opened(url, sealing)
    check_reads(again, asked)
    again.close()


def test_each_tenant_has_its_own_key_and_the_words_of_a_question_are_the_askers(url, sealing):
    store = opened(url, sealing)
    fill(store, "acme", 1)
    fill(store, "zen", 2)
    assert sorted(key.tenant for key in store.data_keys.list()) == ["acme", "zen"]
    store.close()


@pytest.mark.parametrize("wrong", [None, "OTHER"])
def test_without_the_master_key_nothing_opens_and_the_message_says_which(url, sealing, master, wrong):
    store = opened(url, sealing)
    fill(store)
    store.close()
    with pytest.raises(ConfigError) as caught:
        opened(url, Sealing(master(wrong)) if wrong else None)
    assert caught.value.param == "privacy.sealing.key"
    opened(url, sealing).close()


def test_a_master_key_of_another_size_or_not_there_is_refused(monkeypatch):
    monkeypatch.setenv("SHORT", "abcd")
    for reference in ("env:SHORT", "env:NOT_THERE", "plain text"):
        with pytest.raises(ConfigError) as caught:
            SealedKeys(Sealing(reference))
        assert caught.value.param == "privacy.sealing.key" and "abcd" not in str(caught.value)


def test_the_master_key_is_rotated_by_wrapping_anew(url, sealing, master):
    store = opened(url, sealing)
    asked = fill(store)
    store.close()
    new = master("NEW")
    both = opened(url, Sealing(new, (sealing.key,)))
    assert both.data_keys.rewrap() == 1
    assert both.data_keys.rewrap() == 0
    both.close()
    only = opened(url, Sealing(new))
    check_reads(only, asked)
    only.close()


def test_a_tenants_key_is_rotated_by_hand_and_by_age(url, sealing, clock):
    store = Store.open(url, clock=clock, keep=Keep(envelope=SealedKeys(sealing), rotate_seconds=100.0))
    first = fill(store, number=1)
    clock.now += 50
    assert store.data_keys.rotate() == 1
    clock.now += 1
    fill(store, number=2)
    assert len(store.data_keys.list()) == 2
    clock.now += 100
    fill(store, number=3)
    assert len(store.data_keys.list()) == 3
    assert store.ledger.get(first.id).text == SAID
    store.close()


def test_what_was_plain_stays_readable_and_can_be_sealed(url, sealing):
    plain = opened(url, clean=None)
    asked = fill(plain)
    plain.close()
    store = Store.open(url, keep=Keep(clean=without_secrets, envelope=SealedKeys(sealing)))
    check_reads(store, asked)
    assert "今天" in on_disk(url)
    assert store.resealing.run(lambda done, total, what: None) == 5
    assert store.resealing.run(lambda done, total, what: None) == 0
    assert "今天" not in on_disk(url)
    check_reads(store, asked)
    store.close()


def test_an_erased_tenants_texts_cannot_be_read_even_where_they_still_lie(url, sealing):
    store = opened(url, sealing)
    fill(store, "acme", 1)
    kept = fill(store, "zen", 2)
    key = store.keys.create("acme")
    store.keys.create("zen")
    with store._database.write() as connection:
        store.data_keys.erase(connection, "acme")
    assert store.ledger.get("r1").text == "", "the row is as it was, and nobody can read it"
    assert store.reviews.get("r1").text == ""
    other = opened(url, sealing)
    assert other.ledger.get("r1").text == ""
    check_reads_of = other.ledger.get(kept.id)
    assert check_reads_of.text == SAID
    done = other.erasure.tenant("acme", "cli:test", lambda *_: None)
    assert (done.requests, done.reviews, done.keys) == (1, 1, 1)
    assert other.ledger.get("r1").status == "erased" and other.reviews.get("r1") is None
    assert key and [one.tenant for one in other.keys.list() if one.revoked_at is None] == ["zen"]
    (line,) = other.journal.newest(1, "tenant erase")
    assert line.detail.startswith("acme: 1 requests, 1 reviews")
    assert other.journal.verify() is None
    fill(other, "acme", 3)
    assert other.ledger.get("r3").text == SAID, "a tenant that comes back gets a key of its own"
    other.close()
    store.close()


def test_another_process_sees_within_a_second_that_a_key_was_erased(url, sealing, clock):
    one = Store.open(url, clock=clock, keep=Keep(envelope=SealedKeys(sealing)))
    fill(one)
    two = Store.open(url, clock=clock, keep=Keep(envelope=SealedKeys(sealing)))
    assert two.ledger.get("r1").text == SAID
    with one._database.write() as connection:
        one.data_keys.erase(connection, "acme")
    clock.now += 1.5
    assert two.ledger.get("r1").text == ""
    fill(two, number=2)
    assert two.ledger.get("r2").text == SAID, "it does not seal with a key that is gone"
    one.close()
    two.close()


def test_what_was_changed_is_not_opened(url, sealing):
    store = opened(url, sealing)
    fill(store)
    with store._database.write() as connection:
        connection.exec_driver_sql("UPDATE ledger SET text = substr(text, 1, length(text) - 8) || 'AAAAAAA='")
    with pytest.raises(StoreError, match="was changed"):
        store.ledger.get("r1")
    store.close()


def test_a_text_that_looks_sealed_comes_back_as_it_was(url):
    store = Store.open(url, keep=Keep(pack_over=0))
    for number, text in enumerate(("\x1es:abc:def", "\x1ez:nothing", "\x1e")):
        asyncio.run(store.ledger.commit(replace(row(number), text=text)))
        assert store.ledger.get(f"r{number}").text == text
    store.close()
