"""Texts as sparse tf-idf rows: which n-grams count, and what each is worth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stepladder.text import NgramHasher
from stepladder.training.dual import Floats, Rows

_COMMON = 30_000  # n-grams of unlabelled texts that are looked at


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """The n-grams in use, by `buckets`, their inverse document frequency, and the `place` (buckets,) of their column."""

    buckets: NDArray[np.int32]
    idf: Floats
    place: NDArray[np.int64]


def found_in(texts: Sequence[str], hasher: NgramHasher) -> list[NDArray[np.int32]]:
    """The buckets of each text, each once."""
    return [np.unique(hasher.buckets(text)).astype(np.int32) for text in texts]


def vocabulary(found: Sequence[NDArray[np.int32]], others: Sequence[NDArray[np.int32]], bits: int) -> Words:
    """Buckets seen in two labelled texts (one in tiny sets), and the commonest of all texts where there are `others`."""
    frequency = np.bincount(np.concatenate(found), minlength=1 << bits)
    used = frequency >= (2 if len(found) >= 100 else 1)
    if others:
        frequency = frequency + np.bincount(np.concatenate(others), minlength=1 << bits)
        common = np.argsort(-frequency, kind="stable")[:_COMMON]
        used[common[frequency[common] >= 2]] = True
    buckets = np.flatnonzero(used).astype(np.int32)
    texts = len(found) + len(others)
    idf = (np.log((1 + texts) / (1 + frequency[buckets])) + 1).astype(np.float32)
    place = np.zeros(1 << bits, np.int64)
    place[buckets] = np.arange(1, buckets.size + 1)
    return Words(buckets, idf, place)


def weighted(found: Sequence[NDArray[np.int32]], words: Words) -> Rows:
    """Return tf-idf rows of unit length with a bias in column 0. An n-gram counts once a text."""
    columns, values = [], []
    for one in found:
        used = words.place[one]
        used = used[used > 0]
        weight = words.idf[used - 1]
        columns += [np.zeros(1, np.int64), used]
        values += [np.ones(1, np.float32), weight / max(float(np.sqrt(weight @ weight)), 1e-12)]
    ends = np.cumsum([used.size + 1 for used in columns[1::2]])
    width = words.buckets.size + 1
    return Rows(np.concatenate(columns), np.concatenate(values).astype(np.float32), ends, width)


def commonest(rows: Rows) -> tuple[Rows, NDArray[np.int64]]:
    """The rows with nothing but their commonest columns, the bias not among them, and which columns these are, rising."""
    frequency = np.bincount(rows.columns, minlength=rows.width)
    frequency[0] = 0
    used = np.sort(np.argsort(-frequency, kind="stable")[:_COMMON])
    place = np.full(rows.width, -1)
    place[used] = np.arange(used.size)
    kept = place[rows.columns] >= 0
    ends = np.append(0, np.cumsum(kept))[rows.ends]
    return Rows(place[rows.columns[kept]], rows.values[kept], ends, used.size), used
