"""What waits for a person: /v1/held for whoever asked, /admin/reviews for whoever decides."""

import asyncio
from functools import partial
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from stepladder.core import Answer, Blocked, ChatCall, Held, NotAllowed, Part, Piece, Right, Tenant
from stepladder.interaction import wire
from stepladder.interaction.compose import House
from stepladder.interaction.describing import takes
from stepladder.interaction.doors import AdminRoute
from stepladder.interaction.http import decoded, guarded, json_of
from stepladder.models import said_by_us
from stepladder.safety import answer_of, decide, held_name, refusal
from stepladder.service import TaskEntry, read
from stepladder.store import OPEN, DecisionRow, HeldRow


class _Decision(msgspec.Struct, forbid_unknown_fields=True):
    answer: str = ""
    comment: str = ""


class HeldPages:
    """GET /v1/held/{id}: what became of a question or an answer that a guard held."""

    def __init__(self, house: House) -> None:
        self._house = house

    def routes(self) -> list[BaseRoute]:
        """Where it is."""
        return [Route("/v1/held/{id}", guarded(self.held, self._house.identify), methods=["GET"])]

    async def held(self, request: Request, tenant: Tenant) -> Response:
        """A chat completion once a person has decided, 202 until then. An approved question is asked now."""
        id = request.path_params["id"]
        row = await asyncio.to_thread(self._house.store.reviews.get, id)
        if row is None or not (row.tenant == tenant.name or tenant.grant.allows(Right.REVIEW)):
            raise _nothing(id)
        if row.state in OPEN:
            found = json_of(wire.held_body(Held(refusal(row.text, of="held"), id=id, due=row.due)), 202)
            found.headers["retry-after"] = "30"
            return found
        if row.state == "rejected":
            raise Blocked(refusal(row.text), remedy="(content_filter: a person has looked at it)")
        if row.state == "approved" and row.side == "in":
            return await self._ask(row, tenant)
        return await self._told(row, row.correction or answer_of(row))

    async def _ask(self, row: HeldRow, tenant: Tenant) -> Response:
        gateway = self._house.gateway
        entry = gateway.admit(read(row.request.encode()), tenant)
        entry.approved = row.id
        data = b""
        async for part in gateway.answer(entry):
            data += _bytes(entry, part)
        if entry.waits is not None:
            return json_of(wire.held_body(entry.waits), 202)
        if entry.outcome == "ok":
            await asyncio.to_thread(self._house.store.reviews.answered, row.id, entry.text)
        return Response(data, media_type="application/json")

    async def _told(self, row: HeldRow, text: str) -> Response:
        desk = self._house.gateway.guards.desk
        if desk is not None and desk.vaults is not None:
            text = (await desk.vault([held_name(row.id)])).restore(text)
        call = ChatCall(id=row.id, body={}, stream=False)
        (piece,) = said_by_us(call, row.model, text, "stop")
        return Response(piece.data, media_type="application/json")


class ReviewPages:
    """The endpoints under /admin/reviews. Who decides is whoever's key, token or session it is."""

    def __init__(self, house: House) -> None:
        self._house = house

    def routes(self) -> list[BaseRoute]:
        """Where they are. To look at what waits is to review it: that is the purpose, and needs no other."""
        route, one = partial(AdminRoute, self._house), "/admin/reviews/{id}"
        return [
            route(Right.REVIEW, "GET", "/admin/reviews", self.waiting),
            route(Right.SEE, "GET", "/admin/reviews/agreement", self.agreement),
            route(Right.REVIEW, "GET", one, self.shown),
            route(Right.REVIEW, "POST", f"{one}/take", self.take),
            *(
                route(Right.REVIEW, "POST", f"{one}/{word}", self._deciding(word))
                for word in ("approve", "correct", "reject")
            ),
        ]

    @takes(query=("decided",))
    async def waiting(self, request: Request, tenant: Tenant) -> Response:
        """GET /admin/reviews: what waits, the most urgent first; `?decided=1`: what was decided, the newest first."""
        decided = request.query_params.get("decided", "") not in ("", "0", "false")
        rows = await asyncio.to_thread(lambda: self._house.store.reviews.queue(decided=decided))
        return json_of({"reviews": rows})

    async def agreement(self, request: Request, tenant: Tenant) -> Response:
        """GET /admin/reviews/agreement: how often two reviewers of the same thing agree."""
        return json_of(await asyncio.to_thread(self._house.store.reviews.agreement))

    async def shown(self, request: Request, tenant: Tenant) -> Response:
        """GET /admin/reviews/{id}: one, with what was decided about it, and what its answer stands on."""
        id, reviews = request.path_params["id"], self._house.store.reviews
        row = await asyncio.to_thread(reviews.get, id)
        if row is None:
            raise _nothing(id)
        decisions = await asyncio.to_thread(reviews.decisions, id)
        grounds = await asyncio.to_thread(self._house.store.approved.grounds, id)
        return json_of({"review": row, "decisions": decisions, "grounds": grounds})

    async def take(self, request: Request, tenant: Tenant) -> Response:
        """POST /admin/reviews/{id}/take: it is mine now."""
        row = await asyncio.to_thread(self._house.store.reviews.take, request.path_params["id"], tenant.key)
        return json_of({"review": row})

    def _deciding(self, word: str) -> Any:
        @takes(_Decision)
        async def endpoint(request: Request, tenant: Tenant) -> Response:
            """POST /admin/reviews/{id}/approve, /correct or /reject."""
            given, id = await self._read(request), request.path_params["id"]
            now = self._house.clock.time()
            row = DecisionRow(id, now, tenant.key, word, given.answer, given.comment)
            decided = await decide(self._house.store, row)
            await self._house.take_approvals()
            return json_of({"review": decided})

        return endpoint

    async def _read(self, request: Request) -> _Decision:
        if request.headers.get("content-length", "0") == "0":
            return _Decision()
        limit = self._house.gateway.snapshot.config.server.max_body_kb * 1024
        return await decoded(request, _Decision, limit)


def _bytes(entry: Any, part: Part | Piece) -> bytes:
    if isinstance(part, Piece):
        return part.data
    whole = isinstance(part, Answer) and isinstance(entry, TaskEntry)
    return wire.completion(entry, part) if whole and isinstance(part, Answer) else b""


def _nothing(id: str) -> NotAllowed:
    error = NotAllowed(f"Nothing is held under {id[:80]!r}.", remedy="The id came with the 202.")
    error.status, error.type, error.code = 404, "invalid_request_error", "not_found"
    return error
