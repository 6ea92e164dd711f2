"""Turns of the flywheel, from the first question to a roll back, over a real store, registry and recipe."""

import asyncio
from dataclasses import asdict, replace
from itertools import groupby

import pytest

from stepladder.core import DataError, Mode, Promise
from stepladder.flywheel import Flywheel
from stepladder.rollout import Standing, Step, rollback_by_hand
from stepladder.store import FeedbackRow, RolloutConflict, Store
from tests.streams import TASK, Stream


@pytest.fixture
def store():
    store = Store.open("sqlite://")
    yield store
    store.close()


@pytest.fixture
def stream(store, tmp_path):
    return Stream(store, tmp_path)


def until(stream, wanted, most=4000, chunk=20):
    """Ask until `wanted(rollout, standing)`."""
    for _ in range(0, most, chunk):
        stream.ask(chunk)
        standing = stream.tick()
        if wanted(stream.store.rollouts.get(TASK.name), standing):
            return standing
    raise AssertionError(f"not within {most} questions: {standing}")


def live(rollout, standing):
    return rollout.live is not None


def test_a_task_steps_down_and_keeps_its_promise(store, stream):
    stages = []
    stream.again(report=lambda task, stage, done, total, what: stages.append(stage))
    until(stream, live)
    release = store.catalogue.get_ladder_release(store.rollouts.get("mood").live)
    certificate = release.certificate
    assert (release.number, certificate.target, certificate.horizon) == (1, 0.9, 500)
    assert certificate.risk == pytest.approx(0.0608, abs=1e-4)  # 6 * 0.1 / pi^2
    assert list(dict.fromkeys(stages)) == ["gather", "fit", "calibrate", "certify", "canary"]
    kept = {(run.name, run.failed, run.ended_at is None) for run in store.runs.newest()}
    assert kept == {("linear mood", False, False)}
    before, wrong = stream.asked, stream.wrong_low
    stream.turn(600)
    asked = stream.asked - before
    assert (stream.wrong_low - wrong) / asked < 0.1
    assert store.ledger.summary("mood", ladder_release="mood-1").avoided > 0.3


def test_no_row_that_trained_calibrates(store, stream):
    standing = until(stream, lambda rollout, standing: standing.step is Step.CANARY)
    release = store.catalogue.get_release(standing.releases["linear"])
    trained = stream.registry.dataset(release.dataset).splits["train"]
    sample = store.ledger.labelled("mood", after=standing.frozen, drawn=True)[: standing.planned]
    assert len(sample) == standing.planned
    assert not {row.id for row in sample} & {example.id for example in trained}


def test_a_kill_after_any_step_loses_and_doubles_nothing(store, stream, tmp_path):
    """Every tick is thrown away once before it is allowed to be remembered."""
    killed = 0
    real = Standing.save

    def dies(self, store, task):
        nonlocal killed
        killed += 1
        if killed % 2:
            raise KeyboardInterrupt
        return real(self, store, task)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Standing, "save", dies)
        for _ in range(150):
            stream.ask(20)
            for _ in range(2):
                try:
                    stream.wheel.tick(TASK)
                except KeyboardInterrupt:
                    stream.again(store=store)  # another process
            if store.rollouts.get("mood").live:
                break
    assert killed > 10
    rollout = store.rollouts.get("mood")
    assert rollout.live is not None
    ladders = store.catalogue.list_ladder_releases("mood")
    assert [ladder.id for ladder in ladders] == [rollout.live]
    assert len(store.catalogue.list_releases("mood")) == 1
    lives = [change.rollout.live for change in store.rollouts.history("mood")]
    assert [live for live, _ in groupby(lives)] == [None, rollout.live]  # its share grew in between


def test_more_labels_make_a_better_candidate_which_is_promoted(store, stream):
    stream.hard = 0.3
    until(stream, live)
    first = store.rollouts.get("mood").live
    # What was hard before is telling now: there is something to gain.
    stream.hard = 0.0
    until(stream, lambda rollout, standing: rollout.live not in (None, first), most=6000)
    rollout = store.rollouts.get("mood")
    assert rollout.previous == first
    assert rollout.draw is None
    assert any(change.rollout.draw == 0.5 for change in store.rollouts.history("mood"))


def test_drift_is_taken_back_and_learned_anew(store, stream):
    until(stream, live)
    stream.flip = True
    before = stream.wrong_low
    until(stream, lambda rollout, standing: rollout.live is None)
    assert stream.wrong_low - before < 150
    assert "refutes" in store.rollouts.history("mood")[-1].why
    standing = until(stream, live)
    wrong = stream.wrong_low
    stream.turn(400)
    assert (stream.wrong_low - wrong) / 400 < 0.1
    assert standing.since > 0


def test_nothing_is_certified_where_nothing_can_be_learned(store, stream):
    stream.hard = 1.0
    stream.task = replace(TASK, promise=Promise(target=0.99, risk=0.1, horizon=500))
    stream.turn(1000)
    rollout = store.rollouts.get("mood")
    assert (rollout.live, rollout.candidate) == (None, None)
    assert "Not worth a certificate" in Standing.load(store, TASK).note
    assert store.catalogue.next_number("mood") == 1  # no attempt was spent


def test_a_broken_candidate_is_taken_back(store, stream):
    stream.broken = True
    until(stream, lambda rollout, standing: standing.step is Step.CANARY)
    standing = until(stream, lambda rollout, standing: standing.step is not Step.CANARY)
    assert store.rollouts.get("mood").live is None
    assert "questions low" in standing.note
    assert standing.due > standing.trained


def test_observe_certifies_but_puts_nothing_into_service(store, stream, tmp_path):
    stream.mode = Mode.OBSERVE
    stream.task = replace(TASK, mode=Mode.OBSERVE)
    until(stream, lambda rollout, standing: rollout.candidate is not None)
    stream.turn(400)
    rollout = store.rollouts.get("mood")
    assert (rollout.live, rollout.share) == (None, 0.0)
    assert stream.wrong_low == 0
    stream.mode, stream.task = Mode.LADDER, TASK
    until(stream, live)


def test_the_kill_switch_stops_the_turn(store, stream):
    store.switches.put("mood", Mode.TOP, "ada")
    stream.turn(600)
    assert Standing.load(store, TASK).step is Step.GATHER
    assert store.rollouts.get("mood").candidate is None
    store.switches.put("mood", None, "ada")
    until(stream, live)


def test_a_task_that_is_not_automatic_waits(store, stream):
    stream.task = replace(TASK, flywheel=replace(TASK.flywheel, automatic=False))
    assert stream.turn(400).step is Step.GATHER


def test_a_roll_back_by_hand_during_a_canary_starts_another_turn(store, stream):
    until(stream, lambda rollout, standing: rollout.candidate is not None)
    rollback_by_hand(store, "mood", who="ada")
    standing = stream.tick()
    assert standing.step is Step.GATHER
    assert "taken back" in standing.note


def test_corrections_are_learned_but_agreement_is_with_the_top(store, stream):
    """A person who says that `lovely` is bad teaches it; the certificate still compares with the top."""
    stream.ask(200)
    for row in store.ledger.labelled("mood")[:5]:
        asyncio.run(store.ledger.commit_feedback(FeedbackRow(row.id, 0.0, "ada", answer="bad")))
    standing = stream.tick()
    release = store.catalogue.get_release(standing.releases["linear"])
    trained = stream.registry.dataset(release.dataset).splits["train"]
    assert sum(example.gold == "bad" and example.label == "bad" for example in trained) == 5


def test_a_person_who_is_quicker_is_not_overruled(store, stream, monkeypatch):
    until(stream, lambda rollout, standing: standing.step is Step.CANARY)
    before = Standing.load(store, TASK)

    def conflict(*arguments):
        raise RolloutConflict("Somebody was quicker.")

    monkeypatch.setattr("stepladder.rollout.try_candidate", conflict)
    assert stream.wheel.tick(TASK) == before


def test_a_recipe_that_cannot_leaves_a_note_and_waits_for_more(store, stream, monkeypatch):
    def fails(*arguments):
        raise DataError("There is one label only.")

    monkeypatch.setattr("stepladder.training.fit", fails)
    standing = stream.turn(240)
    assert (standing.step, standing.note) == (Step.GATHER, "There is one label only.")
    assert standing.due > 200


def test_the_story_is_short():
    import inspect

    import stepladder.flywheel

    assert Flywheel.__doc__
    assert len(inspect.getsource(stepladder.flywheel).splitlines()) <= 80


def test_what_was_forgotten_is_not_tried_out_and_replay_brings_it_back(store, stream):
    """The questions change for good; what the first release knew is asked no more, and still has to be known."""
    stream.hard = 0.27
    until(stream, live)
    (slice_,) = Standing.load(store, TASK).slices
    assert store.catalogue.get_dataset(slice_, "mood") is not None
    # As after an alarm: from now on only new rows train, and these are other words.
    store.turns.put(
        "mood", asdict(replace(Standing.load(store, TASK), since=store.ledger.last_seq(), trained=0))
    )
    stream.words = (("sunny", "fine"), ("rainy", "grim"))
    standing = until(stream, lambda rollout, standing: "It forgot" in standing.note, most=8000)
    first = store.rollouts.get("mood").live
    assert standing.step is Step.GATHER
    assert store.catalogue.get_ladder_release(f"mood-{standing.number}") is None

    stream.task = replace(TASK, flywheel=replace(TASK.flywheel, replay=0.4))
    until(stream, lambda rollout, standing: rollout.live not in (None, first), most=8000)
    mixed = store.catalogue.get_dataset(Standing.load(store, TASK).slices[-1], "mood")
    examples = stream.registry.dataset(mixed.hash, "mood").splits["train"]
    assert any("lovely" in one.text for one in examples)
