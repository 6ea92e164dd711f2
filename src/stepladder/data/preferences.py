"""What people and audits said of answers, as rows that alignment learns from: pairs of a better and a worse one, and marks."""

from collections.abc import Iterable, Iterator
from typing import Any

from stepladder.store import JudgedRow

Record = dict[str, Any]


def pairs(rows: Iterable[JudgedRow], system: str = "") -> Iterator[Record]:
    """{"prompt", "chosen", "rejected", "origin", "id"}: what should have been said before what was said.

    A person's word outranks the audit's. `system` is the prompt that stands before every question.
    """
    for row in rows:
        better = row.correction if row.correction is not None else row.top_answer
        if (
            better is not None
            and better.strip()
            and row.answer.strip()
            and better.strip() != row.answer.strip()
        ):
            yield {
                "prompt": _messages(row, system),
                "chosen": better,
                "rejected": row.answer,
                "origin": _origin(row),
                "id": row.id,
            }


def marks(rows: Iterable[JudgedRow], system: str = "", *, liked: float = 0.5) -> Iterator[Record]:
    """{"prompt", "completion", "label", "origin", "id"}: answers, and whether they were right or scored at least `liked`."""
    for row in rows:
        told: list[tuple[str, bool]] = []
        better = row.correction if row.correction is not None else row.top_answer
        if better is not None:
            right = better.strip() == row.answer.strip()
            told = [(row.answer, right)] + ([] if right else [(better, True)])
        elif row.score is not None:
            told = [(row.answer, row.score >= liked)]
        for answer, label in told:
            if answer.strip():
                yield {
                    "prompt": _messages(row, system),
                    "completion": answer,
                    "label": label,
                    "origin": _origin(row),
                    "id": row.id,
                }


def _origin(row: JudgedRow) -> str:
    if row.correction is not None:
        return row.source or "feedback"
    return "audit" if row.top_answer is not None else "score"


def _messages(row: JudgedRow, system: str) -> list[dict[str, str]]:
    before = [{"role": "system", "content": system}] if system else []
    turns = [{"role": turn.role, "content": turn.content} for turn in row.turns]
    return [*before, *turns, {"role": "user", "content": row.text}]
