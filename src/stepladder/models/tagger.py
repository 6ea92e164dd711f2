"""The `tagger` rung: answers that are JSON, made of pieces of the text (spans) and of values from a closed set (classes).

A conditional random field (Lafferty et al. 2001, by CRFsuite) marks the spans, a linear model names the values of all
class properties at once, and one confidence says whether the whole answer is right. The artefact holds CRFsuite's own
file, compressed, and the linear model's artefact in the folder `linear`.
"""

import gzip
import json
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stepladder.core import DataError, Guess, MissingExtra
from stepladder.models.artefact import Artefact, usable
from stepladder.models.linear import LinearModel
from stepladder.models.off_loop import OffLoopRung
from stepladder.text import normalise

Array = NDArray[np.float64]

FORMAT = 1
"""Version of the artefact; a folder of another version is refused."""

OUTSIDE = "O"
_CRF = "crf.gz"
_LEAST = 1e-9
_MOST_TOKENS = 1000  # of a longer text the rest is left out
_TOKEN = re.compile(r"[^\W_\u2e80-\u9fff\uf900-\U0010ffff]+|[^\s\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a Chinese character or a mark, and where it stands: text[start:end]."""

    text: str
    start: int
    end: int


def tokens_of(text: str) -> list[Token]:
    """The tokens of a text, in order."""
    found = (Token(one[0], one.start(), one.end()) for one in _TOKEN.finditer(text))
    return [token for _, token in zip(range(_MOST_TOKENS), found, strict=False)]


def token_features(tokens: Sequence[Token], named: str) -> list[list[str]]:
    """What the random field sees of each token: itself, its ends and shape, its neighbours, and the class values."""
    words = ["<2>", "<1>", *(normalise(token.text) or token.text for token in tokens), "<1>", "<2>"]
    rows = []
    for k, token in enumerate(tokens):
        before, word, after = words[k + 1], words[k + 2], words[k + 3]
        rows.append(
            [
                "w=" + word,
                "-1=" + before,
                "+1=" + after,
                "-2=" + words[k],
                "+2=" + words[k + 4],
                f"-1,0={before} {word}",
                f"0,+1={word} {after}",
                f"-2,-1={words[k]} {before}",
                "head=" + word[:3],
                "tail=" + word[-3:],
                "shape=" + _shape(token.text),
                "named=" + named,
                f"named,-1={named} {before}",
            ]
        )
    return rows


def _shape(word: str) -> str:
    kind = "d" if word.isdigit() else "X" if word.isupper() else "Xx" if word[:1].isupper() else "x"
    return f"{kind}{min(len(word), 4)}"


@dataclass(frozen=True, slots=True)
class Layout:
    """Where in the answer's JSON values go: `spans` and `classes` are paths of keys, `lists` those that hold a list."""

    spans: tuple[tuple[str, ...], ...]
    classes: tuple[tuple[str, ...], ...]
    lists: frozenset[tuple[str, ...]] = frozenset()
    objects: frozenset[tuple[str, ...]] = frozenset()

    def write(self, values: Mapping[tuple[str, ...], Sequence[str]]) -> str:
        """Canonical JSON of the values by path; objects that are always there stay, empty or not."""
        whole: dict[str, Any] = {}
        for path in sorted(self.objects):
            _at(whole, path)
        for path, found in values.items():
            if found:
                _at(whole, path[:-1])[path[-1]] = list(found) if path in self.lists else found[0]
        return json.dumps(whole, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _at(whole: dict[str, Any], path: Sequence[str]) -> dict[str, Any]:
    for key in path:
        whole = whole.setdefault(key, {})
    return whole


@dataclass(frozen=True, slots=True)
class Marked:
    """A piece of the text that was taken for a property, and the chance of its least likely tag."""

    path: str
    text: str
    chance: float


@dataclass(frozen=True, slots=True, eq=False)
class TaggerModel:
    """`crf` is CRFsuite's file, `named` the model of the class values (None where there is only `only`).

    `weights` and `bias` turn `confidence_features` into the chance that the whole answer is right.
    """

    layout: Layout
    crf: bytes
    named: LinearModel | None
    only: str
    weights: Array
    bias: float
    _tagger: Any = field(init=False, repr=False)
    _lock: threading.Lock = field(init=False, repr=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_tagger", open_tagger(self.crf))
        if self.weights.shape != (FEATURES,):
            raise DataError("tagger model: its parts do not fit together.", remedy="Fit it again.")

    def predict(self, texts: Sequence[str]) -> list[Guess]:
        """The JSON of each text, and the chance that all of it is right."""
        found = []
        for text in texts:
            named = name_class(self.named, self.only, text)
            with self._lock:
                tags = tag(self._tagger, text, named[0])
            chance = 1 / (
                1 + np.exp(-np.clip(confidence_features(tags, named) @ self.weights + self.bias, -500, 500))
            )
            found.append(
                Guess(self.layout.write(values_of(self.layout, text, tags, named[0])), float(chance))
            )
        return found

    def explain(self, text: str, limit: int = 5) -> list[Marked]:
        """The pieces that were marked, those first that the model is least sure of: they decide the confidence."""
        named = name_class(self.named, self.only, text)
        tokens, begun = tokens_of(text), 0
        found: list[Marked] = []
        with self._lock:
            tags = tag(self._tagger, text, named[0]).tags
            chances = [float(self._tagger.marginal(one, k)) for k, one in enumerate(tags)]
        for token, one, chance in zip(tokens, tags, chances, strict=True):
            kind, _, place = one.partition("-")
            if kind == "B":
                begun = token.start
                path = "/".join(self.layout.spans[int(place)])
                found.append(Marked(path, text[begun : token.end], chance))
            elif kind == "I" and found:
                found[-1] = Marked(found[-1].path, text[begun : token.end], min(found[-1].chance, chance))
        return sorted(found, key=lambda one: one.chance)[:limit]

    def save(self, folder: Path) -> None:
        """Write the artefact into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.named is not None:
            self.named.save(folder / "linear")
        (folder / _CRF).write_bytes(gzip.compress(self.crf, mtime=0))
        paths = {
            name: sorted(map(list, getattr(self.layout, name)))
            for name in ("spans", "classes", "lists", "objects")
        }
        description = {**paths, "only": self.only, "named": self.named is not None, "bias": self.bias}
        Artefact("tagger", FORMAT, description, {"weights": self.weights}).save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises DataError, and MissingExtra without CRFsuite."""
        found = Artefact.load(folder, "tagger", FORMAT)
        with usable(folder, "tagger"):
            told = found.description
            try:
                crf = gzip.decompress((folder / _CRF).read_bytes())
            except EOFError as error:
                raise ValueError(f"{_CRF} is damaged") from error
            spans, classes, lists, objects = (
                tuple(tuple(path) for path in told[name]) for name in ("spans", "classes", "lists", "objects")
            )
            return cls(
                Layout(spans, classes, frozenset(lists), frozenset(objects)),
                crf,
                LinearModel.load(folder / "linear") if told["named"] else None,
                str(told["only"]),
                found.tensor("weights", np.float64),
                float(told["bias"]),
            )


@dataclass(frozen=True, slots=True)
class Tags:
    """The likeliest tags of a text's tokens, the chance of all of them, and of the least likely one."""

    tags: tuple[str, ...]
    chance: float
    least: float


def tag(tagger: Any, text: str, named: str) -> Tags:
    """Tag a text with CRFsuite's tagger."""
    tokens = tokens_of(text)
    if not tokens:
        return Tags((), 1.0, 1.0)
    tagger.set(token_features(tokens, named))
    tags = tuple(tagger.tag())
    least = min(tagger.marginal(one, k) for k, one in enumerate(tags))
    return Tags(tags, float(tagger.probability(tags)), float(least))


def name_class(model: LinearModel | None, only: str, text: str) -> tuple[str, float]:
    """The values of all class properties as one JSON text, and the chance that they are right."""
    if model is None:
        return only, 1.0
    guess = model.predict(text)
    return guess.text, guess.confidence


def values_of(layout: Layout, text: str, tags: Tags, named: str) -> dict[tuple[str, ...], list[str]]:
    """The values by path: pieces of the text where tags begin (B) and go on (I), and the class values."""
    values: dict[tuple[str, ...], list[str]] = {path: [] for path in layout.spans}
    tokens, at = tokens_of(text), 0
    while at < len(tags.tags):
        kind, _, place = tags.tags[at].partition("-")
        end = at + 1
        if kind == "B":
            while end < len(tags.tags) and tags.tags[end] == f"I-{place}":
                end += 1
            values[layout.spans[int(place)]].append(text[tokens[at].start : tokens[end - 1].end])
        at = end
    for path, value in zip(layout.classes, json.loads(named), strict=True):
        values[path] = [] if value is None else [value]
    return values


FEATURES = 5


def confidence_features(tags: Tags, named: tuple[str, float]) -> Array:
    """What the confidence is read from, (5,): the logit of all being right comes first."""
    whole = min(max(tags.chance * named[1], _LEAST), 1 - _LEAST)
    parts = (max(tags.least, _LEAST), max(named[1], _LEAST))
    spans = sum(one.startswith("B-") for one in tags.tags)
    return np.array([np.log(whole / (1 - whole)), *np.log(parts), np.log1p(len(tags.tags)), float(spans)])


def open_tagger(crf: bytes) -> Any:
    """CRFsuite's tagger of a model. Raises MissingExtra, and DataError where it is none."""
    tagger = import_crfsuite().Tagger()
    try:
        tagger.open_inmemory(crf)
    except (ValueError, OSError) as error:
        raise DataError("tagger model: the random field is damaged.", remedy="Fit it again.") from error
    return tagger


def import_crfsuite() -> Any:
    """CRFsuite's binding, loaded now. Raises MissingExtra."""
    try:
        import pycrfsuite
    except ImportError as error:
        raise MissingExtra("The tagger rung", "tagger") from error
    return pycrfsuite


class TaggerRung(OffLoopRung[TaggerModel]):
    """A tagger as a rung of a ladder."""

    __slots__ = ()

    @classmethod
    def load(cls, folder: Path, *, name: str, release: str) -> Self:
        """Open the model in a release's folder. Raises DataError, MissingExtra."""
        return cls(name, release, TaggerModel.load(folder))
