"""The embedded retriever keeps the retriever's contract, with vectors and without."""

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from stepladder.core import Retriever
from stepladder.knowledge import Document, Knowledge
from stepladder.testing.retrieving import PairEmbedder, RetrieverContract


@contextmanager
def filled(shelves, embedder):
    with TemporaryDirectory() as folder:
        knowledge = Knowledge.open(Path(folder) / "knowledge.db", embedder)
        try:
            for (tenant, collection), texts in shelves.items():
                knowledge.add(collection, (Document(id, text) for id, text in texts.items()), tenant=tenant)
                if embedder is not None:
                    knowledge.embed(collection, tenant=tenant)
            assert isinstance(knowledge, Retriever)
            yield knowledge
        finally:
            knowledge.close()


class TestByWords(RetrieverContract):
    def filled(self, shelves):
        return filled(shelves, None)


class TestHybrid(RetrieverContract):
    def filled(self, shelves):
        return filled(shelves, PairEmbedder())
