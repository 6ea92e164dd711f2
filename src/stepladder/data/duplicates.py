"""Near-duplicates among many texts: MinHash signatures, bands that collide, and an exact look at what collided.

Broder 1997 ("On the resemblance and containment of documents"): the share of equal minima of two sets under random
permutations estimates their Jaccard similarity. Banding (Leskovec, Rajaraman, Ullman, "Mining of massive datasets",
chapter 3) finds similar pairs without comparing all of them. Memory: 512 bytes a text; texts are read again to verify.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stepladder.core import BadRequest, Progress
from stepladder.data.kept import Kept, blocks
from stepladder.data.rowfile import Joined
from stepladder.text import grams

_PERMUTATIONS = 128
_BANDS = 32
_ROWS = _PERMUTATIONS // _BANDS
_SLACK = 0.12  # a signature of 128 minima is off by less than this nearly always (three standard errors)
_TOLD = 2_000
_PAIRS = 1 << 17
_NEAR = 6

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Duplicates:
    """`original[i]` is the first text that text i is a (near-)copy of, and i itself where it is none; shape (n,)."""

    original: Rows

    @property
    def copies(self) -> Rows:
        """The texts that are copies of an earlier one."""
        return np.flatnonzero(self.original != np.arange(len(self.original)))

    def clusters(self) -> list[Rows]:
        """Every group of two or more texts that are copies of each other, by its first text."""
        found: dict[int, list[int]] = {}
        for copy in self.copies.tolist():
            found.setdefault(int(self.original[copy]), []).append(copy)
        return [np.array([first, *others]) for first, others in found.items()]


def find_duplicates(
    texts: Sequence[str], progress: Progress, *, threshold: float = 0.6, kept: Kept | None = None
) -> Duplicates:
    """Find copies and near-copies: character n-grams with a Jaccard similarity of at least `threshold`.

    Case, width, white space and traditional or simplified writing do not count (`text.normalise`). Every copy is that
    similar to its original, which is itself no copy: chains of small steps do not join what differs. Signatures are `kept`
    as they are made. Raises BadRequest for a threshold outside 0.3 to 1: below, bands would miss pairs.
    """
    similar = _similar(texts, progress, threshold, kept)
    original = np.arange(len(texts))
    for later in sorted(similar):
        stand = [earlier for earlier in similar[later] if original[earlier] == earlier]
        original[later] = min(stand, default=later)
    return Duplicates(original)


def near_groups(
    texts: Sequence[str], progress: Progress, *, threshold: float = 0.6, kept: Kept | None = None
) -> Rows:
    """For each text the first one of its group, shape (n,): whoever is similar is in one group, over however many steps.

    What must not be torn apart, such as by a split, is torn apart nowhere between two groups. Raises as `find_duplicates`.
    """
    first = list(range(len(texts)))

    def root(at: int) -> int:
        while first[at] != at:
            first[at] = first[first[at]]
            at = first[at]
        return at

    for later, earlier in sorted(_similar(texts, progress, threshold, kept).items()):
        for one in earlier:
            low, high = sorted((root(one), root(later)))
            first[high] = low
    return np.array([root(at) for at in range(len(texts))], np.int64)


def find_contamination(
    training: Sequence[str],
    test: Sequence[str],
    progress: Progress,
    *,
    threshold: float = 0.6,
    kept: Kept | None = None,
) -> Rows:
    """The training texts that are (near-)copies of a test text, ascending. Raises as `find_duplicates` does.

    Of any test text: also of one that is itself a near-copy of an earlier one.
    """
    similar = _similar(Joined(test, training), progress, threshold, kept)
    found = [later - len(test) for later, near in similar.items() if later >= len(test) > min(near)]
    return np.array(sorted(found), np.int64)


def _similar(
    texts: Sequence[str], progress: Progress, threshold: float, kept: Kept | None = None
) -> dict[int, set[int]]:
    """Later text -> the earlier ones that it is similar to."""
    if not 0.3 <= threshold <= 1:
        raise BadRequest(
            f"threshold is {threshold}.", param="threshold", remedy="Give a value from 0.3 to 1."
        )
    signatures = _signatures(texts, progress, kept)
    similar: dict[int, set[int]] = {}
    seen: set[int] = set()
    for band in range(_BANDS):
        for pair in _colliding(signatures, band, threshold).tolist():
            if pair not in seen:
                seen.add(pair)
                earlier, later = divmod(pair, len(texts))
                if similarity(texts[earlier], texts[later]) >= threshold:
                    similar.setdefault(later, set()).add(earlier)
        progress(band + 1, _BANDS, "comparing")
    return similar


def _signatures(texts: Sequence[str], progress: Progress, kept: Kept | None) -> NDArray[np.uint32]:
    """Return the minima of each text's n-gram hashes, shape (texts, permutations); an empty text has all ones."""
    random = np.random.default_rng(7)
    odd = random.integers(0, 2**63, _PERMUTATIONS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    found = np.full((len(texts), _PERMUTATIONS), 0xFFFFFFFF, np.uint32)
    for rows in blocks(found, _TOLD, kept):
        progress(rows.start, len(texts), "reading")
        for at in range(rows.start, rows.stop):
            hashes = grams(texts[at])
            if hashes.size:
                mixed = hashes[:, None] * odd[None, :]
                found[at] = (mixed >> np.uint64(32)).min(axis=0)
    progress(len(texts), len(texts), "reading")
    return found


def _colliding(signatures: NDArray[np.uint32], band: int, threshold: float) -> Rows:
    """Pairs (earlier * n + later) that agree in a band and look similar by their whole signatures.

    In its bucket a text meets the first one and the few before it: a large bucket is full of copies of one text.
    """
    part = signatures[:, band * _ROWS : (band + 1) * _ROWS].astype(np.uint64)
    keys = part[:, 0]
    for column in range(1, _ROWS):
        keys = (keys ^ (keys >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9) + part[:, column]
    full = np.flatnonzero(signatures[:, 0] != 0xFFFFFFFF)
    order = full[np.argsort(keys[full], kind="stable")]
    if not len(order):
        return np.empty(0, np.int64)
    starts = np.concatenate(([True], keys[order[1:]] != keys[order[:-1]]))
    place = np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))
    found = [(order[place], order)]
    for step in range(1, _NEAR + 1):
        same = keys[order[step:]] == keys[order[:-step]]
        found.append((order[:-step][same], order[step:][same]))
    one, two = (np.concatenate(side) for side in zip(*found, strict=True))
    pairs = np.unique(one[one < two] * len(signatures) + two[one < two])
    return pairs[_look_alike(signatures, pairs, threshold)]


def _look_alike(signatures: NDArray[np.uint32], pairs: Rows, threshold: float) -> NDArray[np.bool_]:
    alike = np.zeros(len(pairs), np.bool_)
    for start in range(0, len(pairs), _PAIRS):
        earlier, later = np.divmod(pairs[start : start + _PAIRS], len(signatures))
        equal = (signatures[earlier] == signatures[later]).mean(axis=1)
        alike[start : start + _PAIRS] = equal >= threshold - _SLACK
    return alike


def similarity(one: str, two: str) -> float:
    """The Jaccard similarity of two texts' character n-grams; 1 for two empty texts."""
    left, right = grams(one), grams(two)
    both = np.intersect1d(left, right, assume_unique=True).size
    union = left.size + right.size - both
    return both / union if union else 1.0
