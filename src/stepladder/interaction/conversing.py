"""Conversations at the door: what a client left out is found, and /v1/conversations shows and deletes what is kept."""

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from stepladder.core import BadRequest, Tenant
from stepladder.interaction.compose import House
from stepladder.interaction.http import guarded, json_of
from stepladder.interaction.shapes import ChatShape
from stepladder.service import ChatRequest, goes_on, going_on, read, shown, spoken
from stepladder.store import LedgerRow

_DAY = 86400.0


class ConversingShape(ChatShape):
    """OpenAI's chat completions; a question that names a conversation, and sends nothing of it, goes on with it."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def read(self, data: bytes, tenant: Tenant) -> ChatRequest:
        """The request, with what was said before."""
        request = read(data)
        id = goes_on(request)
        kept = self._house.gateway.snapshot.config.conversations
        if id is None or not kept.keep_days:
            return request
        since = self._house.clock.time() - kept.keep_days * _DAY
        found = await asyncio.to_thread(self._house.store.conversations.last, tenant.name, id, since=since)
        if found is None:
            return request
        row, confidential = found
        return going_on(request, row, kept.most_turns, confidential=confidential)


class ConversationPages:
    """The endpoints under /v1/conversations: a tenant's own, and nobody else's."""

    def __init__(self, house: House) -> None:
        self._house = house

    def routes(self) -> list[BaseRoute]:
        """Where they are."""
        known = self._house.identify
        one = "/v1/conversations/{id:path}"
        return [
            Route("/v1/conversations", guarded(self.listed, known), methods=["GET"]),
            Route(one, guarded(self.whole, known), methods=["GET"]),
            Route(one, guarded(self.erase, known), methods=["DELETE"]),
        ]

    async def listed(self, request: Request, tenant: Tenant) -> Response:
        """GET /v1/conversations: the newest first."""
        found = await asyncio.to_thread(self._house.store.conversations.of, tenant.name)
        cards = [
            {"id": one.id, "object": "conversation", "created_at": one.began, "last_at": one.last}
            | {"answers": one.answers}
            for one in found
        ]
        return json_of({"object": "list", "data": cards})

    async def whole(self, request: Request, tenant: Tenant) -> Response:
        """GET /v1/conversations/{id}: every word of it, for the client to keep."""
        id = request.path_params["id"]
        rows = await asyncio.to_thread(self._house.store.conversations.rows, tenant.name, id)
        return json_of(exported(id, rows))

    async def erase(self, request: Request, tenant: Tenant) -> Response:
        """DELETE /v1/conversations/{id}: its words are taken out of the ledger and of what is kept in memory too."""
        id = request.path_params["id"]
        count = await asyncio.to_thread(self._house.store.conversations.erase, tenant.name, id)
        if not count:
            raise no_such(id)
        await self._house.refresh()
        return json_of({"id": id, "object": "conversation.deleted", "deleted": True, "answers": count})


def exported(id: str, rows: list[LedgerRow]) -> dict[str, Any]:
    """A conversation as it is handed out. Raises BadRequest (404) where there is none."""
    whole = [row for row in rows if row.status == "ok"]
    if not rows:
        raise no_such(id)
    messages = spoken(whole[-1], len(rows) + len(whole[-1].turns)) if whole else []
    return {"id": id, "object": "conversation", "messages": messages, "answers": shown(rows)}


def no_such(id: str) -> BadRequest:
    """There is no such conversation of this tenant."""
    error = BadRequest(
        f"There is no conversation {id[:200]!r}.", param="id", remedy="GET /v1/conversations lists yours."
    )
    error.status = 404
    return error
