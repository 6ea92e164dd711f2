"""One request of the ledger, with its texts: for whoever may read them, and says why."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stepladder.core import BadRequest, Right, Tenant
from stepladder.interaction.compose import House
from stepladder.interaction.doors import AdminRoute
from stepladder.interaction.http import json_of


class RequestPages:
    """The endpoint under /admin/requests."""

    def __init__(self, house: House) -> None:
        self._house = house

    def routes(self) -> list[BaseRoute]:
        """Where it is."""
        return [AdminRoute(self._house, Right.READ, "GET", "/admin/requests/{id}", self.shown)]

    async def shown(self, request: Request, tenant: Tenant) -> Response:
        """GET /admin/requests/{id}: the row, with its texts."""
        id = request.path_params["id"]
        row = await asyncio.to_thread(self._house.store.ledger.get, id)
        if row is None:
            error = BadRequest(
                f"There is no request {id[:80]!r}.", param="id", remedy="See its answer's headers."
            )
            error.status = 404
            raise error
        return json_of({"request": row})
