"""Feedback by its source: flipped labels are kept out until a person has looked, honest words are not."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from stepladder.core import Task, TaskWatch, Teaching
from stepladder.data import feedback_sources, gather, judge_feedback
from stepladder.safety import decide
from stepladder.store import DecisionRow, FeedbackRow, LedgerRow, Source, Store

TASK = Task("mood", "teacher", labels=("good", "bad"))
WORDS = {
    "good": ["great", "lovely", "fine", "happy", "kind", "quick"],
    "bad": ["awful", "broken", "slow", "rude", "late", "dirty"],
}
ZH = {"good": ["很好吃", "送得快", "服务好", "很满意"], "bad": ["太难吃", "送得慢", "态度差", "很失望"]}
FLIP = {"good": "bad", "bad": "good"}


class Shop:
    """A ledger of questions whose truth is known; the top is wrong about one in ten."""

    def __init__(self, vocabulary=WORDS, rows=400):
        self.store, self.truths, self.said = Store.open("sqlite://"), [], []
        rng = np.random.default_rng(0)
        written = []
        for k in range(rows):
            truth = ("good", "bad")[k % 2]
            text = " ".join(rng.choice(vocabulary[truth], 3)) + f" {k}"
            said = FLIP[truth] if rng.random() < 0.1 else truth
            self.truths.append(truth)
            self.said.append(said)
            written.append(
                LedgerRow(f"q{k}", 0.0, "shop", "mood", "teacher", text, answer=said, top=True, drawn=True)
            )
        self.store.ledger.write_many(written)

    def tell(self, rows, answer, source="app", key="web"):
        """Feedback on these rows; `answer` turns the truth into what is told."""
        told = [
            FeedbackRow(f"q{k}", 1.0, "shop", answer=answer(self.truths[k]), source=source, key=key)
            for k in rows
        ]
        self.store.ledger.write_many([], [], told)

    @property
    def wrong(self):
        return [
            k for k, (truth, said) in enumerate(zip(self.truths, self.said, strict=True)) if truth != said
        ]

    @property
    def right(self):
        return [
            k for k, (truth, said) in enumerate(zip(self.truths, self.said, strict=True)) if truth == said
        ]

    def taught(self):
        return {
            row.id: row.label for row in gather(self.store.ledger.labelled("mood")) if row.gold is not None
        }

    def trust(self, task=TASK):
        return {one.source.name: one.trust for one in feedback_sources(self.store, task)}


@pytest.fixture
def shop():
    made = []

    def make(**terms):
        made.append(Shop(**terms))
        return made[-1]

    yield make
    for one in made:
        one.store.close()


def honest(truth):
    return truth


def flipped(truth):
    return FLIP[truth]


@pytest.mark.parametrize("vocabulary", [WORDS, ZH], ids=["en", "zh"])
def test_a_source_that_flips_labels_is_kept_out_and_honest_ones_are_not(shop, vocabulary):
    one = shop(vocabulary=vocabulary)
    one.tell(one.wrong, honest, "staff")
    one.tell(one.right[:60], flipped, "spam")
    judge_feedback(one.store, TASK)
    assert one.trust() == {"spam": "untrusted", "staff": "trusted"}
    assert one.taught() == {f"q{k}": one.truths[k] for k in one.wrong}
    assert one.store.ledger.count_corrected("mood") == len(one.wrong)
    assert one.store.sources.counts("mood") == {"held": 60, "in": len(one.wrong)}


def test_an_unknown_source_s_flips_wait_and_what_near_examples_bear_out_teaches(shop):
    one = shop()
    one.tell([one.wrong[0]], honest, "new")
    one.tell([one.right[0]], flipped, "new")
    judge_feedback(one.store, TASK)
    assert one.trust() == {"new": ""}
    assert one.taught() == {f"q{one.wrong[0]}": one.truths[one.wrong[0]]}


def test_agreeing_with_the_top_buys_no_trust_for_lies(shop):
    one = shop()
    one.tell(one.right[:150], honest, "sly")
    one.tell(one.right[150:180], flipped, "sly")
    judge_feedback(one.store, TASK)
    assert one.trust() == {"sly": "untrusted"}
    assert not one.taught()


def test_a_new_name_for_every_lie_does_not_help(shop):
    one = shop()
    for k in one.right[:40]:
        one.tell([k], flipped, f"user{k}")
    judge_feedback(one.store, TASK)
    assert not one.taught()


def test_a_lie_does_not_replace_what_an_honest_source_said_of_the_same_answer(shop):
    one = shop()
    one.tell(one.wrong, honest, "staff")
    one.tell(one.wrong, flipped, "spam")
    one.tell(one.right[:40], flipped, "spam")
    judge_feedback(one.store, TASK)
    assert {id: one.taught()[id] for id in one.taught() if id in {f"q{k}" for k in one.wrong}} == {
        f"q{k}": one.truths[k] for k in one.wrong
    }


def test_after_review_a_held_word_teaches_or_never_does(shop):
    one = shop()
    first, second, third = one.right[:3]
    one.tell([first, second, third], flipped, "new")
    judge_feedback(one.store, TASK)
    queue = {row.request: row for row in one.store.reviews.queue()}
    assert set(queue) == {f"q{k}" for k in (first, second, third)}
    assert queue[f"q{first}"].side == "feedback"
    assert queue[f"q{first}"].answer == FLIP[one.truths[first]]
    assert not one.taught()

    def review(k, decision, correction=""):
        row = DecisionRow(queue[f"q{k}"].id, 2.0, "ann", decision, correction)
        asyncio.run(decide(one.store, row))

    review(first, "approve")
    review(second, "reject")
    review(third, "correct", "good")
    expected = {f"q{first}": FLIP[one.truths[first]], f"q{third}": "good"}
    assert one.taught() == expected
    one.tell([one.right[9]], flipped, "new")
    judge_feedback(one.store, TASK)
    assert one.taught() == expected


def test_a_person_s_word_about_a_source_counts_for_all_it_said_and_says(shop):
    one = shop()
    one.tell(one.right[:30], flipped, "expert")
    judge_feedback(one.store, TASK)
    assert not one.taught()
    one.store.sources.decide("mood", Source("shop", "web", "expert"), "trusted", "ann")
    assert len(one.taught()) == 30
    one.tell(one.right[30:35], flipped, "expert")
    judge_feedback(one.store, TASK)
    assert len(one.taught()) == 35
    one.store.sources.decide("mood", Source("shop", "web", "expert"), "untrusted", "ann")
    assert not one.taught()


def test_the_queue_is_not_flooded(shop):
    one = shop()
    for name in range(12):
        one.tell(one.right[name * 20 : name * 20 + 20], flipped, f"bot{name}")
    judge_feedback(one.store, TASK)
    assert len(one.store.reviews.queue(limit=1000)) == 50
    assert one.store.sources.counts("mood") == {"held": 240}


def test_the_house_s_own_word_and_a_task_that_trusts_all_are_not_judged(shop):
    one = shop()
    one.tell(one.right[:5], flipped, "import", key="")
    one.tell(one.right[5:30], flipped, "spam")
    judge_feedback(one.store, replace(TASK, watch=TaskWatch(feedback=Teaching.ALL)))
    assert len(one.taught()) == 30
