"""Whether a collection's own questions teach an order that beats fusion, judged on questions it was not taught by."""

import json
import math
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stepladder.core import BadRequest, Embedder, Fusion, Progress
from stepladder.knowledge.features import CANDIDATES, FEATURES, features
from stepladder.knowledge.nearest import Vector
from stepladder.knowledge.quality import Asked, ndcg
from stepladder.knowledge.ranker import PLAIN, Judged, Ranker, fit
from stepladder.knowledge.rankers import Worth
from stepladder.knowledge.search import Means, Query, gathered
from stepladder.text import normalise

LEAST = 20
"""Questions: fewer say nothing."""

_FOLDS = 5
_DEPTH = 10
_QUERIES_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Tuned:
    """What tuning came to. `version` is that of the learned order now in force; None: it is not worth it, fusion stays."""

    worth: Worth
    version: int | None
    weights: dict[str, float]


def usable(asked: Sequence[Asked]) -> list[Asked]:
    """The questions that name right documents, each text once. Raises BadRequest where they are too few."""
    known = {normalise(one.text): one for one in asked if any(grade > 0 for grade in one.grades.values())}
    if len(known) < LEAST:
        raise BadRequest(
            f"{len(known)} different questions name their documents.",
            param="questions",
            remedy=f"Give {LEAST} at least; some hundreds are better.",
        )
    return list(known.values())


def embedded(asked: Sequence[Asked], embedder: Embedder | None) -> list[Vector | None]:
    """The questions' vectors, where there is an embedder. May raise RungFailed."""
    if embedder is None:
        return [None] * len(asked)
    texts = [one.text for one in asked]
    parts = [texts[start : start + _QUERIES_AT_ONCE] for start in range(0, len(texts), _QUERIES_AT_ONCE)]
    return [row for part in parts for row in embedder.embed(part, query=True)]


@dataclass(frozen=True, slots=True)
class Lesson:
    """Questions with their candidates, as a search by this embedder and this fusion finds them."""

    embedder: str
    fusion: Fusion
    questions: Sequence[Judged]

    def ranker(self) -> Ranker:
        """What they teach."""
        weights = fit(self.questions).tolist()
        return Ranker(self.embedder, self.fusion, dict(zip(FEATURES, weights, strict=True)))

    def scores(self, ranker: Ranker | None = None) -> NDArray[np.float64]:
        """nDCG@10 of each question by a ranker, or by fusion alone."""
        weights = PLAIN if ranker is None else ranker.vector()
        return np.array([ndcg(one.wanted, one.ranked(weights), _DEPTH) for one in self.questions])

    def part(self, places: Iterable[int]) -> "Lesson":
        """Some of the questions."""
        return replace(self, questions=[self.questions[place] for place in places])

    def without(self, feature: str) -> "Lesson":
        """The same where a feature is always 0."""
        kept = np.array([name != feature for name in FEATURES])
        return replace(self, questions=[replace(one, table=one.table * kept) for one in self.questions])

    def worth(self) -> Worth:
        """Five times four fifths of the questions teach, and the others judge: nDCG@10 against fusion alone."""
        fold = np.random.default_rng(0).permutation(len(self.questions)) % _FOLDS
        plain = self.scores()
        tuned = np.empty(len(plain))
        for number in range(_FOLDS):
            ranker = self.part(np.flatnonzero(fold != number).tolist()).ranker()
            judges = np.flatnonzero(fold == number)
            tuned[judges] = self.part(judges.tolist()).scores(ranker)
        error = float((tuned - plain).std(ddof=1)) / math.sqrt(len(plain))
        return Worth(len(plain), float(plain.mean()), float(tuned.mean()), error)


def lesson(
    connection: sqlite3.Connection,
    collection: int,
    queries: Sequence[tuple[Query, Asked]],
    means: Means,
    progress: Progress,
) -> Lesson:
    """Each question's candidates, within one transaction that the means' index has followed."""
    found = []
    for done, (query, asked) in enumerate(queries, 1):
        pool = gathered(connection, query, collection, means)
        numbers = pool.fused.numbers[:CANDIDATES].tolist()
        documents = dict(
            connection.execute(
                "SELECT p.number, d.id FROM passages p JOIN documents d ON d.number = p.document "
                "WHERE p.number IN (SELECT value FROM json_each(?))",
                (json.dumps(numbers),),
            ).fetchall()
        )
        ids = [documents[number] for number in numbers]
        found.append(Judged(features(connection, pool), ids, asked.grades))
        progress(done, len(queries), "questions")
    return Lesson(means.embedder, means.fusion, found)
