"""How right answers are: for labels, for JSON, for prose. Every figure is worked out exactly, by its definition.

Labels: accuracy, and precision, recall and F1 of each class; macro-F1 is the mean of the F1 of the classes that gold answers
or answers hold. JSON: how much is valid, equal as a whole, and the micro-averaged F1 of (path, value) pairs, as spans are
scored in CoNLL's shared tasks (Tjong Kim Sang and De Meulder, 2003). Prose: ROUGE-1, -2 and -L, F-measures (Lin, 2004), with
a token for each word, number and Chinese character, case aside, no stemming.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_TOKEN = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+")
_MOST_LABEL, _FEW = 60, 0.5


class Answers(StrEnum):
    """What kind of answers are compared."""

    LABEL = "label"
    JSON = "json"
    SPANS = "spans"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class: `support` gold answers of it, `said` answers."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int
    said: int


@dataclass(frozen=True, slots=True)
class Scores:
    """The figures of one set of answers, by name, each from 0 to 1; the classes, largest first.

    `rows` holds what the main figure is worked out from: a value a row, of which it is the mean, shape (rows,), or for the
    field F1 the fields that are right, said and wanted, shape (rows, 3).
    """

    main: str
    figures: Mapping[str, float]
    rows: Floats
    classes: tuple[ClassScore, ...] = ()


def kind_of(gold: Sequence[str]) -> Answers:
    """What kind gold answers are: JSON objects or lists, labels (short, and few different ones), or prose."""
    read = [_json(answer) for answer in gold]
    if gold and all(isinstance(value, list) and all(map(_is_span, value)) for value in read) and any(read):
        return Answers.SPANS
    if gold and all(isinstance(value, dict | list) for value in read):
        return Answers.JSON
    short = all(len(answer) <= _MOST_LABEL and "\n" not in answer for answer in gold)
    return Answers.LABEL if short and len(set(gold)) <= max(2, _FEW * len(gold)) else Answers.TEXT


def score(answers: Sequence[str], gold: Sequence[str], kind: Answers) -> Scores:
    """Score answers, one a gold answer. Raises ValueError where there are not as many of both."""
    pairs = list(zip(answers, gold, strict=True))
    if not pairs:
        raise ValueError("there is nothing to score")
    if kind is Answers.LABEL:
        return _labels(pairs)
    if kind is Answers.SPANS:
        return _spans(pairs)
    return _objects(pairs) if kind is Answers.JSON else _prose(pairs)


def _labels(pairs: Sequence[tuple[str, str]]) -> Scores:
    right = np.array([answer.strip() == gold.strip() for answer, gold in pairs], np.float64)
    support, said = Counter(gold.strip() for _, gold in pairs), Counter(answer.strip() for answer, _ in pairs)
    hit = Counter(gold.strip() for answer, gold in pairs if answer.strip() == gold.strip())
    classes = []
    for name in sorted(support.keys() | said.keys(), key=lambda name: (-support[name], name)):
        precision = hit[name] / said[name] if said[name] else 0.0
        recall = hit[name] / support[name] if support[name] else 0.0
        classes.append(
            ClassScore(
                name, precision, recall, f1(hit[name], said[name], support[name]), support[name], said[name]
            )
        )
    macro = sum(one.f1 for one in classes) / len(classes)
    return Scores("accuracy", {"accuracy": float(right.mean()), "macro_f1": macro}, right, tuple(classes))


def f1(hit: float, said: float, wanted: float) -> float:
    """2 hit / (said + wanted), 0 where both are none."""
    return 2 * hit / (said + wanted) if said + wanted else 0.0


def _objects(pairs: Sequence[tuple[str, str]]) -> Scores:
    rows = np.zeros((len(pairs), 3))
    valid = exact = 0
    for at, (answer, gold) in enumerate(pairs):
        said, wanted = _json(answer), _json(gold)
        valid += said is not None
        exact += said is not None and said == wanted
        one, other = Counter(_fields(said)), Counter(_fields(wanted))
        rows[at] = (one & other).total(), one.total(), other.total()
    hit, said_fields, wanted_fields = rows.sum(axis=0)
    figures = {
        "field_f1": f1(hit, said_fields, wanted_fields),
        "field_precision": float(hit / said_fields) if said_fields else 0.0,
        "field_recall": float(hit / wanted_fields) if wanted_fields else 0.0,
        "exact_match": exact / len(pairs),
        "json_validity": valid / len(pairs),
    }
    return Scores("field_f1", figures, rows)


def _is_span(value: Any) -> bool:
    return isinstance(value, dict) and {"start", "end"} <= value.keys()


def _spans(pairs: Sequence[tuple[str, str]]) -> Scores:
    """Micro-averaged over whole spans: start, end and label must all be right (CoNLL's shared tasks)."""
    rows = np.zeros((len(pairs), 3))
    by_label: dict[str, list[int]] = {}
    valid = 0
    for at, (answer, gold) in enumerate(pairs):
        read = _json(answer)
        valid += isinstance(read, list)
        one, other = (_marked(value) for value in (read, _json(gold)))
        rows[at] = (one & other).total(), one.total(), other.total()
        for place, found in enumerate((one & other, one, other)):
            for (_, _, label), count in found.items():
                by_label.setdefault(label, [0, 0, 0])[place] += count
    hit, said, wanted = rows.sum(axis=0)
    figures = {
        "span_f1": f1(hit, said, wanted),
        "span_precision": float(hit / said) if said else 0.0,
        "span_recall": float(hit / wanted) if wanted else 0.0,
        "json_validity": valid / len(pairs),
    }
    classes = [
        ClassScore(label, h / s if s else 0.0, h / w if w else 0.0, f1(h, s, w), w, s)
        for label, (h, s, w) in sorted(by_label.items(), key=lambda one: (-one[1][2], one[0]))
    ]
    return Scores("span_f1", figures, rows, tuple(classes))


def _marked(value: Any) -> Counter[tuple[int, int, str]]:
    """Spans as (start, end, label); what is none does not count."""
    spans = [one for one in value if _is_span(one)] if isinstance(value, list) else []
    return Counter(
        (int(one["start"]), int(one["end"]), str(one.get("label", ""))) for one in spans if _numbers(one)
    )


def _numbers(span: Mapping[str, Any]) -> bool:
    return all(isinstance(span[key], int | float) and np.isfinite(span[key]) for key in ("start", "end"))


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _fields(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(path, value) of every leaf; the order in lists does not count."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _fields(item, f"{path}.{name}")
    elif isinstance(value, list):
        for item in value:
            yield from _fields(item, f"{path}[]")
    elif value is not None:
        yield path, json.dumps(value, ensure_ascii=False)


def _prose(pairs: Sequence[tuple[str, str]]) -> Scores:
    found = np.array([rouge(answer, gold) for answer, gold in pairs])
    means = found.mean(axis=0)
    same = sum(" ".join(answer.split()) == " ".join(gold.split()) for answer, gold in pairs)
    figures = dict(zip(("rouge_1", "rouge_2", "rouge_l"), map(float, means), strict=True))
    return Scores("rouge_l", figures | {"exact_match": same / len(pairs)}, found[:, 2])


def rouge(answer: str, gold: str) -> tuple[float, float, float]:
    """F-measures of ROUGE-1, ROUGE-2 and ROUGE-L of one pair."""
    said, wanted = tokens(answer), tokens(gold)
    grams = []
    for order in (1, 2):
        one, other = (
            Counter(zip(*(words[at:] for at in range(order)), strict=False)) for words in (said, wanted)
        )
        grams.append(f1((one & other).total(), one.total(), other.total()))
    return grams[0], grams[1], f1(longest_common(said, wanted), len(said), len(wanted))


def tokens(text: str) -> list[str]:
    """Words and numbers in lower case, and Chinese characters."""
    return _TOKEN.findall(text.casefold())


def longest_common(one: Sequence[str], other: Sequence[str]) -> int:
    """The length of the longest common subsequence."""
    codes = {word: code for code, word in enumerate(dict.fromkeys([*one, *other]))}
    there = np.array([codes[word] for word in other])
    best = np.zeros(len(other) + 1, np.int64)
    for word in one:
        grown = np.where(there == codes[word], best[:-1] + 1, best[1:])
        best[1:] = np.maximum.accumulate(np.maximum(grown, best[1:]))
    return int(best[-1])
