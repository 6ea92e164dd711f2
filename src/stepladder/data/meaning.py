"""Texts that say the same in other words: vectors of an embedder whose cosine is high enough, each pair looked at.

After SemDeDup (Abbas et al. 2023, arXiv 2303.09540), without its clusters, so that no pair is missed. Time grows with the
square of the texts: a hundred thousand take about a minute on one core once they have vectors. Memory: a vector a text.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stepladder.core import BadRequest, Embedder, Progress
from stepladder.data.duplicates import Duplicates, Rows
from stepladder.data.kept import Kept, blocks
from stepladder.data.rowfile import Joined

_BLOCK = 1024  # texts that are compared with
_EARLIER = 8192  # so many others at a time
_ASKED = 256  # texts that an embedder is given at once

Vectors = NDArray[np.float32]


def find_alike(
    texts: Sequence[str], embedder: Embedder, progress: Progress, *, alike: float, kept: Kept | None = None
) -> Duplicates:
    """Find texts whose vector's cosine with an earlier one's is at least `alike`; that earlier one is no copy itself.

    Raises BadRequest where `alike` is not above 0 and at most 1, and what the embedder raises.
    """
    _check(alike)
    vectors = _vectors(texts, embedder, progress, kept)
    original = np.arange(len(vectors))
    for start in range(0, len(vectors), _BLOCK):
        progress(start, len(vectors), "comparing meanings")
        block = vectors[start : start + _BLOCK]
        first = _first_near(block, vectors[:start], original[:start] == np.arange(start), alike)
        own = block @ block.T >= alike
        for at in range(len(block)):
            if first[at] < 0:
                stands = original[start : start + at] == np.arange(start, start + at)
                near = np.flatnonzero(own[at, :at] & stands)
                first[at] = start + near[0] if len(near) else start + at
            original[start + at] = first[at]
    return Duplicates(original)


def find_alike_to(
    sides: tuple[Sequence[str], Sequence[str]],
    embedder: Embedder,
    progress: Progress,
    *,
    alike: float,
    kept: Kept | None = None,
) -> Rows:
    """The training texts, the first side, that say what a test text says, ascending. Raises as `find_alike` does."""
    _check(alike)
    count = len(sides[1])
    both = _vectors(Joined(sides[1], sides[0]), embedder, progress, kept)
    tested, vectors = both[:count], both[count:]
    everything = np.ones(len(tested), np.bool_)
    near = [
        _first_near(vectors[start : start + _BLOCK], tested, everything, alike) >= 0
        for start in range(0, len(vectors), _BLOCK)
    ]
    return np.flatnonzero(np.concatenate(near)) if near else np.zeros(0, np.int64)


def _check(alike: float) -> None:
    if not 0 < alike <= 1:
        raise BadRequest(f"alike is {alike}.", param="alike", remedy="Give a cosine above 0, at most 1.")


def _vectors(
    texts: Sequence[str], embedder: Embedder, progress: Progress, kept: Kept | None = None
) -> Vectors:
    found = np.empty((len(texts), embedder.dimensions), np.float32)
    for rows in blocks(found, _ASKED, kept):
        progress(rows.start, len(texts), "embedding")
        found[rows] = embedder.embed([texts[at] for at in range(rows.start, rows.stop)], query=False)
    return found


def _first_near(block: Vectors, earlier: Vectors, stands: NDArray[np.bool_], alike: float) -> Rows:
    """For each vector of a block the first earlier one that stands and is near; -1 where none is."""
    first = np.full(len(block), -1, np.int64)
    for start in range(0, len(earlier), _EARLIER):
        left = np.flatnonzero(first < 0)
        if not len(left):
            break
        near = (block[left] @ earlier[start : start + _EARLIER].T >= alike) & stands[start : start + _EARLIER]
        found = near.any(axis=1)
        first[left[found]] = start + near[found].argmax(axis=1)
    return first
