"""The audit's alarm and the top rung's fingerprint."""

from dataclasses import replace

import pytest

from stepladder.core import Certificate, LadderRelease, ModelConfig, Promise, Release, Task, Turning
from stepladder.rollout import Standing, Step, fingerprint, promote, start_canary, watch
from stepladder.store import AuditRow, LedgerRow, Store

TASK = Task(
    "mood", "teacher", labels=("good", "bad"), promise=Promise(0.9, 0.1), flywheel=Turning(labels=100)
)
MODEL = ModelConfig("chat", {"model": "big-1", "api_key": "env:KEY", "temperature": 0})


@pytest.fixture
def store():
    store = Store.open("sqlite://")
    store.catalogue.add_release(Release("r", "mood", "linear", "linear", "d", "x"))
    for number in (1, 2):
        ladder = LadderRelease(
            f"mood-{number}", "mood", number, {"linear": "r"}, {"linear": 0.8},
            Certificate("exact rule", 100, 0.9, 0.05, 500, 3, 4, 0.6), "top-1",
        )  # fmt: skip
        store.catalogue.add_ladder_release(ladder)
        start_canary(store, ladder, 0.2)
        promote(store, ladder, "it was good")
    yield store
    store.close()


class Feed:
    """Writes drawn answers of a release, some of them audited."""

    def __init__(self, store):
        self.store, self.count = store, 0

    def __call__(self, release, *, agreed=0, wrong=0, climbed=0, audited=True):
        for kind, many in (("agreed", agreed), ("wrong", wrong), ("climbed", climbed)):
            for _ in range(many):
                self.count += 1
                id, top = f"q{self.count}", kind == "climbed"
                row = LedgerRow(id, 0.0, "", "mood", "teacher", "q", answer="good", top=top, drawn=True)
                audit = AuditRow(id, 0.0, "mood", release, "good", kind == "agreed")
                self.store.ledger.write_many(
                    [replace(row, ladder_release=release)], [] if top or not audited else [audit]
                )


START = Standing(step=Step.CALIBRATE, top="top-1", due=150, planned=50, frozen=3)


def test_good_audits_change_nothing_but_the_count(store):
    Feed(store)("mood-2", agreed=100, wrong=5, climbed=20)
    found = watch(store, TASK, "top-1", START)
    assert found.audits["mood-2"]["process"]["answers"] == 125
    assert replace(found, audits={}) == START
    assert store.rollouts.get("mood").live == "mood-2"
    assert watch(store, TASK, "top-1", found) == found


def test_an_alarm_takes_back_says_why_and_starts_on_new_labels(store):
    feed = Feed(store)
    feed("mood-2", agreed=10, wrong=25)
    found = watch(store, TASK, "top-1", START)
    rollout = store.rollouts.get("mood")
    assert (rollout.live, rollout.previous) == ("mood-1", None)
    assert "refutes 90% agreement" in store.rollouts.history("mood")[-1].why
    assert (found.step, found.since, found.due, found.planned) == (Step.GATHER, 35, 100, 0)
    feed("mood-1", wrong=20)
    watch(store, TASK, "top-1", found)
    assert store.rollouts.get("mood").live is None


def test_the_release_that_comes_back_is_not_judged_by_its_past(store):
    feed = Feed(store)
    feed("mood-1", wrong=30)
    feed("mood-2", wrong=30)
    found = watch(store, TASK, "top-1", watch(store, TASK, "top-1", START))
    assert store.rollouts.get("mood").live == "mood-1"
    assert found.audits["mood-1"] == {}


def test_answers_from_the_top_weigh_against_an_alarm(store):
    feed = Feed(store)
    for _ in range(25):
        feed("mood-2", wrong=1, climbed=14)
    watch(store, TASK, "top-1", START)
    assert store.rollouts.get("mood").live == "mood-2"


def test_an_audit_that_comes_late_still_counts_and_none_counts_twice(store):
    feed = Feed(store)
    feed("mood-2", wrong=1, audited=False)
    feed("mood-2", agreed=3)
    found = watch(store, TASK, "top-1", START)
    assert found.audits["mood-2"]["process"]["answers"] == 3
    store.ledger.write_many([], [AuditRow("q1", 0.0, "mood", "mood-2", "bad", False)])
    found = watch(store, TASK, "top-1", found)
    assert found.audits["mood-2"]["process"]["answers"] == 4
    assert watch(store, TASK, "top-1", found).audits == found.audits


def test_an_alarm_at_the_candidate_spares_the_live_release(store):
    candidate = replace(store.catalogue.get_ladder_release("mood-2"), id="mood-3", number=3)
    store.catalogue.add_ladder_release(candidate)
    start_canary(store, candidate, 0.2)
    Feed(store)("mood-3", wrong=25)
    found = watch(store, TASK, "top-1", START)
    rollout = store.rollouts.get("mood")
    assert (rollout.live, rollout.candidate) == ("mood-2", None)
    assert (found.step, found.since) == (Step.GATHER, 0)


def test_another_top_rung_voids_every_certificate_and_what_was_being_prepared(store):
    Feed(store)("mood-2", agreed=5)
    found = watch(store, TASK, "top-2", START)
    assert store.rollouts.get("mood").live is None
    assert "another top rung" in store.rollouts.history("mood")[-1].why
    assert (found.step, found.top, found.since, found.due) == (Step.GATHER, "top-2", 5, 100)


def test_the_fingerprint_knows_what_makes_the_answers_and_only_that():
    same = ModelConfig("chat", {"temperature": 0, "model": "big-1", "api_key": "env:OTHER", "price_in": 2.0})
    assert fingerprint(TASK, MODEL) == fingerprint(TASK, same)
    assert fingerprint(TASK, MODEL) == fingerprint(
        replace(TASK, promise=Promise(0.8), rungs=("linear",)), MODEL
    )
    other = [
        fingerprint(TASK, ModelConfig("chat", {**MODEL.settings, "model": "big-2"})),
        fingerprint(TASK, ModelConfig("recorded", MODEL.settings)),
        fingerprint(replace(TASK, prompt="Be kind."), MODEL),
        fingerprint(replace(TASK, labels=("good", "bad", "so so")), MODEL),
        fingerprint(replace(TASK, labels=(), schema={"type": "object"}), MODEL),
        fingerprint(TASK, MODEL),
    ]
    assert len(set(other)) == len(other)
