"""What is committed comes back, and the questions that the flywheel asks of it have the right answers."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepladder.core import BadRequest, LedgerUnavailable, StoreError, Turn
from stepladder.store import FeedbackRow, Latency, LedgerRow, Outcome, Store
from stepladder.store.columns import without_nul
from tests.store.samples import audit, row

texts = st.text(max_size=60)  # without surrogates
numbers = st.floats(allow_nan=False)
counts = st.integers(0, 2**63 - 1)
field_values = st.one_of(
    texts, st.integers(), st.booleans(), st.none(), numbers.filter(lambda x: abs(x) < 1e308)
)
rows = st.builds(
    LedgerRow,
    id=st.uuids().map(str),
    at=numbers,
    tenant=texts,
    task=texts,
    model=texts,
    text=texts,
    fields=st.dictionaries(texts, field_values, max_size=4),
    turns=st.lists(st.builds(Turn, texts, texts), max_size=3).map(tuple),
    answer=texts,
    rung=texts,
    release=texts,
    ladder_release=texts,
    confidence=numbers,
    top=st.booleans(),
    drawn=st.booleans(),
    low_answer=st.none() | texts,
    low_rung=st.none() | texts,
    low_confidence=st.none() | numbers,
    status=st.sampled_from(["ok", "partial", "failed"]),
    stream=st.booleans(),
    prompt_tokens=counts,
    completion_tokens=counts,
    cost=numbers,
    latency_ms=numbers,
    overhead_ms=numbers,
    source=texts,
    config_hash=texts,
    error=texts,
)


def _without_seq(row):
    return {name: getattr(row, name) for name in LedgerRow.__slots__ if name != "seq"}


@given(rows)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_row_comes_back_as_it_was_committed(either, sample):
    sample = replace(sample, id=f"{sample.id}{either.ledger.last_seq()}")  # the same example may come again
    asyncio.run(either.ledger.commit(sample))
    found = either.ledger.get(sample.id)
    expected = _without_seq(sample)
    if either._database.engine.dialect.name == "postgresql":
        expected = {name: without_nul(value) for name, value in expected.items()}
    assert _without_seq(found) == expected
    assert found.seq == either.ledger.last_seq()


async def test_a_huge_text_and_one_with_a_nul_come_back(store):
    text = "长x" * 1_000_000 + "\0 after"
    await store.ledger.commit(row(1, text=text))
    assert store.ledger.get("r1").text == text


@pytest.mark.parametrize("half", ["\ud83d", "a\ude00b"])
async def test_half_a_surrogate_pair_is_replaced_and_a_whole_one_is_joined(store, half):
    neighbours = [store.ledger.commit(row(number)) for number in range(2, 6)]
    sample = row(1, text=half, answer="\ud83d\ude00", fields={"x": half}, turns=(Turn("user", half),))
    await asyncio.gather(store.ledger.commit(sample), *neighbours)
    found = store.ledger.get("r1")
    assert found.text == half.replace(half.strip("ab"), "\ufffd")
    assert found.answer == "\N{GRINNING FACE}"
    assert store.ledger.get("r5") is not None


def test_write_many_replaces_half_surrogates_too(store):
    store.ledger.write_many([row(1, text="\ud83d")])
    assert store.ledger.get("r1").text == "\ufffd"


def test_write_many_writes_all_or_nothing(either):
    with pytest.raises(StoreError):
        either.ledger.write_many([row(1), row(2), row(1)])
    with pytest.raises(StoreError):
        either.ledger.write_many([row(1)], [audit(9)])
    assert either.ledger.last_seq() == 0
    either.ledger.write_many([row(1)], [audit(1)])
    assert either.ledger.count_labelled("mood") == 1


def test_an_unknown_request_is_none(store):
    assert store.ledger.get("nobody") is None
    assert store.ledger.get("\ud83d") is None


async def test_the_same_id_twice_is_refused_and_the_first_stands(store):
    await store.ledger.commit(row(1, answer="first"))
    with pytest.raises(LedgerUnavailable):
        await store.ledger.commit(row(1, answer="second"))
    assert store.ledger.get("r1").answer == "first"


@pytest.mark.parametrize("id", ["r9", "", "\ud83d", "r1'"])
async def test_feedback_and_audits_of_unknown_requests_are_bad_requests(store, id):
    await store.ledger.commit(row(1))
    with pytest.raises(BadRequest) as refused:
        await store.ledger.commit_feedback(FeedbackRow(id, 1.0, "acme", answer="bad"))
    assert refused.value.param == "request_id"
    with pytest.raises(BadRequest):
        await store.ledger.commit_audit(audit(9))


async def test_errors_do_not_quote_the_callers_text(store):
    await store.ledger.commit(row(1))
    with pytest.raises(LedgerUnavailable) as refused:
        await store.ledger.commit(row(1, text="my secret"))
    assert "my secret" not in f"{refused.value} {refused.value.__cause__!r}"
    with pytest.raises(StoreError) as refused:
        store.ledger.write_many([row(1, text="my secret")])
    assert "my secret" not in f"{refused.value} {refused.value.__cause__}"


def _labelled(store, **span):
    return [(item.id, item.top_answer, item.correction) for item in store.ledger.labelled("mood", **span)]


@pytest.fixture
async def labels(either):
    """Eight questions: which of them have a known answer, and how."""
    either.ledger.write_many(
        [
            row(1, top=True, drawn=True, answer="good", ladder_release="L1"),
            row(2),  # low, never audited
            row(3, drawn=True, ladder_release="L1", low_confidence=0.8, confidence=0.8),
            row(4, drawn=True, ladder_release="L1"),  # its audit failed
            row(5),  # corrected
            row(6, top=True, status="partial", drawn=True),
            row(7, top=True, task="other"),
            row(8, top=True, low_answer="bad", low_confidence=0.4, ladder_release="L1"),
        ],
        [audit(3, "bad"), audit(4, "", status="failed")],
    )
    for request, answer in (("r5", "bad"), ("r8", "meh"), ("r8", "bad")):
        await either.ledger.commit_feedback(FeedbackRow(request, 2.0, "acme", answer=answer))
    await either.ledger.commit_feedback(FeedbackRow("r8", 3.0, "acme", score=0.5))
    await either.ledger.commit_feedback(FeedbackRow("r2", 3.0, "acme", score=0.5))
    return either


async def test_labelled_rows_are_those_with_a_known_answer(labels):
    expected = [("r1", "good", None), ("r3", "bad", None), ("r5", None, "bad"), ("r8", "good", "bad")]
    assert _labelled(labels) == expected
    assert labels.ledger.count_labelled("mood") == 4
    last = labels.ledger.labelled("mood")[-1]
    assert (last.low_answer, last.low_confidence, last.top_model, last.drawn) == ("bad", 0.4, "gpt", False)
    assert [item.seq for item in labels.ledger.labelled("mood")] == [1, 3, 5, 8]


@pytest.mark.parametrize(
    ("span", "ids"),
    [
        ({"after": 1}, ["r3", "r5", "r8"]),
        ({"after": 3}, ["r5", "r8"]),
        ({"after": 8}, []),
        ({"until": 5}, ["r1", "r3", "r5"]),
        ({"after": 1, "until": 3}, ["r3"]),
        ({"limit": 2}, ["r1", "r3"]),
        ({"drawn": True}, ["r1", "r3"]),
        ({"drawn": False}, ["r5", "r8"]),
        ({"drawn": True, "after": 1}, ["r3"]),
    ],
)
async def test_labelled_rows_by_span(labels, span, ids):
    assert [id for id, *_ in _labelled(labels, **span)] == ids
    if not span.keys() & {"until", "limit"}:
        assert labels.ledger.count_labelled("mood", **span) == len(ids)


async def test_outcomes_are_the_drawn_rows_whose_top_answer_is_known(labels):
    assert labels.ledger.outcomes("mood", "L1") == [
        Outcome(
            1, 1.0, low=False, agreed=True, confidence=0.0, answer="good", top_answer="good", tenant="acme"
        ),
        Outcome(
            3, 3.0, low=True, agreed=False, confidence=0.8, answer="good", top_answer="bad", tenant="acme"
        ),
    ]
    assert [outcome.seq for outcome in labels.ledger.outcomes("mood", "L1", after=1)] == [3]
    assert labels.ledger.outcomes("mood", "L2") == labels.ledger.outcomes("other", "L1") == []


def test_an_outcome_of_a_climbed_row_tells_how_sure_the_low_rungs_were(store):
    store.ledger.write_many(
        [row(1, top=True, drawn=True, confidence=1.0, low_confidence=0.3, ladder_release="L")]
    )
    assert store.ledger.outcomes("mood", "L")[0].confidence == 0.3


def test_the_summary_of_nothing_knows_nothing(either):
    summary = either.ledger.summary("mood")
    assert (summary.answers, summary.top_calls, summary.cost) == (0, 0, 0.0)
    assert summary.avoided is summary.agreement is summary.cost_if_top is None


def test_the_summary_counts_audits_as_calls_and_pays_for_them(either):
    either.ledger.write_many(
        [
            *(row(n, top=True, drawn=True, cost=2.0, latency_ms=100.0 * n) for n in range(1, 5)),
            *(row(n, cost=0.0, latency_ms=1.0, drawn=n < 7, ladder_release="L1") for n in range(5, 15)),
            row(20, status="failed", cost=0.5, rung=""),
            row(21, status="partial", top=True, cost=1.0),
            row(22, task="other", top=True, cost=9.0),
        ],
        [audit(5, cost=3.0), audit(6, "bad", cost=4.0)],
    )
    summary = either.ledger.summary("mood")
    assert (summary.answers, summary.failed, summary.partial) == (15, 1, 1)
    assert summary.by_rung == {"gpt": 5, "linear": 10}
    assert summary.top_calls == 7
    assert summary.avoided == pytest.approx(8 / 15)
    assert summary.cost == pytest.approx(4 * 2 + 3 + 4 + 0.5 + 1)
    assert summary.cost_if_top == pytest.approx(15 * (4 * 2 + 3 + 4) / 6)
    assert summary.latency["gpt"] == Latency(4, 200.0, 400.0)


def test_the_agreement_weighs_each_ladder_release_by_its_answers(store):
    everything = [row(n, top=True, drawn=True) for n in range(100)]  # no release yet: all drawn, all agree
    low = [
        row(n, ladder_release="L1", drawn=n < 110) for n in range(100, 200)
    ]  # a tenth drawn, half of it wrong
    store.ledger.write_many(everything + low, [audit(n, "bad" if n % 2 else "good") for n in range(100, 110)])
    summary = store.ledger.summary("mood")
    assert (summary.drawn, summary.agreed) == (110, 105)
    assert summary.agreement == pytest.approx((100 * 1.0 + 100 * 0.5) / 200)
    assert store.ledger.summary("mood", ladder_release="L1").agreement == pytest.approx(0.5)
    assert store.ledger.summary("mood", since=100.0, until=105.0).answers == 5


async def test_closing_writes_what_is_waiting(url):
    store = Store.open(url)
    pending = [asyncio.ensure_future(store.ledger.commit(row(n))) for n in range(50)]
    await asyncio.sleep(0)
    store.close()
    await asyncio.gather(*pending)
    again = Store.open(url)
    assert again.ledger.last_seq() == 50
    again.close()
