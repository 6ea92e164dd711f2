"""A batch whose doubtful rows go up first: what is arranged, what it saves, and when it is left alone."""

from dataclasses import replace
from random import Random

import pytest

from stepladder.core import PromiseKind
from stepladder.data import Log, LogRow
from stepladder.interaction.backtest import Terms, backtest
from stepladder.interaction.batches import arranged
from stepladder.interaction.terms import implied_task

TERMS = Terms(target=0.9, risk=0.1, labels=1000, seed=3, batch=True)


def quiet(done, total, what):
    """Say nothing."""


def log(rows=4000, seed=5):
    """A row has one of 1,200 telling words, whose spelling tells nothing, or, one in four, nothing to go by."""
    rng, found = Random(seed), []
    words = ["".join(rng.choices("abcdefghijklmnop", k=6)) for _ in range(1200)]
    for line in range(rows):
        place, told = rng.randrange(1200), rng.random() < 0.75
        answer = str(place % 2) if told else rng.choice("01")
        text = f"{words[place]} {words[place - 2]} was heard" if told else f"heard {rng.randrange(9)} times"
        found.append(LogRow(line, text, answer, gold=answer))
    return Log(tuple(found))


def test_rows_are_arranged_as_the_proof_wants_it():
    rows = list(log().rows)
    task = implied_task(rows, TERMS)
    found = arranged(task, rows, 700, 3, quiet)
    back, lines = {row.line for row in rows[700:1000]}, [row.line for row in found.rows]
    assert sorted(lines) == [row.line for row in rows]  # nothing is lost or asked twice
    assert lines[:700] == [row.line for row in rows[:700]]
    ends = 700 + len(found.sent)
    assert set(lines[700:ends]) == found.sent
    assert set(lines[ends : found.labelled]) == back - found.sent
    assert back & found.sent  # held-back rows are sent as the others are
    assert found.bought == found.sent - back
    assert found.scope.population == len(rows) - ends
    assert found.scope.counted == found.batch == len(rows) - 1000
    # The same rows, other ones held back: what is sent does not tell.
    mixed = rows[:700] + Random(1).sample(rows[700:], len(rows) - 700)
    assert arranged(task, mixed, 700, 3, quiet).sent == found.sent


def test_what_climbs_anyway_is_learnt_and_saves_calls():
    found = backtest(log(), TERMS, quiet)
    assert found.agreement >= 0.9
    assert found.certificate.horizon == 3000
    assert found.calls_avoided == sum(rung.answers for rung in found.rungs if rung.name == "linear") / 3000
    assert sum(rung.answers for rung in found.rungs) == 3000
    alone = backtest(log(), replace(TERMS, batch=False, hold_back=0.3), quiet)
    assert found.calls_avoided > alone.calls_avoided + 0.02


def test_without_labels_held_back_the_calibration_is_bought_of_what_is_left():
    found = backtest(log(), replace(TERMS, hold_back=0.0), quiet)
    assert found.agreement >= 0.9
    assert found.certificate.horizon == 3000
    assert found.certificate.sample == found.calibration > 0
    assert found.calls_avoided == sum(rung.answers for rung in found.rungs if rung.name == "linear") / 3000


@pytest.mark.parametrize(
    "how",
    [
        {"batch": False},
        {"floor": 0.5},
        {"kind": PromiseKind.RECALL, "positive": "1"},
    ],
    ids=str,
)
def test_it_is_left_alone_where_nothing_is_proved_or_gained(how):
    assert not replace(TERMS, **how).climbs_first
    assert TERMS.climbs_first


def test_few_labels_all_train():
    assert TERMS.held_share == 0.3
    assert replace(TERMS, labels=300).held_share == replace(TERMS, target=0.99).held_share == 0.0
