"""A router: which questions a small model answers as well as a large one, learnt from one's own pairs of answers.

Whether an answer in prose is right has no label to compare; but a score for each model on the same questions (a judge's, a
test's, a person's) says what the large one would have gained. The router foresees that gain from the question alone: ridge
regression over the shape of the text, the directions that the texts vary in, and an embedding model's vectors where there
is one. Its strength is chosen by leaving out each question in turn (in closed form), so some hundred pairs are enough.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stepladder.core import DataError
from stepladder.models import Embed, Router, shape, wide_row
from stepladder.training.latent import directions, project
from stepladder.training.seen import SeenTexts, without_bias

Array = NDArray[np.float64]

_BITS, _COMMONEST = 18, 20_000
_RIDGES = tuple(10.0 ** np.arange(-2, 4.1, 0.5))
_FEWEST = 20


@dataclass(frozen=True, slots=True)
class RouterSettings:
    """`rank` directions of the n-grams (0: none)."""

    rank: int = 30


def fit_router(
    texts: Sequence[str],
    gains: ArrayLike,
    *,
    settings: RouterSettings | None = None,
    embed: Embed | None = None,
    embedded: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Router:
    """Fit to questions and what the large model gained on each (score of the large minus score of the small).

    `embedded` are the settings and the name of the embedder behind `embed`, for the artefact.

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
    wide = np.stack([wide_row(text, part, embed) for text, part in zip(texts, latent, strict=True)])
    middle, scale = wide.mean(axis=0), _scale(wide, (_SHAPES, rank))
    base = float(wanted.mean())
    standard = (wide - middle) / scale
    weights = _ridge(standard, wanted - base)
    return Router(
        seen.hasher,
        features.used,
        features.idf[1:],
        basis[1:],
        middle,
        scale,
        weights,
        base,
        np.sort(standard @ weights + base),
        embed,
        embedded,
    )


_SHAPES = shape("").size


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
