"""The admin API's routes: each says which right it asks for, and what is done through it is written into the journal."""

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stepladder.core import BadRequest, Right, Tenant
from stepladder.interaction.chat import api_key
from stepladder.interaction.compose import House

PURPOSE = "x-stepladder-purpose"
_PURPOSEFUL = (Right.READ, Right.PEOPLE)
_CHANGING = (Right.OPERATE, Right.REVIEW, Right.PEOPLE, Right.OWN)
_MOST_PURPOSE = 300

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
        header = request.headers.get("authorization")
        address = request.client.host if request.client is not None else ""
        key = header.encode("latin-1") if header is not None else api_key(request.scope)
        tenant = await self._house.identify_admin(key, address, self.right)
        await self._house.used(tenant, address)
        if self.right in _PURPOSEFUL:
            await self._note(tenant, f"read for {purpose_of(request)!r}", request)
        response = await self.page(request, tenant)
        if self._changes:
            await self._note(tenant, "admin", request)
        return response

    async def _note(self, tenant: Tenant, what: str, request: Request) -> None:
        said = f"{request.method} {self.path}"
        named = ", ".join(f"{name}={value}" for name, value in sorted(request.path_params.items()))
        detail = f"{said} ({named})" if named and self.right is not Right.PEOPLE else said
        await asyncio.to_thread(self._house.store.journal.note, tenant.key, what, detail)


def purpose_of(request: Request) -> str:
    """Why texts are to be read. Raises BadRequest where the caller does not say."""
    said = unquote(request.headers.get(PURPOSE, "")).strip()
    if not said or len(said) > _MOST_PURPOSE or not said.isprintable():
        raise BadRequest(
            f"This shows people's texts, and the header {PURPOSE} does not say why.",
            param=PURPOSE,
            remedy="Send the purpose in a few words (percent-encoded where not ASCII); it is kept in the journal.",
        )
    return said
