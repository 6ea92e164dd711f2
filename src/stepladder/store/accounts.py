"""Accounts and their sessions. A password's slow hash is made by whoever calls; a session's secret is kept as SHA-256."""

import hashlib
import secrets
import unicodedata
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from stepladder.core import BadRequest, Clock, Grant, Role
from stepladder.store.chain import append
from stepladder.store.database import Database
from stepladder.store.rows import Note
from stepladder.store.tables import accounts, sessions

SESSION = "sls-"
_LONGEST_LOCK = 86_400.0


@dataclass(frozen=True, slots=True)
class Account:
    """A person who may log in. `failures` counts the wrong passwords since the last right one."""

    name: str
    role: Role
    password: str
    created_at: float
    disabled_at: float | None
    failures: int
    locked_until: float

    def __repr__(self) -> str:
        return f"Account({self.name!r}, {self.role!s})"


class Accounts:
    """Accounts by name. Every change is written into the journal in its own transaction."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def create(self, name: str, role: Role, password: str, who: str) -> None:
        """Add an account; `password` is the hash. Raises BadRequest when the name is not printable, or as good as in use."""
        name = _spelt(name)
        if not name.strip() or len(name) > 200 or not name.isprintable():
            raise BadRequest("An account needs a printable name of 1 to 200 characters.", param="name")
        row = {"name": name, "role": role.value, "password": password, "created_at": self._clock.time()}
        with self._database.write() as connection:
            known = connection.execute(select(accounts.c.name)).scalars()
            near = next((one for one in known if alike(one) == alike(name)), None)
            if near is not None:
                raise BadRequest(
                    f"There is an account named {near!r} already.",
                    param="name",
                    remedy="Take a name that is not told from it by its spelling alone.",
                )
            connection.execute(insert(accounts).values(row | {"failures": 0, "locked_until": 0.0}))
            self._note(connection, who, "account create", f"{name} ({role})")

    def get(self, name: str) -> Account | None:
        """The account, or None."""
        with self._database.read() as connection:
            row = connection.execute(
                select(accounts).where(accounts.c.name.in_({name, _spelt(name)}))
            ).first()
        return None if row is None else _account(row)

    def list(self) -> list[Account]:
        """Every account, by name."""
        with self._database.read() as connection:
            return [_account(row) for row in connection.execute(select(accounts).order_by(accounts.c.name))]

    def change(
        self,
        name: str,
        who: str,
        *,
        role: Role | None = None,
        password: str | None = None,
        disabled: bool | None = None,
    ) -> None:
        """Change what is given, unlock the account, and end its sessions. Raises BadRequest when there is none."""
        values: dict[str, Any] = {"failures": 0, "locked_until": 0.0}
        done = []
        if role is not None:
            values["role"] = role.value
            done.append(f"role {role}")
        if password is not None:
            values["password"] = password
            done.append("password")
        if disabled is not None:
            values["disabled_at"] = self._clock.time() if disabled else None
            done.append("disabled" if disabled else "enabled")
        with self._database.write() as connection:
            if not connection.execute(
                update(accounts).where(accounts.c.name == name).values(values)
            ).rowcount:
                raise BadRequest(
                    f"There is no account named {name!r}.",
                    param="name",
                    remedy="See: stepladder account list",
                )
            connection.execute(delete(sessions).where(sessions.c.account == name, sessions.c.role == ""))
            self._note(connection, who, "account change", f"{name}: {', '.join(done) or 'unlocked'}")

    def failed(self, name: str, address: str, *, lock_after: int, lock_seconds: float) -> float:
        """Count a wrong password; how many seconds the account is locked for from now on, 0 where it is not.

        Only failures while it is not locked count, so that nobody can keep another out by trying on and on for nothing:
        each lock lasts twice as long as the one before, up to a day.
        """
        now = self._clock.time()
        with self._database.write() as connection:
            query = select(accounts.c.failures, accounts.c.locked_until).where(accounts.c.name == name)
            row = connection.execute(query).first()
            if row is None or row.locked_until > now:
                return 0.0
            failures = row.failures + 1
            length = 0.0
            if failures % lock_after == 0:
                length = min(lock_seconds * 2.0 ** (failures // lock_after - 1), _LONGEST_LOCK)
                said = f"{name} for {length:.0f} s after {failures} wrong passwords, the last from {address}"
                self._note(connection, "server", "account lock", said)
            values = {"failures": failures, "locked_until": now + length if length else row.locked_until}
            connection.execute(update(accounts).where(accounts.c.name == name).values(values))
        return length

    def enter(self, name: str, address: str, seconds: float) -> tuple[str, float]:
        """Open a session after the right password: its secret and when it ends."""
        now = self._clock.time()
        secret = SESSION + secrets.token_urlsafe(32)
        row = {"hash": _hash(secret), "account": name, "created_at": now, "expires_at": now + seconds}
        with self._database.write() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
            connection.execute(insert(sessions).values(row))
            cleared = {"failures": 0, "locked_until": 0.0}
            connection.execute(update(accounts).where(accounts.c.name == name).values(cleared))
            self._note(connection, f"account:{name}", "log in", f"from {address}")
        return secret, now + seconds

    def let_in(self, name: str, role: Role, address: str, seconds: float) -> tuple[str, float]:
        """Open a session for whom an issuer has logged in: its secret and when it ends."""
        now = self._clock.time()
        secret = SESSION + secrets.token_urlsafe(32)
        row = {"hash": _hash(secret), "account": name, "role": role.value, "created_at": now}
        with self._database.write() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
            connection.execute(insert(sessions).values(row | {"expires_at": now + seconds}))
            self._note(connection, f"oidc:{name}", "log in", f"as {role} from {address}")
        return secret, now + seconds

    def leave(self, secret: str) -> bool:
        """End a session; False where there is none."""
        with self._database.write() as connection:
            gone = connection.execute(delete(sessions).where(sessions.c.hash == _hash(secret)))
        return gone.rowcount > 0

    def session(self, secret: str) -> tuple[str, Grant, float] | None:
        """Whose session it is (`account:ann`, `oidc:ann`), with what grant and until when.

        None where it is over, or its account is disabled.
        """
        query = (
            select(sessions.c.account, sessions.c.role.label("given"), sessions.c.expires_at)
            .add_columns(accounts.c.role, accounts.c.disabled_at)
            .join(accounts, accounts.c.name == sessions.c.account, isouter=True)
            .where(sessions.c.hash == _hash(secret), sessions.c.expires_at > self._clock.time())
        )
        with self._database.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        if row.given:
            return f"oidc:{row.account}", Grant(Role(row.given)), row.expires_at
        if row.role is None or row.disabled_at is not None:
            return None
        return f"account:{row.account}", Grant(Role(row.role)), row.expires_at

    def _note(self, connection: Connection, who: str, what: str, detail: str) -> None:
        append(connection, Note(self._clock.time(), who, what, detail))


def _spelt(name: str) -> str:
    """A name in one form, however a keyboard puts its accents together (Unicode's NFC)."""
    return unicodedata.normalize("NFC", name)


def alike(name: str) -> str:
    """What names have in common that a reader of the journal may take for one: so written, two are one person's."""
    return unicodedata.normalize("NFKC", name).casefold().strip()


def _account(row: Any) -> Account:
    return Account(**{**row._mapping, "role": Role(row.role)})


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
