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
from stepladder.interaction.disclosing import told
from stepladder.interaction.doors import AdminRoute, read_for
from stepladder.interaction.http import decoded, guarded, json_of
from stepladder.interaction.marking import mark_for, mark_of, marked, prose
from stepladder.models import said_by_us
from stepladder.safety import answer_of, decide, held_name, refusal
from stepladder.service import CHAT, TaskEntry, read
from stepladder.store import ASKING, GUARDS, OPEN, REVIEW, DecisionRow, HeldRow, Pseudonym

_ASKING_SECONDS = 900.0
"""How long a worker may take to ask an approved question before another may."""
_REJECTED = {"": "nobody has decided in time", GUARDS: "the answer to it was objected to"}
"""Why it is refused, by who did where no person did."""


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
        """A chat completion once a person has decided, 202 until then. An approved question is asked now.

        Only for the tenant that asked: it has the person's own words back, and may have a model asked on its bill.
        """
        id, reviews = request.path_params["id"], self._house.store.reviews
        row = await asyncio.to_thread(reviews.get, id)
        while row is not None and row.state == "again" and row.tenant == tenant.name:
            row = await asyncio.to_thread(reviews.get, row.correction)
        if row is None or row.tenant != tenant.name:
            raise _nothing(id)
        asks = row.state == "approved" and row.side == "in"
        if asks and await asyncio.to_thread(reviews.claim, row.id, _ASKING_SECONDS):
            return await self._ask(row, tenant)
        if asks or row.state in (*OPEN, ASKING):
            return _waits(Held(refusal(row.text, of="held"), id=row.id, due=row.due))
        if row.state == "rejected":
            why = _REJECTED.get(row.reviewer, "a person has looked at it")
            raise Blocked(refusal(row.text), remedy=f"(content_filter: {why})")
        return await self._told(row, row.correction or answer_of(row))

    async def _ask(self, row: HeldRow, tenant: Tenant) -> Response:
        """Ask a claimed question. However that ends, the claim does, too."""
        gateway, data, became = self._house.gateway, b"", ("approved", "")
        try:
            entry = gateway.admit(read(row.request.encode()), tenant)
            entry.approved = row.id
            first = await asyncio.to_thread(self._house.store.ledger.get, row.id)
            entry.whose = Pseudonym(first.subject) if first is not None else ""
            async for part in gateway.answer(entry):
                data += _bytes(entry, part)
            outcomes = {
                "ok": ("answered", entry.text),
                "held": ("again", entry.id),
                "blocked": ("rejected", ""),
            }
            became = outcomes.get(entry.outcome, became)
        finally:
            await asyncio.shield(asyncio.to_thread(self._house.store.reviews.asked, row.id, *became))
        if entry.waits is not None:
            return _waits(entry.waits)
        return self._completion(data, entry.id, mark_for(entry, gateway.snapshot.config.disclosure))

    async def _told(self, row: HeldRow, text: str) -> Response:
        desk = self._house.gateway.guards.desk
        if desk is not None and desk.vaults is not None:
            text = (await desk.vault([held_name(row.id)])).restore(text)
        call = ChatCall(id=row.id, body={}, stream=False)
        (piece,) = said_by_us(call, row.model, text, "stop")
        if row.state == "corrected":  # a person's word is no machine's
            return self._completion(piece.data, "", "")
        config = self._house.gateway.snapshot.config
        wanted = prose(read(row.request.encode()), config.tasks.get(row.task))
        return self._completion(piece.data, row.id, mark_of(config.disclosure) if wanted else "")

    def _completion(self, data: bytes, written: str, mark: str) -> Response:
        """`written` is the id of the answer, where a model wrote it: it is labelled like any other, prose with `mark`."""
        response = Response(marked(data, mark) if mark else data, media_type="application/json")
        disclosure = self._house.gateway.snapshot.config.disclosure
        for name, value in told(disclosure, CHAT, written, written=bool(mark)) if written else ():
            response.headers[name.decode()] = value.decode()
        return response


class ReviewPages:
    """The endpoints under /admin/reviews. Who decides is whoever's key, token or session it is."""

    def __init__(self, house: House) -> None:
        self._house = house

    def routes(self) -> list[BaseRoute]:
        """Where they are. To look at what waits is to review it, which is purpose enough; what was decided needs another."""
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
        await read_for(self._house, request, tenant, "" if decided else REVIEW)
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
        await read_for(self._house, request, tenant, REVIEW if row.state in OPEN else "")
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
            row = DecisionRow(id, now, tenant.key, word, given.answer, given.comment, tenant.person)
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


def _waits(held: Held) -> Response:
    found = json_of(wire.held_body(held), 202)
    found.headers["retry-after"] = "30"
    return found


def _nothing(id: str) -> NotAllowed:
    error = NotAllowed(f"Nothing is held under {id[:80]!r}.", remedy="The id came with the 202.")
    error.status, error.type, error.code = 404, "invalid_request_error", "not_found"
    return error
