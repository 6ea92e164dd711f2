"""Client keys. A secret is shown once; only its SHA-256 hash and its last four characters are kept."""

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, insert, or_, select, update

from stepladder.core import CLIENT, OWNER, BadRequest, Clock, Grant, Right, Role, Tenant
from stepladder.store.database import Database, bump
from stepladder.store.rows import Key
from stepladder.store.tables import keys

_STALE_SECONDS = 0.5
_OTHERS = ("account:", "oidc:", "cli:")
_OURSELVES = ("server", "cli")
"""In whose name the journal has lines: a key that is called so would sign them as another's."""


def check_name(given: str, what: str) -> None:
    """Raises BadRequest where `what` (a key, tenant, group or person) cannot be called so."""
    if not given.strip() or len(given) > 200 or not given.isprintable():
        raise BadRequest(f"A {what} needs a printable name of 1 to 200 characters.", param="name")


def _hash(secret: str) -> str:
    # 256 random bits need no salt and no slow hash.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _grant(row: Any) -> Grant:
    if not row.role:
        return CLIENT  # this very one: the path of a question looks whether it is
    return Grant(Role(row.role), frozenset(map(Right, row.scopes.split())))


def _groups(row: Any) -> tuple[str, ...]:
    return tuple(json.loads(row.groups))


class Keys:
    """Who may ask. `find` looks into a snapshot, at most half a second behind what other processes change."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._snapshot: Mapping[str, Tenant] = {}
        self._stamp: int | None = None
        self._checked = float("-inf")

    def create(
        self,
        name: str,
        *,
        admin: bool = False,
        tenant: str = "",
        expires_at: float | None = None,
        grant: Grant = CLIENT,
        groups: Sequence[str] = (),
    ) -> str:
        """Make a key and return its secret. Without a `tenant` it is a tenant of its own, of the same name.

        `grant` says what it may do beside asking; `admin` is short for the owner's; `groups` are those whose documents it
        may read. Raises BadRequest when the name is in use.
        """
        named = ((name, "key"), (tenant or name, "tenant"), *((group, "group") for group in groups))
        for given, what in named:
            check_name(given, what)
        if name.startswith(_OTHERS) or name in _OURSELVES:
            raise BadRequest(
                f"{name!r} is what the journal calls somebody else.",
                param="name",
                remedy="Take a name that does not begin with account:, oidc: or cli:, and is not server or cli.",
            )
        grant = OWNER if admin else grant
        held = {
            "admin": grant.role is not None,
            "role": grant.role or "",
            "scopes": " ".join(sorted(grant.scopes)),
            "groups": json.dumps(sorted(set(groups))),
        }
        secret, row = self._new(name, tenant=tenant or name, expires_at=expires_at, **held)
        with self._database.write() as connection:
            if connection.execute(select(keys.c.hash).where(*self._valid(name))).first() is not None:
                raise BadRequest(
                    f"There is a key named {name!r} already.",
                    param="name",
                    remedy="Choose another name, or revoke or rotate that key.",
                )
            connection.execute(insert(keys).values(row))
            bump(connection)
        self._stamp = None
        return secret

    def rotate(self, name: str, *, grace_seconds: float = 0.0) -> str:
        """A new secret for a key; the old one opens the door for another `grace_seconds`.

        Raises BadRequest when there is no such key.
        """
        now = self._clock.time()
        with self._database.write() as connection:
            kept = ("admin", "tenant", "expires_at", "role", "scopes", "groups", "person")
            query = select(keys.c.hash, *(keys.c[column] for column in kept))
            # Of several, those of earlier rotations end sooner.
            old = connection.execute(
                query.where(*self._valid(name)).order_by(keys.c.created_at.desc())
            ).first()
            if old is None:
                raise BadRequest(f"There is no active key named {name!r}.", param="name")
            secret, row = self._new(name, **{column: getattr(old, column) for column in kept})
            end = {"expires_at": now + grace_seconds} if grace_seconds > 0 else {"revoked_at": now}
            connection.execute(update(keys).where(keys.c.hash == old.hash).values(end))
            connection.execute(insert(keys).values(row))
            bump(connection)
        self._stamp = None
        return secret

    def expire(self, name: str, at: float | None) -> bool:
        """Have a key end at a time, or never; False when there is no such key."""
        return self._change(name, {"expires_at": at})

    def revoke(self, name: str) -> bool:
        """Make a key useless; False when there is no such key."""
        return self._change(name, {"revoked_at": self._clock.time()})

    def belong(self, name: str, person: str) -> bool:
        """Say whose key it is, as accounts and issuers call the person, or with "" that it is nobody's; False when there is
        no such key. Raises BadRequest for a name that is not printable.
        """
        if person:
            check_name(person, "person")
        return self._change(name, {"person": person})

    def _change(self, name: str, values: dict[str, Any]) -> bool:
        with self._database.write() as connection:
            change = update(keys).where(*self._valid(name)).values(values)
            found = connection.execute(change).rowcount > 0
            if found:
                bump(connection)
        self._stamp = None
        return found

    def _valid(self, name: str) -> tuple[ColumnElement[bool], ...]:
        lives = or_(keys.c.expires_at.is_(None), keys.c.expires_at > self._clock.time())
        return keys.c.name == name, keys.c.revoked_at.is_(None), lives

    def _new(self, name: str, **more: Any) -> tuple[str, dict[str, Any]]:
        secret = f"sl-{secrets.token_urlsafe(32)}"
        made = {"hash": _hash(secret), "last4": secret[-4:], "created_at": self._clock.time()}
        return secret, {"name": name, **made, **more}

    def find(self, secret: str) -> Tenant | None:
        """Whose key this is; None when nobody's (any more)."""
        if self._stamp is None or self._clock.monotonic() - self._checked > _STALE_SECONDS:
            self.snapshot()
        tenant = self._snapshot.get(_hash(secret))
        if tenant is None or (tenant.expires_at is not None and tenant.expires_at <= self._clock.time()):
            return None
        return tenant

    def list(self) -> list[Key]:
        """Every key there ever was, oldest first."""
        columns = ("name", "admin", "last4", "created_at", "revoked_at", "tenant", "expires_at", "person")
        query = select(*(keys.c[name] for name in (*columns, "role", "scopes", "groups")))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(keys.c.created_at, keys.c.name)).all()
        return [
            Key(**{name: getattr(row, name) for name in columns}, grant=_grant(row), groups=_groups(row))
            for row in rows
        ]

    def snapshot(self) -> Mapping[str, Tenant]:
        """Hash of the secret -> tenant, for every key that is not revoked; read again only when something has changed."""
        stamp = self._database.stamp()
        if stamp != self._stamp:
            query = select(keys).where(keys.c.revoked_at.is_(None))
            with self._database.read() as connection:
                rows = connection.execute(query).all()
            self._snapshot = {
                row.hash: Tenant(
                    row.tenant,
                    row.name,
                    row.expires_at,
                    grant=_grant(row),
                    groups=_groups(row),
                    person=row.person,
                )
                for row in rows
            }
            self._stamp = stamp
        self._checked = self._clock.monotonic()
        return self._snapshot
