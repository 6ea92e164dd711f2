"""Old rows go; what a promise, a budget or a conversation rests on does not."""

import asyncio

import pytest

from stepladder.core import Rollout
from stepladder.store import Charge, FeedbackRow, Store
from tests.store.samples import audit, row


@pytest.fixture
def store(url):
    store = Store.open(url)
    yield store
    store.close()


def quiet(done, total, what):
    pass


def test_old_rows_go_with_all_that_hangs_on_them(store):
    store.ledger.write_many([row(number) for number in range(1, 1001)], [audit(5), audit(900)])
    for id in ("r5", "r900"):
        asyncio.run(store.ledger.commit_feedback(FeedbackRow(id, 1.0, "acme", score=1.0)))
    asyncio.run(store.ledger.commit(row(2000, conversation="c")))
    asyncio.run(store.ledger.commit(row(3, id="old", conversation="c")))
    seen = []
    assert store.retention.old(501.0) == 501
    assert store.retention.prune(501.0, lambda *step: seen.append(step[:2])) == 501
    assert seen[0] == (0, 501) and seen[-1] == (501, 501) and seen == sorted(seen)
    assert store.ledger.get("r500") is None and store.ledger.get("r501") is not None
    assert store.ledger.get("r900") is not None
    assert [one.id for one in store.conversations.rows("acme", "c")] == ["r2000"]
    with store._database.read() as connection:
        counts = [
            connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()
            for table in ("ledger", "audits", "feedback")
        ]
    assert counts == [501, 1, 1]
    assert store.retention.size().rows == 501 and store.retention.size().oldest == 501.0
    assert store.retention.prune(501.0, quiet) == 0


def test_the_evidence_of_what_is_served_stays(store):
    store.rollouts.put(Rollout("mood", live="mood-2", candidate="mood-3", share=0.2), "test")
    store.ledger.write_many(
        [
            row(1, ladder_release="mood-1", drawn=True),
            row(2, ladder_release="mood-2", drawn=True),
            row(3, ladder_release="mood-2", drawn=False),
            row(4, ladder_release="mood-3", drawn=True),
        ]
    )
    assert store.retention.prune(100.0, quiet) == 2
    assert [id for id in ("r1", "r2", "r3", "r4") if store.ledger.get(id)] == ["r2", "r4"]
    assert len(store.ledger.outcomes("mood", "mood-2")) == 0, "not audited yet"


def test_the_bill_stays_whatever_goes(store):
    for number in range(1, 4):
        charge = Charge(20261121, "acme", "app", 0, 1000, 10)
        asyncio.run(store.ledger.commit(row(number), charge))
    before = store.spending.since(0)
    assert store.retention.prune(1e12, quiet) == 3
    assert store.spending.since(0) == before and before[0].nanos == 3000
    assert store.ledger.last_seq() == 0
    asyncio.run(store.ledger.commit(row(9)))
    assert store.ledger.get("r9").seq == 4, "a row's number is never given again"


def test_it_can_be_stopped_and_goes_on(store):
    store.ledger.write_many([row(number) for number in range(1, 1001)])
    left = iter([True, True, False])
    first = store.retention.prune(1e12, quiet, going_on=lambda: next(left))
    assert 0 < first < 1000
    assert store.retention.prune(1e12, quiet) == 1000 - first


def test_the_disk_gets_its_space_back(store):
    store.ledger.write_many([row(number, text="x" * 2000) for number in range(1, 2001)])
    before = store.retention.size().bytes
    store.retention.prune(1e12, quiet)
    store.retention.compact()
    assert store.retention.size().bytes < before / 5
