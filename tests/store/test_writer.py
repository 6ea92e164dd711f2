"""Group commit under load and in trouble: what was acknowledged is there, and nobody waits for ever."""

import asyncio
import random
import sqlite3
import threading
from contextlib import closing, suppress

import pytest
from sqlalchemy import event
from sqlalchemy.pool import Pool

from stepladder.core import LedgerUnavailable
from stepladder.store import FeedbackRow, Store
from tests.store.samples import audit, row


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "stepladder.db"


@pytest.fixture
def disk(path):
    """Call it with True, and no connection may make the database larger than it is; with False, all may again."""
    pages = [2**30]
    known = []

    def limit(connection, *_):
        known.append(connection)
        connection.execute(f"PRAGMA max_page_count = {pages[0]}").close()

    def fill(*, full):
        with closing(sqlite3.connect(path)) as reader:
            pages[0] = reader.execute("PRAGMA page_count").fetchone()[0] if full else 2**30
        for connection in known:  # the writer has taken one for good
            limit_again(connection)

    def limit_again(connection):
        with suppress(sqlite3.ProgrammingError):  # closed by now
            connection.execute(f"PRAGMA max_page_count = {pages[0]}").close()

    event.listen(Pool, "checkout", limit)
    yield fill
    event.remove(Pool, "checkout", limit)


async def test_every_future_resolves_after_its_row_is_visible_elsewhere(store, path):
    seen = []
    with closing(sqlite3.connect(path)) as reader:

        async def ask(number):
            await store.ledger.commit(row(number))
            seen.append(
                reader.execute("SELECT count(*) FROM ledger WHERE id = ?", (f"r{number}",)).fetchone()[0]
            )

        await asyncio.gather(*(ask(number) for number in range(200)))
    assert seen == [1] * 200


async def test_a_poison_row_does_not_fail_its_neighbours(store):
    await store.ledger.commit(row(0))
    await store.ledger.commit_audit(audit(0))
    jobs = [store.ledger.commit(row(number)) for number in range(1, 20)]
    poison = [
        store.ledger.commit(row(0)),
        store.ledger.commit(row(30, prompt_tokens=2**80)),
        store.ledger.commit(row(31, cost=float("nan"))),
        store.ledger.commit(row(32, text=object())),
        store.ledger.commit_audit(audit(0)),
    ]
    results = await asyncio.gather(*jobs, *poison, return_exceptions=True)
    assert results[:19] == [None] * 19
    assert [type(result) for result in results[19:]] == [LedgerUnavailable] * 5
    assert store.ledger.last_seq() >= 20
    assert all(store.ledger.get(f"r{number}") for number in range(20))


async def test_rows_audits_and_feedback_of_one_batch_find_each_other(store):
    jobs = []
    for number in range(20):
        jobs += [
            store.ledger.commit_feedback(FeedbackRow(f"r{number}", 1.0, "acme", answer="bad")),
            store.ledger.commit_audit(audit(number)),
            store.ledger.commit(row(number)),
        ]
    # Feedback comes after the answer has, so only a row of the same batch could be missing here.
    await asyncio.gather(*jobs[2::3])
    await asyncio.gather(*(job for place, job in enumerate(jobs) if place % 3 != 2))
    assert store.ledger.count_labelled("mood") == 20


async def test_a_cancelled_callers_row_is_written(store):
    task = asyncio.ensure_future(store.ledger.commit(row(1)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await store.ledger.commit(row(2))
    assert store.ledger.get("r1") is not None


def test_many_loops_in_many_threads(store):
    def work(start):
        async def ask():
            await asyncio.gather(*(store.ledger.commit(row(start + number)) for number in range(50)))

        asyncio.run(ask())

    threads = [threading.Thread(target=work, args=(start,)) for start in (0, 100, 200, 300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.ledger.last_seq() == 200


def test_a_loop_that_is_gone_hurts_nobody(store):
    async def leave():
        asyncio.ensure_future(store.ledger.commit(row(1)))  # noqa: RUF006 - left behind on purpose
        await asyncio.sleep(0)

    asyncio.run(leave())
    asyncio.run(store.ledger.commit(row(2)))
    assert store.ledger.get("r1") is not None


async def test_a_full_queue_refuses_at_once(url, path):
    store = Store.open(url, queue=5)
    with closing(sqlite3.connect(path, isolation_level=None)) as blocker:
        blocker.execute("BEGIN IMMEDIATE")
        jobs = [asyncio.ensure_future(store.ledger.commit(row(0)))]
        await asyncio.sleep(0.05)  # the thread has it, and waits for the lock
        jobs += [asyncio.ensure_future(store.ledger.commit(row(number))) for number in range(1, 6)]
        await asyncio.sleep(0)
        with pytest.raises(LedgerUnavailable, match="waiting"):
            await asyncio.wait_for(store.ledger.commit(row(9)), 1)
        blocker.execute("ROLLBACK")
    await asyncio.gather(*jobs)
    assert store.ledger.last_seq() == 6
    store.close()


async def test_a_closed_ledger_refuses(store):
    store.close()
    with pytest.raises(LedgerUnavailable, match="closed"):
        await store.ledger.commit(row(1))


async def test_a_full_disk_withholds_and_recovers(disk, url):
    store = Store.open(url)
    await store.ledger.commit(row(0))
    big = random.Random(0).randbytes(40_000).hex()  # packing makes it no smaller than its bytes
    disk(full=True)
    jobs = [store.ledger.commit(row(number, text=big)) for number in range(1, 11)]
    results = await asyncio.gather(*jobs, return_exceptions=True)
    assert [type(result) for result in results] == [LedgerUnavailable] * 10
    assert "full" in str(results[0])
    assert big not in str(results[0])
    disk(full=False)
    await asyncio.gather(*(store.ledger.commit(row(number, text=big)) for number in range(1, 11)))
    assert store.ledger.last_seq() >= 11
    assert all(store.ledger.get(f"r{number}").text == big for number in range(1, 11))
    store.close()


async def test_a_lock_that_is_held_too_long_withholds_and_recovers(url, path, monkeypatch):
    monkeypatch.setattr("stepladder.store.database.BUSY_SECONDS", 0.05)
    store = Store.open(url)
    with closing(sqlite3.connect(path, isolation_level=None)) as blocker:
        blocker.execute("BEGIN IMMEDIATE")
        results = await asyncio.gather(
            *(store.ledger.commit(row(n)) for n in range(5)), return_exceptions=True
        )
        blocker.execute("ROLLBACK")
    assert [type(result) for result in results] == [LedgerUnavailable] * 5
    assert "locked" in str(results[0])
    await asyncio.gather(*(store.ledger.commit(row(n)) for n in range(5)))
    store.close()


async def test_a_table_taken_away_withholds_and_recovers(store, path):
    with closing(sqlite3.connect(path, isolation_level=None)) as vandal:
        vandal.execute("ALTER TABLE ledger RENAME TO gone")
        with pytest.raises(LedgerUnavailable):
            await store.ledger.commit(row(1))
        vandal.execute("ALTER TABLE gone RENAME TO ledger")
    await store.ledger.commit(row(1))
    assert store.ledger.get("r1") is not None


async def test_a_thread_that_dies_leaves_nobody_waiting(url, monkeypatch):
    store = Store.open(url)
    monkeypatch.setattr("stepladder.store.writer.unavailable", None)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    await store.ledger.commit(row(1))
    jobs = [store.ledger.commit(row(1)), store.ledger.commit(row(2))]
    results = await asyncio.wait_for(asyncio.gather(*jobs, return_exceptions=True), 5)
    assert isinstance(results[0], LedgerUnavailable)
    with pytest.raises(LedgerUnavailable):
        await store.ledger.commit(row(3))
    store.close()
