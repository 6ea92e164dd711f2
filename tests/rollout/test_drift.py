"""Drift of what is asked: found where there is one, not cried where there is none, and acted upon as the task says."""

from dataclasses import replace

import numpy as np
import pytest

from stepladder.core import (
    Certificate,
    LadderRelease,
    Mode,
    OnDrift,
    Promise,
    Release,
    Task,
    TaskWatch,
    Turning,
)
from stepladder.models import shared_embedder
from stepladder.rollout import (
    Standing,
    Step,
    begin_canary,
    how_inputs_stand,
    new_words,
    promote,
    wait_for_calibration,
    watch,
)
from stepladder.rollout.drift import judged
from stepladder.rollout.novelty import KINDS, LEAST, Reference
from stepladder.store import AskedRow, LedgerRow, Store

NGRAMS = shared_embedder({"kind": "ngrams", "dimensions": 256})
TASK = Task("mood", "teacher", labels=("good", "bad"), promise=Promise(0.9, 0.1), flywheel=Turning(labels=50))
HOME = [
    "parcel",
    "refund",
    "order",
    "late",
    "invoice",
    "address",
    "cancel",
    "delivery",
    "box",
    "receipt",
    "voucher",
    "return",
]
AWAY = [
    "dragon",
    "wizard",
    "potion",
    "castle",
    "sword",
    "goblin",
    "quest",
    "armour",
    "spell",
    "dungeon",
    "knight",
    "throne",
]
ZH = ["包裹迟到了", "请退款给我", "地址写错了", "发票没有收到", "取消这个订单"]
ZH_AWAY = ["巨龙飞过城堡", "骑士拔出宝剑", "法师念动咒语", "地下城的宝藏", "国王失去王座"]


def texts(words, count, seed=0):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(words, 5)) for _ in range(count)]


def rows(said, fields=None):
    return [AskedRow(k, text, dict(fields(k)) if fields else {}) for k, text in enumerate(said)]


def shares(reference, asked):
    return dict(zip(KINDS, reference.judge(asked, NGRAMS).mean(axis=0).tolist(), strict=True))


class Ledger:
    """A task's rows, whose release was trained on those before `train`."""

    def __init__(self, task):
        self.store, self.task = Store.open("sqlite://"), task
        self.store.catalogue.add_release(Release("r", "mood", "linear", "linear", "d", "x"))
        self.count = 0

    def ask(self, said, fields=None, rung="teacher"):
        written = []
        for text in said:
            self.count += 1
            row = LedgerRow(
                f"q{self.count}",
                0.0,
                "",
                "mood",
                "teacher",
                text,
                answer="good",
                rung=rung,
                top=True,
                drawn=True,
            )
            written.append(replace(row, fields=fields(self.count) if fields else {}))
        self.store.ledger.write_many(written)

    def release(self):
        number = self.store.catalogue.next_number("mood")
        ladder = LadderRelease(
            f"mood-{number}", "mood", number, {"linear": "r"}, {"linear": 0.8},
            Certificate("exact rule", 100, 0.9, 0.05, 500, 3, 4, 0.6), "top-1",
        )  # fmt: skip
        standing = Standing(top="top-1", frozen=self.store.ledger.last_seq(), trained=self.count, due=9999)
        after = begin_canary(self.store, self.task, Mode.LADDER, standing, ladder)
        promote(self.store, ladder, "good")
        return replace(after.again("live", 9999), trained=self.count)

    def watch(self, standing):
        return watch(self.store, self.task, "top-1", standing)


@pytest.fixture
def ledger():
    made = []

    def make(drift=OnDrift.TELL, **more):
        made.append(Ledger(replace(TASK, watch=TaskWatch(drift=drift, **more))))
        return made[-1]

    yield make
    for one in made:
        one.store.close()


def test_new_words_and_clusters_are_new_and_the_old_ones_are_not():
    for home, away in (
        (texts(HOME, 600), texts(AWAY, 100, 1)),
        ([f"{a}，{b}" for a in ZH for b in ZH] * 24, ZH_AWAY * 10),
    ):
        reference = Reference.of(rows(home[:400]), NGRAMS)
        same, other = shares(reference, rows(home[400:])), shares(reference, rows(away))
        assert same["words"] <= 0.15
        assert same["clusters"] <= 0.3
        assert other["words"] == 1.0
        assert other["clusters"] > 0.9


def test_new_fields_values_and_absences_are_new():
    def fields(k):
        return {"country": ("de", "fr")[k % 2], "amount": float(k % 100), "id": f"u{k}", "vip": k % 3 == 0}

    reference = Reference.of(rows(texts(HOME, 400), fields), NGRAMS)

    def new(**changes):
        given = {**fields(7), **changes}
        asked = AskedRow(1, "parcel", {key: value for key, value in given.items() if value != "gone"})
        return bool(reference.judge([asked], NGRAMS)[0, 2])

    assert not new()
    assert not new(id="never seen")  # so many values are no categories
    assert new(country="jp")
    assert new(amount=1e6)
    assert new(amount="12")
    assert new(vip="yes")
    assert new(colour="red")
    assert new(country="gone")


def test_a_reference_survives_the_store_and_names_no_word():
    reference = Reference.of(rows(texts(HOME, 200), lambda k: {"n": k % 5, "c": "x"}), NGRAMS)
    data = reference.to_bytes()
    assert b"parcel" not in data
    again = Reference.from_bytes(data)
    asked = rows([*texts(HOME, 20, 3), *texts(AWAY, 20)], lambda k: {"n": k, "c": "x"})
    assert (again.judge(asked, NGRAMS) == reference.judge(asked, NGRAMS)).all()
    assert (again.novel, again.rows) == (reference.novel, reference.rows)


def test_too_few_questions_are_no_reference(ledger):
    assert Reference.of(rows(texts(HOME, LEAST - 1)), NGRAMS) is None
    few = ledger()
    few.ask(texts(HOME, LEAST - 1))
    standing = few.release()
    few.ask(texts(AWAY, 300))
    assert few.watch(standing).note == "live"
    assert how_inputs_stand(few.store, "mood") == []


def test_drift_is_told_once_with_its_words_and_the_release_stays(ledger):
    told = ledger()
    told.ask(texts(HOME, 600))
    standing = told.release()
    told.ask(texts(HOME, 300, seed=1))
    standing = told.watch(standing)
    assert standing.note == "live"
    told.ask(texts(AWAY, 150))
    standing = told.watch(standing)
    assert "Other questions are asked than mood-1 was trained for: new words" in standing.note
    state = {one.kind: one for one in how_inputs_stand(told.store, "mood")}
    assert state["words"].alarmed
    assert state["words"].seen == 450
    assert state["words"].of_late == pytest.approx(0.5, abs=0.1)
    assert not state["fields"].alarmed
    assert {word for word, _ in new_words(told.store, "mood", latest=200)} <= set(AWAY)
    assert told.store.rollouts.get("mood").live == "mood-1"
    assert told.watch(replace(standing, note="live")).note == "live"


def test_what_the_dictionary_answers_is_no_drift(ledger):
    owned = ledger()
    owned.ask(texts(HOME, 600))
    standing = owned.release()
    owned.ask(texts(AWAY, 300), rung="dictionary")
    assert owned.watch(standing).note == "live"


def test_drift_begins_a_turn_early_where_the_task_says_so(ledger):
    eager = ledger(OnDrift.RETRAIN)
    eager.ask(texts(HOME, 600))
    standing = eager.release()
    eager.ask(texts(AWAY, 200))
    assert eager.watch(standing).due == 600 + TASK.flywheel.labels


def test_drift_certifies_anew_on_what_is_asked_now_and_a_failure_takes_the_release_back(ledger):
    anew = ledger(OnDrift.CERTIFY)
    anew.ask(texts(HOME, 600))
    standing = anew.release()
    anew.ask(texts(AWAY, 200))
    standing = anew.watch(standing)
    assert (standing.step, standing.planned) == (Step.CALIBRATE, TASK.flywheel.calibration)
    assert standing.releases == {"linear": "r"}
    assert standing.frozen == anew.store.ledger.last_seq()
    assert "certified anew" in standing.note
    anew.ask(texts(AWAY, 300, seed=2))
    standing = wait_for_calibration(anew.store, anew.task, standing)
    assert standing.step is Step.CERTIFY
    begin_canary(anew.store, anew.task, Mode.LADDER, standing, None)
    assert anew.store.rollouts.get("mood").live is None
    assert "could not be certified anew" in anew.store.rollouts.history("mood")[-1].why


def test_nobody_looks_where_it_is_off(ledger):
    off = ledger(OnDrift.OFF)
    off.ask(texts(HOME, 600))
    standing = off.release()
    off.ask(texts(AWAY, 200))
    assert off.watch(standing).note == "live"
    assert off.store.drifts.state("mood", "mood-1") is None


def test_a_turn_under_way_is_not_disturbed_and_the_drift_waits_for_it(ledger):
    busy = ledger(OnDrift.RETRAIN)
    busy.ask(texts(HOME, 600))
    standing = busy.release().at(Step.CALIBRATE, "waiting")
    busy.ask(texts(AWAY, 200))
    standing = busy.watch(standing)
    assert (standing.note, standing.due) == ("waiting", 9999)
    assert busy.watch(standing.at(Step.GATHER, "")).due == 650


def test_false_alarms_stay_within_the_risk_when_nothing_changes():
    """60 lives of 400 questions at risk .2: 12 alarms may be; 22 or more would refute the bound at .003."""
    rng = np.random.default_rng(0)
    chances = np.cumsum(1 / np.arange(1, 3001))  # a long tail, so that new words come all the time
    task = replace(TASK, watch=TaskWatch(drift_risk=0.2, drift_tolerance=0.0))
    alarms = 0
    for _ in range(60):
        said = np.searchsorted(chances / chances[-1], rng.random((520, 4)))
        asked = rows([" ".join(f"w{word}" for word in row) for row in said])
        reference = Reference.of(asked[:120], NGRAMS)
        found = judged(task, reference, asked[120:])
        assert all(one.seen == 400 for one in found)
        assert found[0].share > 0
        alarms += any(one.alarmed for one in found)
    assert alarms < 22
    home = Reference.of(rows(texts(HOME, 120)), NGRAMS)
    assert [one.alarmed for one in judged(task, home, rows(texts(AWAY, 60)))] == [True, True, False]
