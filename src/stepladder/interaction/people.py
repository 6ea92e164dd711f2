"""People at the admin API's door: sessions of accounts, and tokens of an OpenID issuer. Keys are `traffic`'s."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from stepladder.core import Clock, Config, NotAllowed, Tenant, TooMany
from stepladder.interaction.oidc import Issuer
from stepladder.interaction.passwords import fits
from stepladder.store import SESSION, Store
from stepladder.traffic import Bans

_MOST_WAITING = 32
_COME_BACK = 5.0
_AT_ONCE = 2
"""Passwords that are looked at at once: each takes 64 MiB for a moment."""


class People:
    """Who a session or a token belongs to."""

    def __init__(self, store: Store, clock: Clock, bans: Bans) -> None:
        self._store = store
        self._clock = clock
        self._bans = bans
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._banned = asyncio.Semaphore(1)
        self._waiting = 0
        self._issuer: Issuer | None = None

    async def known(self, authorization: bytes | None, config: Config) -> Tenant | None:
        """Whose session or token this is; None where it is neither, or the session is over.

        Raises NotAllowed for a token that does not hold, or that gives no role.
        """
        token = (authorization or b"")[7:].strip().decode("latin-1")
        if token.startswith(SESSION):
            found = await asyncio.to_thread(self._store.accounts.session, token)
            if found is None:
                return None
            who, grant, until = found
            name = who.partition(":")[2]
            return Tenant(name, who, until, grant=grant, person=name)
        if config.oidc.issuer and token.startswith("eyJ") and token.count(".") == 2:
            return await self.issuer(config).bearer(token)
        return None

    def issuer(self, config: Config) -> Issuer:
        """The issuer that the configuration names."""
        if self._issuer is None or self._issuer.config != config.oidc:
            self._issuer = Issuer(config.oidc, self._clock)
        return self._issuer

    async def log_in(self, name: str, password: str, address: str, config: Config) -> tuple[str, float]:
        """Open a session: its secret, and when it ends.

        Raises NotAllowed, in the same words and time for a wrong password and for an account that is not there, locked or
        disabled; TooMany for an address that guesses.
        """
        store, rules = self._store.accounts, config.accounts
        async with self._place(address):
            account = await asyncio.to_thread(store.get, name)
            right = await asyncio.to_thread(fits, password, account.password if account else None)
        if account is None or account.disabled_at is not None or account.locked_until > self._clock.time():
            raise self._wrong(address)
        if not right:
            await asyncio.to_thread(
                lambda: store.failed(
                    account.name, address, lock_after=rules.lock_after, lock_seconds=rules.lock_minutes * 60
                )
            )
            raise self._wrong(address)
        return await asyncio.to_thread(store.enter, account.name, address, rules.session_hours * 3600)

    @asynccontextmanager
    async def _place(self, address: str) -> AsyncIterator[None]:
        """A place to look at a password; one alone for all banned addresses, whose guesses keep nobody else waiting.

        Raises TooMany where a banned address finds it taken, or where too many wait.
        """
        left = self._bans.left(address)
        room = self._banned if left else self._room
        if (left and room.locked()) or self._waiting >= _MOST_WAITING:
            raise _too_many(left or _COME_BACK)
        self._waiting += not left
        try:
            async with room:
                yield
        finally:
            self._waiting -= not left

    async def log_out(self, authorization: bytes | None) -> bool:
        """End the session; False where it is none."""
        token = (authorization or b"")[7:].strip().decode("latin-1")
        return await asyncio.to_thread(self._store.accounts.leave, token)

    def _wrong(self, address: str) -> NotAllowed | TooMany:
        banned = self._bans.wrong(address)
        if banned:
            return _too_many(banned)
        return NotAllowed(
            "Name or password is wrong, or the account is locked or disabled.",
            remedy="An owner unlocks it: stepladder account unlock NAME.",
        )


def _too_many(seconds: float) -> TooMany:
    return TooMany("Too many wrong passwords have come.", retry_after=seconds, hopeless=True)
