"""The admin API's door: logging in and out with an account, and who one is."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from stepladder.core import BadRequest, Right
from stepladder.interaction.compose import House
from stepladder.interaction.describing import takes
from stepladder.interaction.doors import SESSION_COOKIE, credentials
from stepladder.interaction.http import decoded, json_of

_MOST_BYTES = 16 * 1024


class _LogIn(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    password: str


class EnteringPages:
    """The endpoints that need no right: they give one, take it back, or say which one holds."""

    def __init__(self, house: House) -> None:
        self._house = house

    def routes(self) -> list[BaseRoute]:
        """Where they are."""
        return [
            Route("/admin/login", self.log_in, methods=["POST"]),
            Route("/admin/logout", self.log_out, methods=["POST"]),
            Route("/admin/me", self.me, methods=["GET"]),
        ]

    @takes(_LogIn)
    async def log_in(self, request: Request) -> Response:
        """POST /admin/login {name, password}: a session's token, to be sent as a bearer key."""
        given = await decoded(request, _LogIn, _MOST_BYTES)
        address = request.client.host if request.client is not None else ""
        config = self._house.gateway.snapshot.config
        token, until = await self._house.people.log_in(given.name, given.password, address, config)
        return json_of({"token": token, "expires_at": until})

    async def log_out(self, request: Request) -> Response:
        """POST /admin/logout: the session is over."""
        if not await self._house.people.log_out(credentials(request)):
            raise BadRequest(
                "This is no session's token.", remedy="Keys are revoked: stepladder key revoke NAME."
            )
        response = json_of({"logged_out": True})
        response.delete_cookie(SESSION_COOKIE, path="/admin")
        return response

    async def me(self, request: Request) -> Response:
        """GET /admin/me: whose key, session or token this is, and what it allows."""
        address = request.client.host if request.client is not None else ""
        who = await self._house.identify_admin(credentials(request), address, Right.SEE)
        grant = who.grant
        return json_of(
            {"who": who.key, "role": grant.role, "rights": sorted(grant.rights), "expires_at": who.expires_at}
        )
