"""The two pages of a log-in with a browser: off to the issuer, and back with a session in a cookie."""

import asyncio
import secrets

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from stepladder.core import CALLBACK, BadRequest
from stepladder.interaction.compose import House
from stepladder.interaction.describing import takes
from stepladder.interaction.doors import SESSION_COOKIE
from stepladder.interaction.oidc_login import MINUTES, CodeFlow

_BEGUN_COOKIE = "stepladder_login"
_KEY = "login key"


class OidcPages:
    """GET /admin/oidc/login and GET /admin/oidc/callback. They need no right: they give one."""

    def __init__(self, house: House) -> None:
        self._house = house

    def routes(self) -> list[BaseRoute]:
        """Where they are."""
        return [
            Route("/admin/oidc/login", self.begin, methods=["GET"]),
            Route(CALLBACK, self.finish, methods=["GET"]),
        ]

    @takes(query=("next",))
    async def begin(self, request: Request) -> Response:
        """GET /admin/oidc/login?next=/path: to the issuer."""
        flow = await self._flow()
        url, cookie = await flow.begin(request.query_params.get("next", ""))
        response = RedirectResponse(url, 302, {"cache-control": "no-store"})
        self._set(response, _BEGUN_COOKIE, cookie, MINUTES * 60)
        return response

    async def finish(self, request: Request) -> Response:
        """GET /admin/oidc/callback: the issuer sends the browser back here, which gets a session and goes on."""
        flow, house = await self._flow(), self._house
        name, grant, onward = await flow.finish(
            dict(request.query_params), request.cookies.get(_BEGUN_COOKIE, "")
        )
        address = request.client.host if request.client is not None else ""
        seconds = house.gateway.snapshot.config.accounts.session_hours * 3600
        assert grant.role is not None
        token, _ = await asyncio.to_thread(house.store.accounts.let_in, name, grant.role, address, seconds)
        response = RedirectResponse(onward, 303, {"cache-control": "no-store"})
        self._set(response, _BEGUN_COOKIE, "", 0)
        self._set(response, SESSION_COOKIE, token, int(seconds))
        return response

    async def _flow(self) -> CodeFlow:
        house, config = self._house, self._house.gateway.snapshot.config
        if not config.oidc.client_id:
            error = BadRequest(
                "Nobody logs in at an issuer here.",
                remedy="An owner names oidc.client_id in the configuration.",
            )
            error.status = 404
            raise error
        secret = await asyncio.to_thread(self._secret)
        return CodeFlow(house.people.issuer(config), secret, house.clock)

    def _secret(self) -> bytes:
        """What log-ins are signed with: the same for every worker, which share the database."""
        known = self._house.store.setting_once(_KEY, secrets.token_hex(32))
        return bytes.fromhex(known)

    def _set(self, response: Response, name: str, value: str, seconds: int) -> None:
        """`Lax`, since the issuer's page is another site: with `Strict` the browser would come back without it."""
        secure = self._house.gateway.snapshot.config.oidc.redirect_url.startswith("https:")
        response.set_cookie(
            name, value, max_age=seconds, path="/admin", httponly=True, samesite="lax", secure=secure
        )
