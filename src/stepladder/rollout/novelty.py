"""What is new about a question: against the words, clusters and fields of the questions that a release was trained on.

One half of those questions makes the reference, the other half tells how often a question of the same kind looks new to
it. So whatever the reference is worth, the share it calls new among the same kind of questions is known, and a rise
can be tested.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeGuard

import msgspec
import numpy as np
from numpy.typing import NDArray

from stepladder.core import Field
from stepladder.text import words

Vectors = NDArray[np.float32]
KINDS = ("words", "clusters", "fields")
"""New words; far from every cluster of texts; fields, values or absences that there were not."""

LEAST = 60
"""Questions below which there is no reference."""

_RARE = 0.9  # of the reference's own questions, so many have fewer words of their own than what counts as new
_FAR = 0.05  # share of the reference's own questions that are as far from their cluster as what counts as new
_VALUES = 200  # more different values of a field are no categories
_ROUNDS = 8


class Asked(Protocol):
    """A question as the watch sees it."""

    @property
    def text(self) -> str: ...

    @property
    def fields(self) -> Mapping[str, Field]: ...


class Embedding(Protocol):
    """Texts to unit rows."""

    def embed(self, texts: Sequence[str]) -> Vectors: ...


class _Range(msgspec.Struct):
    """What a field was like: its numbers' `low` and `high`, its other `values` as hashes (None: any), and if it always came."""

    always: bool
    low: float | None
    high: float | None
    values: set[int] | None


class _Kept(msgspec.Struct):
    words: bytes
    most_new: float
    centroids: bytes
    clusters: int
    least_like: float
    fields: dict[str, _Range]
    novel: list[int]
    rows: int


@dataclass(frozen=True, slots=True)
class Reference:
    """`words` are hashes, `centroids` (clusters, dimensions) unit rows. Of `rows` questions that made none of it,
    `novel` looked new, by kind."""

    words: frozenset[int]
    most_new: float
    centroids: Vectors
    least_like: float
    fields: Mapping[str, _Range]
    novel: tuple[int, ...]
    rows: int

    @classmethod
    def of(cls, asked: Sequence[Asked], embedding: Embedding) -> "Reference | None":
        """From a training period's questions; None where there are too few."""
        if len(asked) < LEAST:
            return None
        order = np.random.default_rng(len(asked)).permutation(len(asked)).tolist()
        made, shown = ([asked[k] for k in order[part::2]] for part in (0, 1))
        seen = Counter(hash for one in made for hash in {_hash(word) for word in words(one.text)})
        once = frozenset(hash for hash, count in seen.items() if count == 1)
        own = [_share(one.text, lambda hash: hash in once) for one in made]
        vectors = embedding.embed([one.text for one in made])
        centroids = _centroids(vectors)
        likeness = (vectors @ centroids.T).max(axis=1)
        reference = cls(
            frozenset(seen),
            float(np.quantile(own, _RARE)),
            centroids,
            float(np.quantile(likeness, _FAR)),
            _fields([one.fields for one in made]),
            (),
            len(shown),
        )
        novel = reference.judge(shown, embedding).sum(axis=0)
        return replace(reference, novel=tuple(novel.tolist()))

    def judge(self, asked: Sequence[Asked], embedding: Embedding) -> NDArray[np.bool_]:
        """What is new about each question, (questions, kinds)."""
        found = np.zeros((len(asked), len(KINDS)), np.bool_)
        if not asked:
            return found
        texts = [one.text for one in asked]
        found[:, 0] = [_share(text, lambda hash: hash not in self.words) > self.most_new for text in texts]
        found[:, 1] = (embedding.embed(texts) @ self.centroids.T).max(axis=1) < self.least_like
        found[:, 2] = [self._new_fields(one.fields) for one in asked]
        return found

    def unseen(self, text: str) -> list[str]:
        """The words that there were not."""
        return [word for word in words(text) if _hash(word) not in self.words]

    def _new_fields(self, given: Mapping[str, Field]) -> bool:
        if any(known.always and name not in given for name, known in self.fields.items()):
            return True
        return any(
            name not in self.fields or _outside(self.fields[name], value) for name, value in given.items()
        )

    def to_bytes(self) -> bytes:
        """For the store. No word can be read in it."""
        return msgspec.msgpack.encode(
            _Kept(
                np.array(sorted(self.words), np.uint64).tobytes(),
                self.most_new,
                self.centroids.astype("<f4").tobytes(),
                len(self.centroids),
                self.least_like,
                dict(self.fields),
                list(self.novel),
                self.rows,
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Reference":
        """What `to_bytes` wrote."""
        kept = msgspec.msgpack.decode(data, type=_Kept)
        return cls(
            frozenset(np.frombuffer(kept.words, np.uint64).tolist()),
            kept.most_new,
            np.frombuffer(kept.centroids, "<f4").reshape(kept.clusters, -1),
            kept.least_like,
            kept.fields,
            tuple(kept.novel),
            kept.rows,
        )


def _hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=8).digest())


def _share(text: str, new: "_Test") -> float:
    """The share of a text's words that are new."""
    hashes = [_hash(word) for word in words(text)]
    return sum(map(new, hashes)) / len(hashes) if hashes else 0.0


class _Test(Protocol):
    def __call__(self, hash: int, /) -> bool: ...


def _centroids(vectors: Vectors) -> Vectors:
    """Spherical k-means (Dhillon and Modha 2001) from evenly spread rows: the same rows give the same clusters."""
    count = max(1, min(64, round((len(vectors) / 2) ** 0.5)))
    centres: Vectors = vectors[np.linspace(0, len(vectors) - 1, count).astype(int)].copy()
    for _ in range(_ROUNDS):
        nearest = (vectors @ centres.T).argmax(axis=1)
        for k in range(count):
            if (mine := vectors[nearest == k]).size:
                centres[k] = mine.sum(axis=0)
        centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-12)
    return centres


def _fields(rows: Sequence[Mapping[str, Field]]) -> dict[str, _Range]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: _range([row[name] for row in rows if name in row], len(rows)) for name in names}


def _range(values: Sequence[Field], rows: int) -> _Range:
    numbers = [float(value) for value in values if _is_number(value)]
    others = {_hash(repr(value)) for value in values if not _is_number(value)}
    many = len(others) > min(_VALUES, max(10, len(values) // 5))
    return _Range(
        len(values) == rows,
        min(numbers, default=None),
        max(numbers, default=None),
        None if many else others,
    )


def _outside(known: _Range, value: Field) -> bool:
    if _is_number(value):
        if known.low is None or known.high is None:
            return True
        return not known.low <= float(value) <= known.high
    return known.values is not None and _hash(repr(value)) not in known.values


def _is_number(value: Field) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
