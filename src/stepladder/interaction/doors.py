"""The admin API's routes: each says which right it asks for, and what is done through it is written into the journal."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import unquote, urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stepladder.core import NotAllowed, Right, Tenant, checked_purpose
from stepladder.interaction.chat import api_key
from stepladder.interaction.compose import House

PURPOSE = "x-stepladder-purpose"
SESSION_COOKIE = "stepladder_session"
_PURPOSEFUL = (Right.READ, Right.PEOPLE)
_CHANGING = (Right.OPERATE, Right.REVIEW, Right.PEOPLE, Right.OWN)

Endpoint = Callable[[Request, Tenant], Awaitable[Response]]


class AdminRoute(Route):
    """One endpoint of the admin API behind the right that it asks for. Which role may use it follows from `ROLES`.

    What shows callers' texts asks for a purpose in the header `x-stepladder-purpose`; that, every change, and the first
    use of a key in a day from an address are written into the journal.
    """

    def __init__(
        self,
        house: House,
        right: Right,
        method: str,
        path: str,
        endpoint: Endpoint,
        *,
        changes: bool | None = None,
    ) -> None:
        """`changes` False says that a POST only asks."""
        self.right = right
        self._changes = (method != "GET" and right in _CHANGING) if changes is None else changes
        self._house = house
        self.page = endpoint
        super().__init__(path, self._enter, methods=[method])

    async def _enter(self, request: Request) -> Response:
        address = request.client.host if request.client is not None else ""
        tenant = await self._house.identify_admin(credentials(request), address, self.right)
        await self._house.used(tenant, address)
        if self.right in _PURPOSEFUL:
            purposes = self._house.gateway.snapshot.config.privacy.purposes
            what = f"read for {purpose_of(request, purposes)!r}"
            await asyncio.to_thread(self._house.store.journal.note, tenant.key, what, self._said(request))
        response = await self.page(request, tenant)
        if self._changes:
            await asyncio.to_thread(self._house.noting.done, tenant.key, "admin", self._said(request))
        return response

    def _said(self, request: Request) -> str:
        said = f"{request.method} {self.path}"
        named = ", ".join(f"{name}={value}" for name, value in sorted(request.path_params.items()))
        return f"{said} ({named})" if named and self.right is not Right.PEOPLE else said


async def read_for(house: House, request: Request, tenant: Tenant, otherwise: str = "") -> None:
    """Write down that texts are read, and why: as the caller says, else `otherwise`. Raises BadRequest where neither does."""
    why = otherwise
    if PURPOSE in request.headers or not otherwise:
        why = purpose_of(request, house.gateway.snapshot.config.privacy.purposes)
    said = f"{request.method} {request.url.path}"
    await asyncio.to_thread(house.store.journal.note, tenant.key, f"read for {why!r}", said)


def credentials(request: Request) -> bytes | None:
    """The key, token or session that a request comes with: in its headers, else in the cookie of a log-in.

    A browser adds its cookie to whatever a page anywhere has it ask; so a change must come from a page of ours. Raises
    NotAllowed where it does not.
    """
    header = request.headers.get("authorization")
    key = header.encode("latin-1") if header is not None else api_key(request.scope)
    session = request.cookies.get(SESSION_COOKIE)
    if key is not None or not session:
        return key
    if request.method not in ("GET", "HEAD") and not _from_ours(request):
        raise NotAllowed(
            "This comes from another site's page.",
            remedy="Send the session as a bearer token.",
            forbidden=True,
        )
    return b"Bearer " + session.encode("latin-1", "replace")


def _from_ours(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    return urlsplit(request.headers.get("origin", "")).netloc == request.headers.get("host", "")


def purpose_of(request: Request, purposes: Sequence[str] = ()) -> str:
    """Why texts are to be read (percent-encoded where not ASCII). Raises BadRequest where the caller does not say."""
    return checked_purpose(unquote(request.headers.get(PURPOSE, "")), purposes, PURPOSE)
