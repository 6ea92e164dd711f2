"""What kind of answers a model gives to the same prompt: a closed set, JSON of one shape, numbers, or prose."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from stepladder.text import dictionary_key

_UNSEEN = 0.06
_MAX_LABEL = 60
_FEWEST = 12
_FENCE = re.compile(r"\s*```\w*\s*\n(.*)\n\s*```\s*", re.DOTALL)
_NUMBER = re.compile(r"[-+]?[\d,.]+\s*%?")


class Kind(StrEnum):
    """What an answer is."""

    LABEL = "label"
    JSON = "json"
    NUMBER = "number"
    TEXT = "text"
    CONSTANT = "constant"


@dataclass(frozen=True, slots=True)
class AnswerKind:
    """The kind of a group's answers; `labels` with their counts for a closed set, `schema` for JSON."""

    kind: Kind
    labels: Mapping[str, int] = field(default_factory=dict)
    schema: Mapping[str, Any] | None = None

    @property
    def closed(self) -> bool:
        """Whether two answers can be compared: only then can a promise of agreement be kept."""
        return self.kind in (Kind.LABEL, Kind.JSON)

    def like(self, other: "AnswerKind") -> bool:
        """Whether both could be the answers of one task: half of the labels, or of the keys, are the same."""
        if self.kind != other.kind:
            return False
        one, two = self._names(), other._names()
        return not (one or two) or len(one & two) / len(one | two) >= 0.5

    def _names(self) -> set[str]:
        if self.kind is Kind.JSON and self.schema:
            return set(self.schema["properties"])
        return {dictionary_key(label) for label in self.labels}


def recognise(answers: Sequence[str]) -> AnswerKind:
    """The kind of these answers.

    A set is closed when little of it is unseen: the share of answers that came once estimates how often the next one
    is new (Good and Turing, 1953); up to 6 % of it is let through, since models slip.
    """
    if (found := _json(answers)) is not None:
        return found
    keys = [dictionary_key(answer) for answer in answers]
    counts = Counter(keys)
    once = sum(count == 1 for count in counts.values())
    short = sum(len(answer) <= _MAX_LABEL for answer in answers) >= 0.94 * len(answers)
    if (
        len(answers) >= _FEWEST
        and short
        and once <= _UNSEEN * len(answers)
        and len(answers) >= 3 * len(counts)
    ):
        return _labels(answers, keys, counts)
    if all(_NUMBER.fullmatch(answer.strip()) for answer in answers):
        return AnswerKind(Kind.NUMBER)
    return AnswerKind(Kind.TEXT)


def recognise_answer(answer: str, kind: AnswerKind) -> str:
    """An answer as its kind spells it: the label it stands for, canonical JSON, or the text as it is."""
    if kind.kind is Kind.LABEL:
        key = dictionary_key(answer)
        return next((label for label in kind.labels if dictionary_key(label) == key), _bare(answer))
    if kind.kind is Kind.JSON and (value := parsed(answer)) is not None:
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return answer


def sign(answer: str) -> str:
    """What two answers of one task have in common: the keys of an object, else the answer itself."""
    value = parsed(answer)
    return (
        "{" + ",".join(sorted(map(str, value))) + "}" if isinstance(value, dict) else dictionary_key(answer)
    )


def _labels(answers: Sequence[str], keys: Sequence[str], counts: Counter[str]) -> AnswerKind:
    """Each label in its most frequent spelling; what came once is a slip, not a label."""
    spellings: dict[str, Counter[str]] = {}
    for answer, key in zip(answers, keys, strict=True):
        spellings.setdefault(key, Counter())[_bare(answer)] += 1
    least = 2 if len(answers) >= 50 else 1
    labels = {
        spellings[key].most_common(1)[0][0]: count for key, count in counts.most_common() if count >= least
    }
    return AnswerKind(Kind.LABEL if len(labels) > 1 else Kind.CONSTANT, labels)


def _bare(answer: str) -> str:
    return answer.strip().strip(".。\"'`“”「」").strip() or answer.strip()


def _json(answers: Sequence[str]) -> AnswerKind | None:
    """The shape of JSON objects that share most of their keys; None where they are no such thing."""
    objects = [value for answer in answers if isinstance(value := parsed(answer), dict)]
    if len(objects) < 0.75 * len(answers) or not objects:
        return None
    counts = Counter(key for value in objects for key in value)
    required = [key for key, count in counts.items() if count >= 0.95 * len(objects)]
    optional = [key for key, count in counts.items() if 0.02 * len(objects) <= count < 0.95 * len(objects)]
    if not required or len(optional) > 3 * len(required) + 5:
        return None
    properties = {
        str(key): _property([value[key] for value in objects if key in value])
        for key in [*required, *optional]
    }
    schema = {"type": "object", "properties": properties, "required": [str(key) for key in required]}
    return AnswerKind(Kind.JSON, {}, {**schema, "additionalProperties": False})


def parsed(answer: str) -> object:
    """The JSON value of an answer, out of its fence if it has one; None where it is none."""
    fenced = _FENCE.fullmatch(answer)
    try:
        return json.loads(fenced[1] if fenced else answer)
    except (ValueError, RecursionError):
        return None


def _property(values: Sequence[Any]) -> dict[str, Any]:
    types = sorted({_type(value) for value in values})
    if types == ["integer", "number"]:
        types = ["number"]
    shape: dict[str, Any] = {"type": types[0] if len(types) == 1 else types}
    if types == ["string"] and len(values) >= 50:
        found = recognise(values)
        if found.kind is Kind.LABEL and len(found.labels) <= 30:
            shape["enum"] = sorted(set(values)) if len(set(values)) <= 30 else sorted(found.labels)
    if types == ["array"]:
        items = sorted({_type(item) for value in values for item in value})
        shape["items"] = {"type": items[0]} if len(items) == 1 else {}
    return shape


def _type(value: Any) -> str:
    for kind, name in (
        (bool, "boolean"),
        (int, "integer"),
        (float, "number"),
        (str, "string"),
        (list, "array"),
    ):
        if isinstance(value, kind):
            return name
    return "object" if isinstance(value, dict) else "null"
