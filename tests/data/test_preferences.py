"""Preferences: what was said, and what people or audits say should have been."""

import asyncio
from contextlib import closing

from stepladder.core import Turn
from stepladder.data import preferences
from stepladder.store import FeedbackRow, Store
from tests.store.samples import audit, row


def judged(tmp_path):
    with closing(Store.open(f"sqlite:///{tmp_path / 'a.db'}")) as store:
        rows = [
            row(1, answer="bad"),  # corrected, after a first correction
            row(
                2, answer="bad", turns=(Turn("user", "earlier"), Turn("assistant", "yes"))
            ),  # an audit differs
            row(3, answer="good"),  # the audit agrees: nothing to learn for pairs
            row(4, answer="fine"),  # liked
            row(5, answer="poor"),  # not liked
            row(6, answer="bad", training=False),  # may not teach
            row(7, answer="bad"),  # corrected by the review, against the audit
            row(8, answer="good"),  # confirmed by a person
            row(9, answer="bad", task="other"),
        ]
        store.ledger.write_many(
            rows, [audit(2, "good", agreed=False), audit(3), audit(7, "fair", agreed=False)], []
        )

        async def say():
            for id, told in (
                ("r1", {"answer": "wrong"}),
                ("r1", {"answer": "good", "score": 0.2}),
                ("r4", {"score": 1.0}),
                ("r5", {"score": 0.0}),
                ("r6", {"answer": "good"}),
                ("r7", {"answer": "good", "source": "review"}),
                ("r8", {"answer": "good"}),
                ("r9", {"answer": "good"}),
            ):
                await store.ledger.commit_feedback(FeedbackRow(id, 1.0, "acme", **told))

        asyncio.run(say())
        pages = [store.judged.page("mood", limit=3)]
        while pages[-1]:
            pages.append(store.judged.page("mood", after=pages[-1][-1].seq, limit=3))
    return [one for page in pages for one in page]


def test_pairs_come_from_feedback_review_and_audits(tmp_path):
    found = list(preferences.pairs(judged(tmp_path), "How is it?"))
    assert [(one["id"], one["chosen"], one["rejected"], one["origin"]) for one in found] == [
        ("r1", "good", "bad", "feedback"),
        ("r2", "good", "bad", "audit"),
        ("r7", "good", "bad", "review"),
    ]
    assert [message["content"] for message in found[1]["prompt"]] == [
        "How is it?",
        "earlier",
        "yes",
        "一个好天 fine",
    ]
    assert found[1]["prompt"][0]["role"] == "system"


def test_marks_are_right_and_wrong_answers_and_scores(tmp_path):
    found = [(one["id"], one["completion"], one["label"]) for one in preferences.marks(judged(tmp_path))]
    assert found == [
        ("r1", "bad", False),
        ("r1", "good", True),
        ("r2", "bad", False),
        ("r2", "good", True),
        ("r4", "fine", True),
        ("r5", "poor", False),
        ("r7", "bad", False),
        ("r7", "good", True),
        ("r8", "good", True),
    ]
