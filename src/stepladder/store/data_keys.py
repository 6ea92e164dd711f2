"""The keys that texts at rest are sealed with: one a tenant at a time, themselves wrapped by a master key that is not here.

Knows tables and times; the ciphers are handed in (`Envelope`). To erase a tenant's keys is to erase whatever they sealed.
"""

import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import (
    Column,
    Connection,
    Double,
    Index,
    LargeBinary,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

from stepladder.core import Clock, ConfigError, StoreError
from stepladder.store.database import Database
from stepladder.store.tables import metadata

SEALED = "\x1es:"
"""What a sealed text begins with; then come its key's id, a colon and the cipher's base 64."""
_LOOK_SECONDS = 1.0

# `wrapped` is NULL once the key is erased; `master` says which key it is wrapped by.
data_keys = Table(
    "data_keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("master", String, nullable=False),
    Column("wrapped", LargeBinary),
    Column("created_at", Double, nullable=False),
    Column("erased_at", Double),
    Index("data_keys_tenant", "tenant", "created_at"),
)


class Cipher(Protocol):
    """One data key, opened."""

    def seal(self, text: str) -> str:
        """The text, encrypted, in ASCII."""

    def unseal(self, sealed: str) -> str:
        """The text as it was. Raises StoreError where it was changed."""


class Envelope(Protocol):
    """The master keys."""

    @property
    def master(self) -> str:
        """Names the key that wraps now; tells nothing of it."""

    def make(self, id: str, tenant: str) -> bytes:
        """A new data key, wrapped for this id and tenant."""

    def open(self, id: str, tenant: str, master: str, wrapped: bytes) -> Cipher:
        """The data key's cipher. Raises ConfigError where that master key is not configured, StoreError for a wrong one."""

    def rewrap(self, id: str, tenant: str, master: str, wrapped: bytes) -> bytes:
        """The same data key, wrapped by the master key that wraps now."""


@dataclass(frozen=True, slots=True)
class DataKey:
    """A data key as it may be shown. `live`: it opens what it sealed."""

    id: str
    tenant: str
    master: str
    created_at: float
    live: bool


class DataKeys:
    """Seals in the transaction that writes, so that a key and what it sealed are there together, or not at all."""

    def __init__(
        self, database: Database, clock: Clock, envelope: Envelope | None = None, rotate_seconds: float = 0.0
    ) -> None:
        """Without an `envelope` nothing is sealed. Raises ConfigError where there are keys that it cannot open."""
        self._database = database
        self._clock = clock
        self._envelope = envelope
        self._rotate = rotate_seconds or float("inf")
        self._ciphers: dict[str, Cipher | None] = {}
        self._lock = threading.Lock()
        self._looked = float("-inf")
        self._alone = database.sqlite and database.file is None
        with database.read() as connection:
            self._take(connection)

    @property
    def sealing(self) -> bool:
        """Whether what is written is sealed."""
        return self._envelope is not None

    def current(self, connection: Connection, tenants: Iterable[str]) -> dict[str, tuple[str, Cipher]]:
        """Each tenant's key for what is written now: id and cipher. Made where there is none, or it is old."""
        assert self._envelope is not None
        wanted = set(tenants)
        query = select(data_keys).where(
            data_keys.c.tenant.in_(sorted(wanted)), data_keys.c.wrapped.is_not(None)
        )
        found: dict[str, tuple[str, Cipher]] = {}
        for row in connection.execute(query.order_by(data_keys.c.created_at)):
            if self._clock.time() - row.created_at < self._rotate:
                found[row.tenant] = (row.id, self._cipher(row))
        for tenant in wanted - found.keys():
            found[tenant] = self._made(connection, tenant)
        return found

    def unseal(self, text: str) -> str:
        """The text as it was; "" where its key was erased. Raises StoreError where it cannot be opened."""
        id, _, sealed = text[len(SEALED) :].partition(":")
        if not self._alone and self._clock.monotonic() - self._looked > _LOOK_SECONDS:
            self._look()  # another process may have erased a key
        if id not in self._ciphers and not self._alone:
            self._look()
        if id not in self._ciphers:
            raise StoreError(
                "A text is sealed with a key that this database does not hold.",
                remedy="Restore the backup that the text comes from as a whole.",
            )
        cipher = self._ciphers[id]
        return "" if cipher is None else cipher.unseal(sealed)

    def list(self) -> list[DataKey]:
        """Every key, the oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(data_keys).order_by(data_keys.c.created_at)).all()
        return [
            DataKey(row.id, row.tenant, row.master, row.created_at, row.wrapped is not None) for row in rows
        ]

    def rotate(self, tenant: str | None = None) -> int:
        """From now on seal with new keys, of one tenant or of all that have one; how many."""
        self._wanted()
        with self._database.write() as connection:
            query = select(data_keys.c.tenant).where(data_keys.c.wrapped.is_not(None)).distinct()
            tenants = [tenant] if tenant is not None else list(connection.execute(query).scalars())
            for one in tenants:
                self._made(connection, one)
        return len(tenants)

    def rewrap(self) -> int:
        """Wrap every key by the master key that wraps now, so that older ones may go; how many there were to wrap."""
        envelope = self._wanted()
        with self._database.write() as connection:
            query = select(data_keys).where(
                data_keys.c.wrapped.is_not(None), data_keys.c.master != envelope.master
            )
            rows = connection.execute(query).all()
            for row in rows:
                wrapped = envelope.rewrap(row.id, row.tenant, row.master, row.wrapped)
                statement = update(data_keys).where(data_keys.c.id == row.id)
                connection.execute(statement.values(wrapped=wrapped, master=envelope.master))
        return len(rows)

    def erase(self, connection: Connection, tenant: str) -> int:
        """Destroy a tenant's keys: whatever they sealed is gone, wherever it lies. How many there were."""
        mine = (data_keys.c.tenant == tenant, data_keys.c.wrapped.is_not(None))
        count = int(connection.execute(select(func.count()).select_from(data_keys).where(*mine)).scalar_one())
        gone = update(data_keys).where(*mine).values(wrapped=None, erased_at=self._clock.time())
        connection.execute(gone)
        self._looked = float("-inf")
        with self._lock:
            self._take(connection)
        return count

    def forget(self, before: float) -> int:
        """Drop what is left of keys that were erased before then; how many."""
        with self._database.write() as connection:
            gone = delete(data_keys).where(data_keys.c.wrapped.is_(None), data_keys.c.erased_at < before)
            return connection.execute(gone).rowcount

    def _made(self, connection: Connection, tenant: str) -> tuple[str, Cipher]:
        envelope, id = self._wanted(), secrets.token_hex(8)
        wrapped = envelope.make(id, tenant)
        row = {"id": id, "tenant": tenant, "master": envelope.master, "wrapped": wrapped}
        connection.execute(insert(data_keys).values(row | {"created_at": self._clock.time()}))
        cipher = envelope.open(id, tenant, envelope.master, wrapped)
        self._ciphers[id] = cipher
        return id, cipher

    def current_or_refuse(self) -> str:
        """The master key's name. Raises ConfigError where nothing is sealed."""
        return self._wanted().master

    def _wanted(self) -> Envelope:
        if self._envelope is None:
            raise ConfigError(
                "Nothing is sealed here.",
                param="privacy.sealing.key",
                remedy='Write key = "env:NAME" into [privacy.sealing].',
            )
        return self._envelope

    def _cipher(self, row: Any) -> Cipher:
        known = self._ciphers.get(row.id)
        if known is None:
            known = self._ciphers[row.id] = self._opened(row)
        return known

    def _look(self) -> None:
        with self._lock, self._database.read() as connection:
            self._take(connection)

    def _take(self, connection: Connection) -> None:
        self._looked = self._clock.monotonic()
        for row in connection.execute(select(data_keys)):
            if row.wrapped is None:
                self._ciphers[row.id] = None
            elif row.id not in self._ciphers:
                self._ciphers[row.id] = self._opened(row)

    def _opened(self, row: Any) -> Cipher:
        if self._envelope is None:
            raise ConfigError(
                "Texts in this database are sealed, and [privacy.sealing] names no key.",
                param="privacy.sealing.key",
                remedy="Name the master key that sealed them; without it nobody can read them.",
            )
        return self._envelope.open(row.id, row.tenant, row.master, row.wrapped)
