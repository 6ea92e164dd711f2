"""Client keys. A secret is shown once; only its SHA-256 hash and its last four characters are kept."""

import hashlib
import secrets
from collections.abc import Mapping

from sqlalchemy import insert, select, update

from stepladder.core import BadRequest, Clock, Tenant
from stepladder.store.database import Database, bump
from stepladder.store.rows import Key
from stepladder.store.tables import keys

_STALE_SECONDS = 0.5


def _hash(secret: str) -> str:
    # 256 random bits need no salt and no slow hash.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


class Keys:
    """Who may ask. `find` looks into a snapshot, at most half a second behind what other processes change."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._snapshot: Mapping[str, Tenant] = {}
        self._stamp: int | None = None
        self._checked = float("-inf")

    def create(self, name: str, *, admin: bool = False) -> str:
        """Make a key and return its secret. Raises BadRequest when the name is in use."""
        if not name.strip() or len(name) > 200 or not name.isprintable():
            raise BadRequest("A key needs a printable name of 1 to 200 characters.", param="name")
        secret = f"sl-{secrets.token_urlsafe(32)}"
        row = {
            "hash": _hash(secret),
            "name": name,
            "admin": admin,
            "last4": secret[-4:],
            "created_at": self._clock.time(),
        }
        with self._database.write() as connection:
            taken = select(keys.c.hash).where(keys.c.name == name, keys.c.revoked_at.is_(None))
            if connection.execute(taken).first() is not None:
                raise BadRequest(
                    f"There is a key named {name!r} already.",
                    param="name",
                    remedy="Choose another name, or revoke that key first.",
                )
            connection.execute(insert(keys).values(row))
            bump(connection)
        self._stamp = None
        return secret

    def revoke(self, name: str) -> bool:
        """Make a key useless; False when there is no such key."""
        change = update(keys).where(keys.c.name == name, keys.c.revoked_at.is_(None))
        with self._database.write() as connection:
            found = connection.execute(change.values(revoked_at=self._clock.time())).rowcount > 0
            if found:
                bump(connection)
        self._stamp = None
        return found

    def find(self, secret: str) -> Tenant | None:
        """Whose key this is; None when nobody's (any more)."""
        if self._stamp is None or self._clock.monotonic() - self._checked > _STALE_SECONDS:
            self.snapshot()
        return self._snapshot.get(_hash(secret))

    def list(self) -> list[Key]:
        """Every key there ever was, oldest first."""
        query = select(
            keys.c.name, keys.c.admin, keys.c.last4, keys.c.created_at, keys.c.revoked_at
        ).order_by(keys.c.created_at, keys.c.name)
        with self._database.read() as connection:
            return [Key(*row) for row in connection.execute(query)]

    def snapshot(self) -> Mapping[str, Tenant]:
        """Hash of the secret -> tenant, for every valid key; read again only when something has changed."""
        stamp = self._database.stamp()
        if stamp != self._stamp:
            query = select(keys.c.hash, keys.c.name, keys.c.admin).where(keys.c.revoked_at.is_(None))
            with self._database.read() as connection:
                rows = connection.execute(query).all()
            self._snapshot = {row.hash: Tenant(row.name, row.admin) for row in rows}
            self._stamp = stamp
        self._checked = self._clock.monotonic()
        return self._snapshot
