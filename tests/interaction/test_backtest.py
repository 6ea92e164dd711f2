"""The backtest is the flywheel over a log: same store, same recipe, same certificate."""

import os
import random
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest

from stepladder.core import ConfigError, DataError, PromiseKind
from stepladder.data import FieldNames, Log, LogRow, Skipped, read_log
from stepladder.interaction.backtest import Terms, backtest, closed_answers

WORDS = {"1": ("lovely", "bright", "好吃"), "0": ("awful", "dull", "难吃")}
PLAIN = ("table", "soup", "waiter", "evening", "菜", "street")


def log(count=1500, hard=0.2, seed=1, **more):
    draw = random.Random(seed)
    rows = []
    for line in range(1, count + 1):
        answer = draw.choice("01")
        telling = draw.choices(WORDS[answer] if draw.random() >= hard else PLAIN, k=2)
        gold = answer if draw.random() < 0.9 else "0"
        words = [*draw.choices(PLAIN, k=4), *telling, f"n{line}"]
        rows.append(LogRow(line, " ".join(words), answer, gold))
    return Log(tuple(rows), **more)


def synonyms(count=1500):
    """Each answer has 300 telling words, of which a text holds four: few labels do not show what all texts do."""
    draw = random.Random(4)
    words = [
        "".join(draw.choices("abcdefghijklmnop", k=5)) for _ in range(600)
    ]  # their spelling tells nothing
    rows = []
    for line in range(1, count + 1):
        answer = draw.choice("01")
        telling = draw.choices(words[:300] if answer == "1" else words[300:], k=4)
        rows.append(LogRow(line, " ".join([*telling, draw.choice(PLAIN)]), answer, answer))
    return Log(tuple(rows))


def quiet(done, total, what):
    pass


TERMS = Terms(target=0.9, risk=0.1, labels=300, seed=3)


def test_figures_add_up_and_the_promise_is_kept():
    seen = []
    found = backtest(log(), TERMS, lambda *said: seen.append(said))
    assert (found.rows, found.labels, found.target, found.risk) == (1500, 300, 0.9, 0.1)
    assert found.agreement >= 0.9
    assert found.calls_avoided > 0.5
    shares = {rung.name: rung for rung in found.rungs}
    assert sum(rung.answers for rung in found.rungs) == 1200
    assert shares["linear"].share == pytest.approx(found.calls_avoided)
    assert shares["linear"].median_us > 0 and shares["log"].median_us is None
    assert shares["log"].answers >= found.calibration > 0
    assert found.certificate.sample == found.calibration
    assert found.certificate.horizon == 1200 - found.calibration
    assert found.certificate.risk == 0.1
    assert set(found.thresholds) == {"linear"}
    assert found.top_accuracy_gold == pytest.approx(0.95, abs=0.03)
    assert seen[-1][:2] == (1500, 1500)
    assert [live for live, _ in groupby(change.rollout.live for change in found.history)] == [
        None,
        "backtest-1",
    ]


def test_several_learned_rungs_are_certified_together_and_keep_the_promise(monkeypatch):
    monkeypatch.setattr("stepladder.training.neighbours.any_embedder", lambda: {"kind": "ngrams"})
    found = backtest(log(hard=0.1), replace(TERMS, rungs=("linear", "neighbours")), quiet)
    assert set(found.thresholds) <= {"linear", "neighbours"} and "linear" in found.thresholds
    assert found.agreement >= 0.9
    assert found.calls_avoided > 0.4
    assert sum(rung.answers for rung in found.rungs) == 1200


def test_a_rung_that_nobody_installed_is_refused_by_name():
    with pytest.raises(ConfigError, match="oracle"):
        backtest(log(), replace(TERMS, rungs=("oracle",)), quiet)


def test_reliability_and_classes_are_over_the_low_answers():
    found = backtest(log(hard=0.3), TERMS, quiet)
    low = sum(rung.answers for rung in found.rungs if rung.name == "linear")
    assert sum(one.answers for one in found.reliability) == sum(one.answers for one in found.classes) == low
    confidences = [one.confidence for one in found.reliability]
    assert confidences == sorted(confidences) and len(confidences) == 10
    assert confidences[0] >= found.thresholds["linear"]
    agreed = sum(one.answers * one.agreement for one in found.reliability)
    assert 1200 - agreed - (1200 - low) == pytest.approx(1200 * (1 - found.agreement))
    assert {one.answer for one in found.classes} == {"0", "1"}


def test_the_series_end_in_the_totals():
    found = backtest(log(), TERMS, quiet)
    assert found.series[-1].row == 1500
    assert found.series[-1].calls_avoided == pytest.approx(found.calls_avoided)
    assert found.series[-1].agreement == pytest.approx(found.agreement)
    assert found.series[0].recent_calls_avoided == 0.0
    recent = [point.recent_calls_avoided for point in found.series]
    assert sum(recent) / len(recent) == pytest.approx(found.calls_avoided)


def test_a_seed_repeats_itself_and_another_shuffles_otherwise():
    one, again = backtest(log(), TERMS, quiet), backtest(log(), TERMS, quiet)
    assert replace(one, seconds=0, rungs=(), history=()) == replace(again, seconds=0, rungs=(), history=())
    assert backtest(log(), replace(TERMS, seed=4), quiet).agreement != one.agreement


def test_without_gold_there_is_no_accuracy():
    rows = tuple(replace(row, gold=None) for row in log().rows)
    found = backtest(Log(rows, 2, (Skipped(7, "it is not valid JSON"),)), TERMS, quiet)
    assert (found.accuracy_gold, found.top_accuracy_gold) == (None, None)
    assert (found.skipped, found.first_skipped[0].line) == (2, 7)


def test_in_order_the_audit_finds_drift_and_the_ladder_comes_back():
    before, after = log(2500, seed=1).rows, log(2500, seed=2).rows
    flipped = [replace(row, line=row.line + 2500, answer="1" if row.answer == "0" else "0") for row in after]
    terms = replace(TERMS, ordered=True, audit=0.1)
    found = backtest(Log((*before, *flipped)), terms, quiet)
    lives = [live for live, _ in groupby(change.rollout.live for change in found.history)]
    assert lives[1] == "backtest-1"
    assert lives[2] is None
    assert lives[-1] == "backtest-2"
    assert found.audits > 50
    assert found.certificate.risk < 0.1 / 4  # the second attempt's part
    assert found.agreement > 0.8
    assert found.calls_avoided > 0.3
    refuted, last = found.spells[0], found.spells[-1]
    assert refuted.release == "backtest-1" and "refutes" in refuted.ended
    assert refuted.wrong > 0.1 * refuted.answers
    assert (last.release, last.ended) == ("backtest-2", "")
    assert refuted.answers + last.answers <= 4700


def test_in_order_a_release_is_replaced_as_labels_grow_and_that_is_told_from_a_roll_back():
    terms = replace(TERMS, ordered=True, audit=0.1, target=0.8, growth=1.2)
    found = backtest(log(2500, hard=0.5), terms, quiet)
    assert len(found.spells) > 1
    assert all("without trouble" in spell.ended for spell in found.spells[:-1])
    assert found.spells[-1].ended == ""


def test_audits_are_calls_of_the_top():
    plain = backtest(log(), TERMS, quiet)
    audited = backtest(log(), replace(TERMS, audit=0.2), quiet)
    assert plain.audits == 0 < audited.audits
    sent = round((plain.calls_avoided - audited.calls_avoided) * 1200)
    assert sent == audited.audits


def test_where_nothing_can_be_promised_the_top_answers_all():
    rows = tuple(replace(row, text=f"n{row.line}") for row in log().rows)
    found = backtest(Log(rows), replace(TERMS, target=0.999), quiet)
    assert (found.calls_avoided, found.agreement, found.certificate) == (0.0, 1.0, None)
    assert found.note


@pytest.mark.parametrize(
    ("answers", "labels", "message"),
    [
        (["a", "b"] * 5, 10, "the first 10 leave none to answer"),
        (["a"] * 20, 10, "all the same"),
        ([str(i) for i in range(20)], 10, "looks like prose"),
    ],
)
def test_logs_that_cannot_be_stepped_down_are_refused(answers, labels, message):
    rows = [LogRow(i, f"q{i}", answer) for i, answer in enumerate(answers)]
    with pytest.raises(DataError, match=message):
        closed_answers(rows, labels)


def test_recorded_answers_of_a_real_model_keep_the_promise():
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    data_folder = Path(os.environ.get("STEPLADDER_DATA", beside))
    if not data_folder.is_dir():
        pytest.skip("needs the shared data (STEPLADDER_DATA)")
    names = FieldNames("text", "gpt35_turbo_1106", "gold")
    found = backtest(
        read_log(data_folder / "hatespeech_gpt35.jsonl.gz", names), Terms(0.9, 0.1, 2000, 0), quiet
    )
    assert found.agreement >= 0.9
    assert found.calls_avoided > 0.6


def test_labels_that_are_held_back_calibrate_and_cost_nothing_more():
    found = backtest(log(), replace(TERMS, hold_back=0.4), quiet)
    assert found.calibration == found.certificate.sample == 117  # three more would allow no further error
    assert found.certificate.horizon == 1200
    assert found.calls_avoided == sum(rung.answers for rung in found.rungs if rung.name == "linear") / 1200
    assert found.agreement >= 0.9


def test_a_batch_is_read_before_it_is_answered():
    terms = replace(TERMS, labels=60, target=0.8)
    alone, read = (backtest(synonyms(), replace(terms, batch=batch), quiet) for batch in (False, True))
    wrong = [(1 - one.agreement) / one.calls_avoided for one in (alone, read)]
    assert wrong[1] < wrong[0] / 2
    with pytest.raises(DataError, match="as they come"):
        backtest(log(), replace(TERMS, batch=True, ordered=True), quiet)


@pytest.mark.parametrize("kind", ["recall", "precision"])
def test_a_promise_about_one_label_is_kept_and_saves_calls(kind):
    terms = replace(TERMS, seed=1, kind=PromiseKind(kind), positive="1")
    found = backtest(log(3000, hard=0.1), terms, quiet)
    assert found.kept >= 0.9
    assert found.calls_avoided > 0.1
    assert {score.answer for score in found.classes} == {"0" if kind == "recall" else "1"}


def test_errors_are_measured_by_gold_and_beat_a_top_that_errs():
    rows = [replace(row, answer="0" if row.line % 4 == 0 else row.gold) for row in log(3000, hard=0.05).rows]
    found = backtest(Log(tuple(rows)), replace(TERMS, kind=PromiseKind.ERROR), quiet)
    assert found.kept >= 0.9
    assert found.accuracy_gold > found.top_accuracy_gold
    assert found.certificate.kind is PromiseKind.ERROR
    without = Log(tuple(replace(row, gold=None) for row in rows))
    with pytest.raises(DataError, match="trusted labels"):
        backtest(without, replace(TERMS, kind=PromiseKind.ERROR), quiet)


def test_with_floors_a_rare_label_climbs():
    rare = [
        replace(row, answer="2", text=f"rare {row.text}") if row.line % 100 == 0 else row
        for row in log(2000).rows
    ]
    found = backtest(Log(tuple(rare)), replace(TERMS, floor=0.8), quiet)
    assert "2" not in {score.answer for score in found.classes}
    assert {floor.label: floor.threshold for floor in found.certificate.floors}["2"] is None
    assert found.calls_avoided > 0.4
