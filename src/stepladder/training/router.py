"""A router: which questions a small model answers as well as a large one, learnt from one's own pairs of answers.

Whether an answer in prose is right has no label to compare; but a score for each model on the same questions (a judge's, a
test's, a person's) says what the large one would have gained. The router foresees that gain from the question alone: ridge
regression over the shape of the text, the directions that the texts vary in, and an embedding model's vectors where there
is one. Its strength is chosen by leaving out each question in turn (in closed form), so some hundred pairs are enough.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stepladder.core import DataError
from stepladder.training.latent import directions, project
from stepladder.training.seen import Features, SeenTexts, without_bias

Array = NDArray[np.float64]
Embed = Callable[[str], NDArray[np.float32]]

_BITS, _COMMONEST = 18, 20_000
_RIDGES = tuple(10.0 ** np.arange(-2, 4.1, 0.5))
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_FEWEST = 20


@dataclass(frozen=True, slots=True)
class RouterSettings:
    """`rank` directions of the n-grams (0: none)."""

    rank: int = 30


@dataclass(frozen=True, slots=True, eq=False)
class Router:
    """Foresees the gain of asking the large model. `embed` has to be the one it was fitted with."""

    seen: SeenTexts
    features: Features
    basis: NDArray[np.float32]
    middle: Array
    scale: Array
    weights: Array
    base: float
    embed: Embed | None

    def gain(self, text: str) -> float:
        """How much better the large model is expected to do on a question, in the units of the scores."""
        wide = _wide(text, self._latent(text), self.embed)
        return float((wide - self.middle) / self.scale @ self.weights + self.base)

    def _latent(self, text: str) -> NDArray[np.float32]:
        if not self.basis.size:
            return np.zeros(0, np.float32)
        buckets = np.unique(self.seen.hasher.buckets(text)).astype(np.int32)
        return project(without_bias(self.features.rows([buckets])), self.basis).reshape(-1)


def fit_router(
    texts: Sequence[str],
    gains: ArrayLike,
    *,
    settings: RouterSettings | None = None,
    embed: Embed | None = None,
    seed: int = 0,
) -> Router:
    """Fit to questions and what the large model gained on each (score of the large minus score of the small).

    Raises DataError for fewer than 20 pairs, or lengths that differ.
    """
    settings, wanted = settings or RouterSettings(), np.asarray(gains, dtype=np.float64)
    if wanted.shape != (len(texts),) or len(texts) < _FEWEST:
        raise DataError(
            f"A router needs {_FEWEST} or more pairs and a gain for each; got {len(texts)} texts.",
            remedy="Record both models' scores on more questions.",
        )
    seen = SeenTexts(_BITS, len(texts))
    for text in texts:
        seen.add(text)
    features = seen.features(_COMMONEST)
    rows = without_bias(features.rows([seen.buckets(number) for number in range(len(texts))]))
    rank = min(settings.rank, len(texts) // 4)
    start = np.random.default_rng(seed).standard_normal((features.width, rank)).astype(np.float32)
    basis = directions(rows, start, passes=6) if rank else np.zeros((features.width, 0), np.float32)
    latent = project(rows, basis) if rank else np.zeros((len(texts), 0), np.float32)
    wide = np.stack([_wide(text, part, embed) for text, part in zip(texts, latent, strict=True)])
    middle, scale = wide.mean(axis=0), _scale(wide, (_SHAPES, rank))
    base = float(wanted.mean())
    weights = _ridge((wide - middle) / scale, wanted - base)
    return Router(seen, features, basis, middle, scale, weights, base, embed)


def _wide(text: str, latent: NDArray[np.float32], embed: Embed | None) -> Array:
    vector = [] if embed is None else [embed(text)]
    return np.concatenate([_shape(text), latent, *vector]).astype(np.float64)


def _shape(text: str) -> Array:
    """What a question looks like: length, numbers, lines, marks; counts in logarithms."""
    words = text.split()
    counts = [
        len(text),
        len(words),
        len(_NUMBER.findall(text)),
        text.count("\n"),
        text.count("?") + text.count("？"),
        sum(text.count(mark) for mark in "%$€£¥"),
        sum(text.count(mark) for mark in "{}()[]=<>;`"),
        sum(text.count(mark) for mark in ",.，。"),
    ]
    return np.append(np.log1p(counts), sum(map(len, words)) / max(len(words), 1) / 5)


_SHAPES = _shape("").size


def _scale(wide: Array, blocks: tuple[int, int]) -> Array:
    """Divisors that give shape, directions and vectors one spread together, whatever their number of columns."""
    spread = wide.std(axis=0)
    shapes, rank = blocks
    scale: Array = np.maximum(spread, 1e-9)
    scale[:shapes] *= shapes**0.5
    for start, end in ((shapes, shapes + rank), (shapes + rank, wide.shape[1])):
        if end > start:
            scale[start:end] = max(float(np.sqrt((spread[start:end] ** 2).sum())), 1e-9)
    return scale


def _ridge(rows: Array, wanted: Array) -> Array:
    """Ridge regression; its strength is the one with the least squared error on rows left out one at a time."""
    left, singular, right = np.linalg.svd(rows, full_matrices=False)
    turned = left.T @ wanted
    best, found = np.inf, np.zeros(rows.shape[1])
    for ridge in _RIDGES:
        shrunk = singular**2 / (singular**2 + ridge)
        fitted = left @ (shrunk * turned)
        leverage = ((left**2) * shrunk).sum(axis=1) + 1.0 / len(rows)
        loss = float((((wanted - fitted) / np.maximum(1.0 - leverage, 1e-6)) ** 2).mean())
        if loss < best:
            best, found = loss, right.T @ (singular / (singular**2 + ridge) * turned)
    return found
