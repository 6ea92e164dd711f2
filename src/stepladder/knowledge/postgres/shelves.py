"""The tables in PostgreSQL, and transactions on them."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from stepladder.core import ConfigError, MissingExtra, UpstreamFailed
from stepladder.knowledge.terms import ANALYSER

_DRIVERS = ("postgresql", "postgresql+psycopg")
_CONNECT_SECONDS = 5
TABLES = """
CREATE TABLE IF NOT EXISTS stepladder_collections (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL,
    embedder TEXT NOT NULL DEFAULT '', dimensions INTEGER NOT NULL DEFAULT 0, analyser INTEGER NOT NULL,
    UNIQUE (tenant, name)
);
CREATE TABLE IF NOT EXISTS stepladder_documents (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    collection BIGINT NOT NULL REFERENCES stepladder_collections ON DELETE CASCADE,
    id TEXT NOT NULL, state TEXT NOT NULL, title TEXT NOT NULL, source TEXT NOT NULL, tags TEXT[] NOT NULL,
    groups TEXT[] NOT NULL, valid_from DOUBLE PRECISION, valid_until DOUBLE PRECISION, UNIQUE (collection, id)
);
CREATE TABLE IF NOT EXISTS stepladder_passages (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, collection BIGINT NOT NULL,
    document BIGINT NOT NULL REFERENCES stepladder_documents ON DELETE CASCADE,
    place INTEGER NOT NULL, start INTEGER NOT NULL, heading TEXT NOT NULL, text TEXT NOT NULL, words TSVECTOR NOT NULL
);
CREATE INDEX IF NOT EXISTS stepladder_passages_of ON stepladder_passages (document);
CREATE INDEX IF NOT EXISTS stepladder_passages_in ON stepladder_passages (collection);
CREATE INDEX IF NOT EXISTS stepladder_words ON stepladder_passages USING gin (words);
"""
VECTORS = """
CREATE EXTENSION IF NOT EXISTS vector;
ALTER TABLE stepladder_passages ADD COLUMN IF NOT EXISTS vector vector;
"""
_LOCK = 0x5374_4B6E  # of those who make the tables: two that begin at once would trip over each other


class Shelves:
    """Short transactions on one database. Errors name the retriever, and never the address, which may hold a password."""

    def __init__(self, name: str, url: str) -> None:
        """Nobody is asked yet. Raises ConfigError, MissingExtra."""
        self._name = name
        self._engine = _engine(name, url)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction, undone by an error. Raises UpstreamFailed."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            reason = getattr(error, "orig", None) or error
            raise UpstreamFailed(
                self._name,
                f"{self._name} failed ({type(reason).__name__}).",
                remedy=f"Check [retrievers.{self._name}] and the database there.",
            ) from error

    def prepare(self) -> bool:
        """Make the tables where there are none; whether pgvector is there. Raises UpstreamFailed."""
        with self.transaction() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            connection.exec_driver_sql(TABLES)
            offered = connection.execute(
                text("SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'")
            ).scalar_one()
            if offered:
                connection.exec_driver_sql(VECTORS)
        return bool(offered)

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()


def collection_number(connection: Connection, tenant: str, name: str) -> int:
    """The tenant's own published collection of that name, made where there is none; one that was written by another
    analyser is emptied."""
    number: int = connection.execute(
        text(
            "INSERT INTO stepladder_collections (tenant, name, analyser) VALUES (:tenant, :name, :analyser) "
            "ON CONFLICT (tenant, name) DO UPDATE SET name = excluded.name RETURNING number"
        ),
        {"tenant": tenant, "name": name, "analyser": ANALYSER},
    ).scalar_one()
    outdated = connection.execute(
        text("UPDATE stepladder_collections SET analyser = :now WHERE number = :number AND analyser <> :now"),
        {"number": number, "now": ANALYSER},
    ).rowcount
    if outdated:
        connection.execute(
            text("DELETE FROM stepladder_documents WHERE collection = :number"), {"number": number}
        )
    return number


def _engine(name: str, url: str) -> Engine:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.drivername not in _DRIVERS:
        raise ConfigError(
            f"retrievers.{name}.url is no PostgreSQL URL.",
            param=f"retrievers.{name}.url",
            remedy='Write "env:NAME" with postgresql://user:password@host/name in it.',
        )
    try:
        return create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            connect_args={"connect_timeout": _CONNECT_SECONDS},
        )
    except ImportError as error:
        raise MissingExtra("A PostgreSQL retriever", "postgres") from error
