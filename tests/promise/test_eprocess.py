"""The audit's e-process: a fair game under the promise, an alarm when it is broken, and the same after a restart."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.promise import (
    AuditProcess,
    Drift,
    InvalidPromiseInput,
    binomial_test_greater,
    clopper_pearson_lower,
    detection_bound,
)
from stepladder.promise.eprocess import reserve, stakes, watched_rates

ALLOWED = 0.1


def serve(process, rng, rates, chance, batch=50):
    """Feed answers whose loss rate is given, one by one in time, `batch` at once; the answers until the alarm."""
    hits = rng.random(len(rates)) < np.asarray(rates) * chance
    for start in range(0, len(rates), batch):
        found = int(hits[start : start + batch].sum())
        process.observe_batch(min(batch, len(rates) - start), [chance] * found, chance, audits=found)
        if process.alarmed:
            return start + batch
    return math.inf


@pytest.mark.parametrize("chance", [0.02, 0.3, 1.0])
def test_one_step_is_a_fair_game_at_the_allowed_rate(chance):
    """The expected e-value after an answer is the e-value before it, exactly, whatever came before."""
    before = AuditProcess(0.9, 0.1, share=chance)
    before.observe_batch(40, [chance] * 2, chance, audits=3)
    clean, hit = AuditProcess.from_dict(before.to_dict()), AuditProcess.from_dict(before.to_dict())
    clean.observe(low=True, audited=False, probability=chance, wrong=False)
    hit.observe(low=True, audited=True, probability=chance, wrong=True)
    found = ALLOWED * chance
    assert (1 - found) * clean.e_value + found * hit.e_value == pytest.approx(before.e_value, rel=1e-12)
    assert hit.e_value > before.e_value > clean.e_value


def test_one_step_is_fair_also_when_the_probability_is_not_the_one_bet_on():
    before = AuditProcess(0.9, 0.1, share=0.05)
    expected = 0.0
    for chance, weight in ((0.05, 0.5), (0.4, 0.5)):  # audits that depend on the score
        for wrong, mass in ((True, ALLOWED * chance), (False, 1 - ALLOWED * chance)):
            after = AuditProcess.from_dict(before.to_dict())
            after.observe(low=True, audited=wrong, probability=chance, wrong=wrong)
            expected += weight * mass * after.e_value
    assert expected == pytest.approx(before.e_value, rel=1e-12)


def test_bets_follow_the_probability_in_use():
    """With a lower floor only the first batch is bet on too little: what is in use counts from then on."""
    careful, usual = AuditProcess(0.9, 0.1, share=0.01), AuditProcess(0.9, 0.1, share=0.2)
    for process in (careful, usual):
        for _ in range(40):
            process.observe_batch(50, [0.2] * 2, 0.2, audits=10)
    assert usual.alarmed
    assert 0.5 * usual.e_value < careful.e_value < usual.e_value


@pytest.mark.parametrize("target", [0.5, 0.9, 0.99, 0.9999])
@pytest.mark.parametrize("chance", [0.001, 0.1, 1.0])
def test_capital_never_turns_negative(target, chance):
    rates = watched_rates(target)
    assert (rates > 1 - target).all() and (rates < 1.0).all() and rates.size >= 1
    staked = stakes(rates, 1 - target, chance)
    assert (staked > 0).all() and (staked * (1 - target) < 1).all()


def test_money_staked_and_kept_is_one():
    process = AuditProcess(0.9, 0.1)
    assert process.e_value == pytest.approx(1.0)
    assert reserve(0) == 0.5
    assert 0 < reserve(10**9) < reserve(10**6) < reserve(10)


@pytest.mark.parametrize("rate", [0.1, 0.07])
def test_false_alarms_stay_below_the_risk(rate):
    rng = np.random.default_rng(3)
    runs, risk = 300, 0.2
    alarms = sum(
        serve(AuditProcess(0.9, risk, 0.2), rng, np.full(4000, rate), 0.2) < math.inf for _ in range(runs)
    )
    assert binomial_test_greater(alarms, runs, risk) > 1e-3


def test_good_times_that_become_bad_in_the_mean_raise_no_alarm_either():
    """Rates that move, but never above the allowed one, as when a model's mood changes."""
    rng = np.random.default_rng(4)
    rates = 0.05 + 0.05 * np.sign(np.sin(np.arange(4000) / 200.0))
    alarms = sum(serve(AuditProcess(0.9, 0.2, 0.2), rng, rates, 0.2) < math.inf for _ in range(200))
    assert binomial_test_greater(alarms, 200, 0.2) > 1e-3


@pytest.mark.parametrize("history", [0, 5000])
def test_drift_is_found_within_its_bound(history):
    rng = np.random.default_rng(6)
    excess, share, runs = 0.15, 0.3, 120
    bound = detection_bound(Drift(excess, history), target=0.9, risk=0.1, share=share, confidence=0.9)
    rates = np.concatenate([np.full(history, 0.02), np.full(bound.answers, ALLOWED + excess)])
    delays = [serve(AuditProcess(0.9, 0.1, share), rng, rates, share) - history for _ in range(runs)]
    late = sum(delay > bound.answers + 50 for delay in delays)  # looked at every 50 answers
    assert binomial_test_greater(late, runs, 0.1) > 1e-3
    assert np.median(delays) > bound.answers / 6, "the bound says nothing"
    assert bound.excess_errors == pytest.approx(bound.answers * excess)


def test_detection_is_sooner_for_more_audits_and_larger_drifts():
    def answers(excess=0.1, share=0.1, risk=0.1, history=0):
        return detection_bound(Drift(excess, history), target=0.9, risk=risk, share=share).answers

    assert answers(share=0.2) < answers() < answers(share=0.05)
    assert answers(excess=0.2) < answers() < answers(excess=0.05)
    assert answers(risk=0.2) < answers() < answers(risk=0.01)
    assert answers() < answers(history=1000) < answers(history=100_000) < 3 * answers(history=1000)


observations = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.sampled_from([0.1, 0.25, 1.0]), st.booleans()), max_size=40
)


def feed(process, seen):
    for low, audited, chance, wrong in seen:
        checked = low and audited
        process.observe(low=low, audited=checked, probability=chance, wrong=checked and wrong)


@given(observations, observations)
def test_a_restart_changes_nothing(first, second):
    whole, stopped = AuditProcess(0.9, 0.05, 0.1), AuditProcess(0.9, 0.05, 0.1)
    feed(whole, first + second)
    feed(stopped, first)
    resumed = AuditProcess.from_dict(json.loads(json.dumps(stopped.to_dict())))
    feed(resumed, second)
    assert resumed.to_dict() == whole.to_dict()
    assert resumed.agreement() == whole.agreement()
    assert (resumed.e_value, resumed.alarmed) == (whole.e_value, whole.alarmed)


def test_an_alarm_stays_and_floods_of_errors_do_not_overflow():
    process = AuditProcess(0.9, 0.1, 0.01)
    process.observe_batch(5000, [0.01] * 5000, 0.01, audits=5000)
    assert process.alarmed and math.isfinite(process.e_value)
    for _ in range(40):
        process.observe_batch(10**6, [], 0.01, audits=0)
    assert process.e_value < 1.0
    assert process.alarmed
    assert AuditProcess.from_dict(process.to_dict()).alarmed


def test_agreement_interval_holds_at_all_times_at_once():
    rng = np.random.default_rng(8)
    runs, missed = 200, 0
    for _ in range(runs):
        process, truth = AuditProcess(0.9, 0.1, 0.2), 0.94
        outside = False
        for found in rng.binomial(100, 0.06 * 0.2, size=30):
            process.observe_batch(100, [0.2] * int(found), 0.2, audits=20)
            seen = process.agreement()
            assert 0.0 <= seen.low <= seen.estimate <= seen.high <= 1.0
            outside |= not seen.low <= truth <= seen.high
        missed += outside
        assert seen.low > 0.85 and seen.high < 0.99
    assert clopper_pearson_lower(missed, runs, 1e-3) < 0.1


def test_agreement_before_anything_and_with_all_wrong():
    process = AuditProcess(0.9, 0.1, 1.0)
    assert (process.agreement().low, process.agreement().high) == (0.0, 1.0)
    process.observe_batch(200, [], 1.0, audits=200)
    assert process.agreement().high == 1.0 and 0.95 < process.agreement().low < 1.0
    process = AuditProcess(0.9, 0.1, 1.0)
    process.observe_batch(200, [1.0] * 200, 1.0, audits=200)
    assert process.agreement().low == 0.0 and process.agreement().high < 0.05


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: AuditProcess(1.0, 0.1), "target"),
        (lambda: AuditProcess(0.9, 1.5), "risk"),
        (lambda: AuditProcess(0.9, 0.1, 0.0), "share"),
        (lambda: AuditProcess(0.9, 0.1).observe(False, True, 0.5, False), "audited"),
        (lambda: AuditProcess(0.9, 0.1).observe(True, False, 0.5, True), "wrong"),
        (lambda: AuditProcess(0.9, 0.1, 0.1).observe(True, True, 0.05, True), "probability"),
        (lambda: AuditProcess(0.9, 0.1).observe(True, True, math.nan, False), "probability"),
        (lambda: AuditProcess(0.9, 0.1).observe_batch(1, [0.5, 0.5], 0.5, audits=2), "wrong_at"),
        (lambda: AuditProcess(0.9, 0.1).observe_batch(2, [0.5], 0.5, audits=0), "audits"),
        (lambda: AuditProcess.from_dict({**AuditProcess(0.9, 0.1).to_dict(), "capital": [1.0]}), "capital"),
        (lambda: detection_bound(Drift(0.95), target=0.9, risk=0.1, share=0.1), "excess"),
        (lambda: detection_bound(Drift(0.001), target=0.9, risk=0.1, share=0.1), "excess"),
        (lambda: detection_bound(Drift(0.1), target=0.9, risk=0.1, share=0.0), "share"),
    ],
)
def test_bad_input_is_named(call, field):
    with pytest.raises(InvalidPromiseInput) as caught:
        call()
    assert caught.value.field == field
