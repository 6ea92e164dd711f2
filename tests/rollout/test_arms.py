"""Arms beside each other: what is worse is found, what is as good is let be, and one loud person proves nothing."""

import asyncio
import random
from dataclasses import replace

import pytest

from stepladder.core import Turn
from stepladder.rollout import compare_arms
from stepladder.store import FeedbackRow, LedgerRow, Store

ARMS = ("a", "b")


@pytest.fixture(scope="module")
def store():
    store = Store.open("sqlite://")
    yield store
    store.close()


@pytest.fixture
def either(request):
    """A split of the test's own, in a store of them all."""
    return request.node.name


def answer(either, number, arm, **more):
    row = {"model": either, "rung": arm, "ladder_release": arm, "cost": 0.001, "latency_ms": 100.0}
    return LedgerRow(f"{either} {number}", float(number), "acme", "", text=f"q{number}", **{**row, **more})


def seen(store, either, count=1200, share=0.5, seed=0, **worse):
    """People's answers, of which those of arm b are as `worse` makes them (a function of a random number)."""
    draw = random.Random(seed)
    rows = []
    for k in range(count):
        arm = "b" if draw.random() < share else "a"
        more = {key: make(draw.random()) for key, make in worse.items()} if arm == "b" else {}
        rows.append(answer(either, k, arm, **more))
    store.ledger.write_many(rows, [])
    return rows


def shown(report):
    return {one.figure.partition(",")[0]: one.shown for one in report.compared if one.shown}


@pytest.mark.parametrize("share", [0.5, 0.1])
@pytest.mark.parametrize(
    ("worse", "found"),
    [
        ({"status": lambda x: "failed" if x < 0.3 else "ok"}, "could not answer"),
        ({"rung": lambda x: "spare" if x < 0.3 else "b"}, "could not answer"),
        ({"status": lambda x: "partial" if x < 0.3 else "ok"}, "left before its end"),
        ({"status": lambda x: "blocked" if x < 0.3 else "ok"}, "stopped or remarked on by guards"),
        ({"cost": lambda x: 0.003}, "money"),
        ({"latency_ms": lambda x: 100 + 400 * x}, "time"),
    ],
)
def test_whatever_is_worse_is_shown_and_nothing_else_and_the_other_way_round_it_is_better(
    store, either, worse, found, share
):
    seen(store, either, 2000, share, **worse)
    assert shown(compare_arms(store, either, ARMS)) == {found: "worse"}
    assert shown(compare_arms(store, either, ARMS[::-1])) == {found: "better"}


def test_arms_that_are_alike_are_hardly_ever_told_apart_however_often_one_looks(store):
    wrong = 0
    for seed in range(8):
        draw, either = random.Random(seed), f"alike {seed}"
        for start in range(0, 900, 300):
            rows = [
                answer(either, k, draw.choice("ab"), latency_ms=draw.expovariate(0.01), cost=draw.random())
                for k in range(start, start + 300)
            ]
            store.ledger.write_many(rows, [])
            wrong += bool(shown(compare_arms(store, either, ARMS)))
    assert wrong <= 1


@pytest.mark.parametrize(
    "named", [{"subject": "s"}, {"conversation": "c"}, {"turns": (Turn("user", "begin"),)}]
)
async def test_a_person_is_one_however_much_they_ask(store, either, named):
    rows = [answer(either, k, "a") for k in range(300)]
    rows += [answer(either, 300 + k, "b", status="failed", **named) for k in range(300)]
    rows.append(answer(either, 700, "b"))
    await asyncio.gather(*map(store.ledger.commit, rows))
    report = compare_arms(store, either, ARMS)
    a, b = report.arms
    assert (a.people, a.answers, b.people, b.answers, b.failed) == (300, 300, 2, 301, 300)
    assert shown(report) == {}


def test_an_hour_that_was_bad_for_all_is_held_against_nobody(store, either):
    """The small share comes late, and late all is slow: whoever came next to each other is compared."""
    draw, rows = random.Random(3), []
    for k in range(3000):
        arm = "b" if draw.random() < (0.02 if k < 1500 else 0.5) else "a"
        late = 300.0 if k >= 1500 else 100.0
        rows.append(
            answer(
                either,
                k,
                arm,
                latency_ms=late,
                status="failed" if late > 200 and draw.random() < 0.3 else "ok",
            )
        )
    store.ledger.write_many(rows, [])
    assert shown(compare_arms(store, either, ARMS)) == {}


@pytest.mark.parametrize("scale", [1.0, 5.0])
async def test_scores_are_compared_and_of_any_scale(store, either, scale):
    draw = random.Random(1)
    rows = [answer(either, k, draw.choice("ab")) for k in range(800)]
    store.ledger.write_many(rows, [])
    said = []
    for row in rows:
        good = draw.random() < (0.9 if row.ladder_release == "a" else 0.4)
        said.append(FeedbackRow(row.id, row.at, "acme", score=scale * good))
        said.append(FeedbackRow(row.id, row.at, "acme", score=0.0))
    await asyncio.gather(*map(store.ledger.commit_feedback, said))
    report = compare_arms(store, either, ARMS)
    assert shown(report) == {"score": "worse"}
    assert report.arms[0].scores == report.arms[0].answers


def test_what_was_kept_costs_no_time_and_is_no_answer_of_now(store, either):
    rows = [answer(either, k, "ab"[k % 2]) for k in range(400)]
    rows += [answer(either, k, "b", source="cache", latency_ms=0.1, cost=0.0) for k in range(400, 800)]
    store.ledger.write_many(rows, [])
    report = compare_arms(store, either, ARMS)
    assert (report.arms[1].cached, report.arms[1].p50_ms) == (400, 100.0)
    assert report.arms[1].cost == pytest.approx(0.001)
    assert shown(report) == {}


def test_what_nobody_was_drawn_for_and_what_is_erased_is_left_out(store, either):
    others = [{}, {"ladder_release": ""}, {"status": "erased"}, {"task": "mood"}, {"model": "another"}, {}]
    rows = [replace(answer(either, k, "b" if k else "a"), **more) for k, more in enumerate(others)]
    store.ledger.write_many(rows, [])
    assert [arm.answers for arm in compare_arms(store, either, ARMS).arms] == [1, 1]
    assert [arm.answers for arm in compare_arms(store, either, ARMS, since=1.0).arms] == [0, 1]
    assert [arm.answers for arm in compare_arms(store, "nothing", ARMS).arms] == [0, 0]
