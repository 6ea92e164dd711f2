"""The room's front: collections of documents in one file, searched in any number of threads and processes."""

import sqlite3
import threading
from collections.abc import Iterable, Sequence, Set
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from stepladder.core import BadRequest, Embedder, Fusion, Hit, Passage, Progress, Reranker, Scope
from stepladder.knowledge import documents, lexical, rankers, search, tuning, vectors
from stepladder.knowledge.changes import Changes
from stepladder.knowledge.file import KnowledgeFile
from stepladder.knowledge.nearest import NearestVectors
from stepladder.knowledge.nouns import Change, Collection, Document, SearchMode, Stored
from stepladder.knowledge.quality import Asked
from stepladder.knowledge.rankers import Kept
from stepladder.knowledge.reader import Quote, best_quote
from stepladder.knowledge.reranking import reranked
from stepladder.knowledge.search import Means, Query
from stepladder.knowledge.shelf import Shelf
from stepladder.knowledge.splitting import Splitting
from stepladder.knowledge.tuning import Lesson, Tuned

if TYPE_CHECKING:
    from stepladder.knowledge.postgres.publishing import Published
    from stepladder.knowledge.postgres.shelves import Shelves

Item = TypeVar("Item")
_DOCUMENTS_A_COMMIT = 256
_PASSAGES_A_COMMIT = 16


def _quietly(done: int, total: int, what: str) -> None:
    """Nobody watches."""


class Knowledge:
    """Documents in, passages out. Without an embedder, searches go by terms alone."""

    def __init__(
        self,
        file: KnowledgeFile,
        embedder: Embedder | None = None,
        reranker: Reranker | None = None,
        fusion: Fusion = Fusion.SCORE,
    ) -> None:
        """A `reranker` puts what a hybrid search finds in order; `fusion` is how words and vectors become one ranking."""
        self._file = file
        self.embedder = embedder
        self._reranker = reranker
        self._fusion = fusion
        self._indexes: dict[int, tuple[str, NearestVectors]] = {}
        self._lock = threading.Lock()
        self._changes = Changes(file)

    @classmethod
    def open(
        cls,
        path: Path,
        embedder: Embedder | None = None,
        reranker: Reranker | None = None,
        fusion: Fusion = Fusion.SCORE,
    ) -> "Knowledge":
        """Open the file, made if need be; what another version indexed otherwise is indexed anew. Raises StoreError."""
        file = KnowledgeFile(path)
        try:
            with file.read() as connection:
                outdated = documents.outdated(connection)
            for collection in outdated:
                with file.write() as connection:
                    documents.index_anew(connection, collection)
        except BaseException:
            file.close()
            raise
        return cls(file, embedder, reranker, fusion)

    def close(self) -> None:
        """Let go of the file. May be called twice."""
        self._changes.close()
        self._file.close()

    def collections(self, tenant: str | None = None) -> list[Collection]:
        """A tenant's own collections, or everybody's."""
        with self._file.read() as connection:
            return documents.collections(connection, tenant)

    def add(
        self,
        collection: str,
        given: Iterable[Document],
        *,
        tenant: str = "",
        how: Splitting | None = None,
        progress: Progress = _quietly,
    ) -> dict[Change, int]:
        """Add or update documents; those that are there as they are stay untouched. Searchable by terms at once.

        Each 256 documents are one transaction: after a crash, adding the same again does the rest. The collection is
        made where there is none. Raises BadRequest naming a document that cannot be taken.
        """
        counts = dict.fromkeys(Change, 0)
        with self._file.write() as connection:
            number = documents.collection_number(connection, tenant, collection, make=True)
        for batch in _batches(given, _DOCUMENTS_A_COMMIT):
            with self._file.write() as connection:
                changes = documents.put(connection, number, batch, how or Splitting())
            for change in changes.values():
                counts[change] += 1
            progress(sum(counts.values()), 0, "documents")
        return counts

    def embed(self, collection: str, *, tenant: str = "", progress: Progress = _quietly) -> int:
        """Give every passage its vector that has none; how many got one. A few passages are one transaction.

        Vectors of another embedder go first: two kinds never mix. Raises RungFailed where the embedder fails.
        """
        embedder = self._need_embedder()
        with self._file.write() as connection:
            number = documents.collection_number(connection, tenant, collection)
            vectors.adopt(connection, number, embedder.name, embedder.dimensions)
        done = 0
        with self._file.read() as connection:
            total = vectors.missing(connection, number)
        while True:
            with self._file.read() as connection:
                waiting = vectors.waiting(connection, number, _PASSAGES_A_COMMIT)
            if not waiting:
                self.prepare(collection, tenant=tenant)
                return done
            rows: NDArray[np.float32] = embedder.embed([text for _, text in waiting], query=False)
            with self._file.write() as connection:
                vectors.write(connection, number, [one for one, _ in waiting], rows)
            done += len(waiting)
            progress(done, total, "passages embedded")

    def nearest(self, collection: str, *, tenant: str = "") -> NearestVectors | None:
        """The index over a collection's vectors, up to date; None where nothing was embedded."""
        with self._file.read() as connection:
            number = documents.collection_number(connection, tenant, collection)
            index = self._index(number, *vectors.embedder_of(connection, number))
            if index is not None:
                index.follow(connection)
            return index

    def prepare(self, collection: str, *, tenant: str = "") -> None:
        """Build the graph over a large collection's vectors, which `embed` does too; kept in a file beside ours."""
        index = self.nearest(collection, tenant=tenant)
        if index is not None:
            index.prepare(self._graph_path(index), build=True)

    def keep_parts(self, collection: str, path: str, ids: Set[str], *, tenant: str = "") -> int:
        """Take out what came of a file once and is not among `ids`, which it is now. How many there were."""
        with self._file.write() as connection:
            number = documents.collection_number(connection, tenant, collection)
            gone = [id for id in documents.parts_of(connection, number, path) if id not in ids]
            return documents.remove(connection, number, gone)

    def remove(self, collection: str, ids: Sequence[str], *, tenant: str = "") -> int:
        """Take documents out: found no more from now on. How many there were."""
        with self._file.write() as connection:
            number = documents.collection_number(connection, tenant, collection)
            return documents.remove(connection, number, ids)

    def expire(self, before: float) -> int:
        """Take out documents that nobody has changed since then, but for what a source still shows; how many there were."""
        with self._file.write() as connection:
            return documents.expire(connection, before)

    def naming(self, text: str, tenant: str | None = None) -> list[tuple[str, str, str]]:
        """Documents that hold a text word for word, as (tenant, collection, id): of one tenant, or of all."""
        with self._file.read() as connection:
            return documents.naming(connection, text, tenant)

    def drop(self, collection: str, *, tenant: str = "") -> None:
        """Take a whole collection out. Raises BadRequest where there is none."""
        with self._file.write() as connection:
            number = documents.collection_number(connection, tenant, collection)
            connection.execute("DELETE FROM collections WHERE number = ?", (number,))

    def shelf(self, source: str, collection: str, *, tenant: str = "", labels: str = "") -> Shelf:
        """What a source has put into a collection, which is made where there is none; `labels` as Shelf has them."""
        return Shelf(self._file, source, collection, tenant, labels)

    def lost(self, source: str, collection: str, *, tenant: str = "") -> str:
        """Why a source could not be looked at on its last visit though it should be there, or ""."""
        with self._file.read() as connection:
            row = connection.execute(
                "SELECT s.lost FROM sources s JOIN collections c ON c.number = s.collection "
                "WHERE s.name = ? AND c.name = ? AND c.tenant = ?",
                (source, collection, tenant),
            ).fetchone()
            return row[0] if row is not None else ""

    def shown(self, source: str, collection: str, *, tenant: str = "") -> dict[str, str]:
        """What a source showed last time: key -> state. Nothing is made where it never did."""
        with self._file.read() as connection:
            rows = connection.execute(
                "SELECT key, state FROM shown JOIN sources s ON s.number = source JOIN collections c "
                "ON c.number = s.collection WHERE s.name = ? AND c.name = ? AND c.tenant = ?",
                (source, collection, tenant),
            )
            return {row[0]: row[1] for row in rows}

    def publish(
        self, collection: str, to: "Shelves", *, tenant: str = "", progress: Progress = _quietly
    ) -> "Published":
        """Bring the collection in a PostgreSQL database into our own one's state. Raises BadRequest, UpstreamFailed."""
        from stepladder.knowledge.postgres.publishing import publish

        return publish(self._file, to, collection, tenant, progress)

    def documents(
        self, collection: str, *, tenant: str = "", after: str = "", most: int = 100
    ) -> list[Stored]:
        """Documents in the order of their ids, those after the id `after`."""
        with self._file.read() as connection:
            number = documents.collection_number(connection, tenant, collection)
            return documents.listed(connection, number, after=after, most=most)

    def passages(self, collection: str, id: str, *, tenant: str = "") -> list[Passage]:
        """A document's passages. Raises BadRequest where there is no such document."""
        with self._file.read() as connection:
            number = documents.collection_number(connection, tenant, collection)
            return documents.passages_of(connection, number, id)

    def search(self, query: Query) -> list[Hit]:
        """The best passages, best first. Where there are no vectors, a hybrid search goes by terms alone.

        Where the re-ranker cannot be asked, the order stays as it was found.

        Raises BadRequest for a collection that the scope does not have, and for a search by vector without vectors.
        """
        if query.mode is not SearchMode.LEXICAL and query.vector is None and self.embedder is not None:
            query = replace(query, vector=self.embedder.embed([query.text], query=True)[0])
        if query.mode is SearchMode.HYBRID and self._reranker is not None:
            deep = replace(query, top=max(query.top, self._reranker.candidates))
            return reranked(self._reranker, query.text, self._found(deep))[: query.top]
        return self._found(query)

    def _found(self, query: Query) -> list[Hit]:
        with self._file.read() as connection:
            number = search.visible_collection(connection, query.scope.tenant, query.collection)
            return search.run(connection, query, number, self._means(connection, number, query))

    def _means(self, connection: sqlite3.Connection, number: int, query: Query) -> Means:
        """What a query is answered by; the index has followed the transaction."""
        if query.mode is SearchMode.LEXICAL:
            return Means()
        embedder, dimensions = vectors.embedder_of(connection, number)
        index = self._index(number, embedder, dimensions)
        self._check(query, index, embedder)
        if index is None or query.vector is None:
            return Means(fusion=self._fusion)
        index.follow(connection)
        index.prepare(self._graph_path(index), build=False)
        return Means(index, embedder, self._fusion)

    def tune(
        self,
        collection: str,
        asked: Sequence[Asked],
        *,
        scope: Scope | None = None,
        by: str = "",
        progress: Progress = _quietly,
    ) -> Tuned:
        """Learn the order of a hybrid search's passages from questions whose documents are known.

        It is in force from now on, in every process, where it is worth it: where nDCG@10 of questions that it was not
        fitted on is higher than by fusion alone, by more than the difference's standard error. Where it is not, fusion has
        the last word, whatever was in force before. Raises BadRequest for too few questions.
        """
        scope = scope or Scope()
        lesson = self.lesson(collection, tuning.usable(asked), scope=scope, progress=progress)
        worth, ranker = lesson.worth(), lesson.ranker()
        with self._file.write() as connection:
            number = documents.collection_number(connection, scope.tenant, collection)
            if worth.better:
                version = rankers.keep(connection, number, ranker, worth, by)
                return Tuned(worth, version, ranker.weights)
            rankers.forget(connection, number)
            return Tuned(worth, None, ranker.weights)

    def lesson(
        self,
        collection: str,
        asked: Sequence[Asked],
        *,
        scope: Scope | None = None,
        progress: Progress = _quietly,
    ) -> Lesson:
        """The candidates of each question, as a hybrid search has them before they are put in order; one question at least.

        Raises BadRequest.
        """
        scope = scope or Scope()
        queries = [
            (Query(one.text, collection, scope, vector=vector), one)
            for one, vector in zip(asked, tuning.embedded(asked, self.embedder), strict=True)
        ]
        with self._file.read() as connection:
            number = documents.collection_number(connection, scope.tenant, collection)
            means = self._means(connection, number, queries[0][0])
            return tuning.lesson(connection, number, queries, means, progress)

    def forget_tuning(self, collection: str, *, tenant: str = "") -> bool:
        """Let fusion alone have the last word again; whether anything was learned. Raises BadRequest."""
        with self._file.write() as connection:
            return rankers.forget(connection, documents.collection_number(connection, tenant, collection))

    def tunings(self, collection: str, *, tenant: str = "") -> list[Kept]:
        """Every order that was learned for the collection, the newest first. Raises BadRequest."""
        with self._file.read() as connection:
            return rankers.history(connection, documents.collection_number(connection, tenant, collection))

    def retrieve(self, query: str, collection: str, scope: Scope, *, top: int = 10) -> Sequence[Hit]:
        """The `Retriever` contract: a hybrid search."""
        return self.search(Query(query, collection, scope, top))

    def answer(self, question: str, collection: str, scope: Scope, *, top: int = 5) -> Quote | None:
        """The sentence of the best passages that carries most of the question; its `support` says how much.

        `answered` tells whether that is enough. None where nothing was found.
        """
        hits = self.retrieve(question, collection, scope, top=top)
        return best_quote(question, hits, lambda asked: self.rarity(collection, scope, asked))

    def rarity(self, collection: str, scope: Scope, terms: Iterable[str]) -> dict[str, float]:
        """How telling each term is in a collection: its inverse document frequency. Raises BadRequest as `search` does."""
        with self._file.read() as connection:
            number = search.visible_collection(connection, scope.tenant, collection)
            return lexical.rarity(connection, number, tuple(terms))

    def standing(self, collection: str, scope: Scope, numbers: Iterable[int]) -> set[int]:
        """Which of these passages are still there and for the scope to see. Raises BadRequest as `search` does."""
        with self._file.read() as connection:
            number = search.visible_collection(connection, scope.tenant, collection)
            return search.visible(connection, number, scope, tuple(numbers))

    def version(self) -> str:
        """Changes with every change of the file, and when a document's time begins or ends. Cheap enough for each question."""
        return self._changes.now()

    def _index(self, collection: int, embedder: str, dimensions: int) -> NearestVectors | None:
        if not embedder:
            return None
        with self._lock:
            known = self._indexes.get(collection)
            if known is None or known[0] != embedder:
                known = self._indexes[collection] = (embedder, NearestVectors(collection, dimensions))
            return known[1]

    def _graph_path(self, index: NearestVectors) -> Path:
        return self._file.path.with_name(f"{self._file.path.stem}-{index.collection}.usearch")

    def _check(self, query: Query, index: NearestVectors | None, embedder: str) -> None:
        if query.mode is SearchMode.VECTOR and (index is None or query.vector is None):
            raise BadRequest(
                f"{query.collection} has no vectors.", param="mode", remedy="Embed it, or search by terms."
            )
        mine = self.embedder.name if self.embedder is not None else embedder
        if index is not None and embedder != mine:
            raise BadRequest(
                f"{query.collection} was embedded by {embedder}, not by {mine}.",
                param="mode",
                remedy="Embed it again, or search by terms.",
            )

    def _need_embedder(self) -> Embedder:
        if self.embedder is None:
            raise BadRequest("No embedder is configured.", param="embedder", remedy="Configure one.")
        return self.embedder


def _batches(items: Iterable[Item], size: int) -> Iterable[list[Item]]:
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch
