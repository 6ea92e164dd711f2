"""What models answered, as rows that nobody has looked at yet."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from stepladder.data.labelling import Known, Questions
from stepladder.data.rowfile import RowFile
from stepladder.data.synthesis.wish import How

_FENCE = re.compile(r"\s*```\w*\s*\n(.*)\n\s*```\s*", re.DOTALL)
_KEYS: Mapping[How, tuple[str, ...]] = {
    How.DOCUMENTS: ("question", "answer"),
    How.PREFERENCES: ("better", "worse"),
}
_CARRIED = ("url", "title", "licence", "time")


@dataclass(frozen=True, slots=True)
class Draft:
    """A row as it would be written; what the model wrote of it, in `said`; and the request that it answers."""

    row: dict[str, Any]
    said: tuple[str, ...]
    request: Mapping[str, Any]

    @property
    def text(self) -> str:
        """What must be new: the text, the question, or both answers of a pair."""
        return "\n".join(self.said) if "chosen" in self.row else self.said[0]

    @property
    def seed(self) -> int:
        """The row that it was made from, or the first of them."""
        return int(self.request["seeds"][0])


def drafts(
    asked: Questions, known: Known, seeds: RowFile, how: How, dropped: Counter[str]
) -> Iterator[Draft]:
    """Everything that the models wrote, request by request; answers that are no list are counted."""
    for request in (asked.rows[at] for at in range(len(asked.rows))):
        for teacher in asked.teachers:
            line = known.ended.get(asked.key(teacher.name, request))
            found = said_in(line.answer, how) if line is not None and line.answer is not None else None
            if found is None:
                dropped["no list"] += line is not None
            for said in found or ():
                told = "+".join(str(at + 1) for at in request["seeds"])
                row = _row(said, request, seeds, how) | {
                    "synthetic": True,
                    "source": f"{teacher.name}:{told}",
                }
                yield Draft(row, said, request)


def said_in(answer: str, how: How) -> list[tuple[str, ...]] | None:
    """The texts, or pairs of them, in a model's answer; None where it is no list of such."""
    fenced = _FENCE.fullmatch(answer)
    try:
        found = json.loads(fenced[1] if fenced else answer)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, list):
        return None
    keys = _KEYS.get(how)
    rows = [_values(one, keys) if keys else (one,) for one in found]
    fine = all(row and all(isinstance(text, str) for text in row) for row in rows)
    return [tuple(text.strip() for text in row) for row in rows] if fine else None


def _values(one: Any, keys: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(one[key] for key in keys) if isinstance(one, dict) and one.keys() >= set(keys) else ()


def _row(said: tuple[str, ...], request: Mapping[str, Any], seeds: RowFile, how: How) -> dict[str, Any]:
    if how is How.DOCUMENTS:
        seed = seeds.row(request["seeds"][0])
        carried = {key: seed[key] for key in _CARRIED if key in seed}
        place = {"passage": request["passage"], "start": request["start"]}
        document = {"document": seed["source"]} if isinstance(seed.get("source"), str) else {}
        return {"input": said[0], "answer": said[1], **place, **document, **carried}
    if how is How.PREFERENCES:
        return _pair(said, seeds.row(request["seeds"][0]))
    negative = {"looks_like": request["looks_like"]} if how is How.NEGATIVES else {}
    return {"input": said[0], "answer": request["answer"], **negative}


def _pair(said: tuple[str, ...], seed: Mapping[str, Any]) -> dict[str, Any]:
    """As `preferences.pairs` writes them."""
    before = [{"role": "system", "content": seed["system"]}] if isinstance(seed.get("system"), str) else []
    turns = seed["turns"] if isinstance(seed.get("turns"), list) else []
    prompt = [*before, *turns, {"role": "user", "content": seed["input"]}]
    name = blake2b(json.dumps([prompt, *said]).encode(), digest_size=8).hexdigest()
    return {
        "prompt": prompt,
        "chosen": said[0],
        "rejected": said[1],
        "origin": "synthetic",
        "id": f"synthetic-{name}",
    }
