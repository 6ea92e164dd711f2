"""A published collection keeps the retriever's contract, with vectors and without, and follows our own file."""

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from stepladder.core import BadRequest, ConfigError, RungFailed, Scope
from stepladder.knowledge import Document, Knowledge
from stepladder.knowledge.postgres import PostgresRetriever
from stepladder.knowledge.postgres.retriever import PostgresSettings
from stepladder.testing.retrieving import PairEmbedder, RetrieverContract


@pytest.fixture
def address(postgres, monkeypatch):
    """Where the settings find the database."""
    monkeypatch.setenv("PASSAGES_DATABASE", postgres)
    return "env:PASSAGES_DATABASE"


@pytest.fixture
def retriever(address):
    opened = PostgresRetriever("pg", PostgresSettings(address), PairEmbedder())
    yield opened
    opened.close()


class _Contract(RetrieverContract):
    embedder: PairEmbedder | None = None

    @pytest.fixture(autouse=True)
    def _database(self, address):
        self.address = address

    @contextmanager
    def filled(self, shelves):
        retriever = PostgresRetriever("pg", PostgresSettings(self.address), self.embedder)
        with TemporaryDirectory() as folder:
            knowledge = Knowledge.open(Path(folder) / "knowledge.db", PairEmbedder())
            try:
                for (tenant, collection), texts in shelves.items():
                    knowledge.add(
                        collection, (Document(id, text) for id, text in texts.items()), tenant=tenant
                    )
                    knowledge.embed(collection, tenant=tenant)
                    knowledge.publish(collection, retriever.shelves, tenant=tenant)
                yield retriever
            finally:
                knowledge.close()
                retriever.close()


class TestByWords(_Contract):
    pass


class TestHybrid(_Contract):
    embedder = PairEmbedder()


def found(retriever, query, collection="manual", scope=None):
    return [hit.passage.document for hit in retriever.retrieve(query, collection, scope or Scope())]


def test_publishing_again_takes_over_what_has_changed_and_nothing_else(knowledge, retriever):
    knowledge.add("manual", [Document(f"d{i}", f"Item number{i} weighs {i} grams.") for i in range(300)])
    knowledge.embed("manual")
    done = knowledge.publish("manual", retriever.shelves)
    assert (done.written, done.unchanged, done.removed) == (300, 0, 0)
    assert done.vectors
    assert "d7" in found(retriever, "number7")[:1]
    knowledge.add("manual", [Document("d7", "Item seven was renamed to alpha.")])
    knowledge.remove("manual", ["d8"])
    knowledge.embed("manual")
    done = knowledge.publish("manual", retriever.shelves)
    assert (done.written, done.unchanged, done.removed) == (1, 298, 1)
    assert found(retriever, "alpha")[:1] == ["d7"]
    assert "d8" not in found(retriever, "number8 weighs grams")
    assert knowledge.publish("manual", retriever.shelves).written == 0


def test_vectors_that_came_later_are_published_too(knowledge, retriever):
    knowledge.add("manual", [Document("a", "abcdef")])
    assert not knowledge.publish("manual", retriever.shelves).vectors
    assert found(retriever, "bcde") == []
    knowledge.embed("manual")
    assert knowledge.publish("manual", retriever.shelves).written == 1
    assert found(retriever, "bcde") == ["a"], "near by its vector, though no word is the same"


def test_groups_tags_and_times_are_kept(knowledge, retriever):
    knowledge.add(
        "manual",
        [
            Document("all", "The gate opens at six."),
            Document("staff", "The gate code is 4711.", groups=("staff", "guards")),
            Document("old", "The gate opened at five.", valid_until=100.0),
            Document("tagged", "The gate is blue.", tags=("colour",)),
        ],
    )
    knowledge.publish("manual", retriever.shelves)
    assert set(found(retriever, "gate")) == {"all", "tagged"}
    assert set(found(retriever, "gate", scope=Scope(groups=("guards",)))) == {"all", "tagged", "staff"}
    assert set(found(retriever, "gate", scope=Scope(tags=("colour",)))) == {"tagged"}
    assert "old" in found(retriever, "gate", scope=Scope(at=50.0))


def test_rare_words_count_more_than_common_ones(knowledge, retriever):
    knowledge.add("manual", [Document(f"d{i}", "the pump, the pump and the valve") for i in range(30)])
    knowledge.add("manual", [Document("rare", "a gasket near the pump")])
    knowledge.publish("manual", retriever.shelves)
    assert found(retriever, "pump valve gasket")[0] == "rare"


def test_a_large_collection_is_searched_along_a_graph_of_its_own(knowledge, retriever, monkeypatch):
    monkeypatch.setattr("stepladder.knowledge.postgres.publishing.GRAPH_FROM", 50)
    texts = [Document(f"d{i}", f"{'xyzuvw'[i % 6] * 3}{i} qqq") for i in range(120)]
    knowledge.add("manual", [*texts[:-1], Document("mine", "zzz119 qqq secret", groups=("staff",))])
    knowledge.embed("manual")
    knowledge.publish("manual", retriever.shelves)
    with retriever.shelves.transaction() as connection:
        names = connection.exec_driver_sql("SELECT indexname FROM pg_indexes").scalars().all()
    assert any(name.startswith("stepladder_near_") for name in names)
    assert found(retriever, "zzz119 qqq secret", scope=Scope(groups=("staff",)))[0] == "mine"
    assert "mine" not in found(retriever, "zzz119 qqq secret")


def test_another_embedder_is_refused(knowledge, address):
    class Other(PairEmbedder):
        name = "other"

    knowledge.add("manual", [Document("a", "text")])
    knowledge.embed("manual")
    retriever = PostgresRetriever("pg", PostgresSettings(address), Other())
    try:
        knowledge.publish("manual", retriever.shelves)
        with pytest.raises(BadRequest, match="embedded by pairs, not by other"):
            retriever.retrieve("text", "manual", Scope())
    finally:
        retriever.close()


def test_a_database_that_is_away_is_an_error_without_its_address(monkeypatch):
    monkeypatch.setenv("PASSAGES_DATABASE", "postgresql://me:secret@127.0.0.1:9/none")
    retriever = PostgresRetriever.open("pg", {"url": "env:PASSAGES_DATABASE"})
    try:
        with pytest.raises(RungFailed) as raised:
            retriever.retrieve("text", "manual", Scope())
        assert "secret" not in str(raised.value) + raised.value.remedy
    finally:
        retriever.close()
    monkeypatch.setenv("PASSAGES_DATABASE", "mysql://me:secret@host/none")
    with pytest.raises(ConfigError, match="no PostgreSQL URL") as refused:
        PostgresRetriever.open("pg", {"url": "env:PASSAGES_DATABASE"})
    assert "secret" not in str(refused.value)
