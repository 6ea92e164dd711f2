"""The rest of the HTTP API, by Starlette: models, feedback, health, readiness, metrics, and OpenAI-shaped errors."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from time import time
from typing import TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from stepladder.core import BadRequest, Right, StepladderError, Tenant, UnknownModel, is_private
from stepladder.interaction import wire
from stepladder.interaction.chat import Identify, api_key, body_of
from stepladder.interaction.compose import House
from stepladder.interaction.marking import mark_of, unmarked
from stepladder.interaction.shapes import parsed
from stepladder.service import new_id
from stepladder.store import FeedbackRow

T = TypeVar("T")
Endpoint = Callable[[Request, Tenant], Awaitable[Response]]


class _Feedback(msgspec.Struct, forbid_unknown_fields=True):
    request_id: str
    answer: str | None = None
    score: float | None = None
    source: str | None = None
    comment: str | None = None


class Pages:
    """The endpoints that every client may use."""

    def __init__(self, house: House) -> None:
        self._house = house

    def routes(self) -> list[BaseRoute]:
        """Where they are."""
        known = self._house.identify
        return [
            Route("/v1/models", guarded(self.models, known), methods=["GET"]),
            Route("/v1/models/{name:path}", guarded(self.model, known), methods=["GET"]),
            Route("/v1/feedback", guarded(self.feedback, known), methods=["POST"]),
            Route("/healthz", self.healthz, methods=["GET"]),
            Route("/readyz", self.readyz, methods=["GET"]),
            Route("/metrics", self.metrics, methods=["GET"]),
        ]

    async def models(self, request: Request, tenant: Tenant) -> Response:
        """GET /v1/models: what `model` may name."""
        snapshot = self._house.gateway.snapshot
        names = [*snapshot.tasks, *snapshot.models, *snapshot.config.plans]
        ends = {"first_id": names[0], "last_id": names[-1]} if names else {"first_id": None, "last_id": None}
        return json_of(
            {"object": "list", "data": [self._card(name) for name in names], "has_more": False, **ends}
        )

    async def model(self, request: Request, tenant: Tenant) -> Response:
        """GET /v1/models/{name}."""
        name = request.path_params["name"]
        snapshot = self._house.gateway.snapshot
        if name not in {*snapshot.tasks, *snapshot.models, *snapshot.config.plans}:
            raise UnknownModel(
                f"There is no model {name!r}.", param="model", remedy="GET /v1/models lists what there is."
            )
        return json_of(self._card(name))

    async def feedback(self, request: Request, tenant: Tenant) -> Response:
        """POST /v1/feedback: the right answer, or a score, for a request of one's own."""
        given = await self._house_body(request, _Feedback)
        if given.answer is None and given.score is None:
            raise BadRequest(
                "There is neither an answer nor a score.", param="answer", remedy="Send at least one of them."
            )
        mark = mark_of(self._house.gateway.snapshot.config.disclosure)
        await self._house.feedback(
            FeedbackRow(
                request_id=given.request_id,
                at=self._house.clock.time(),
                tenant=tenant.name,
                answer=given.answer and unmarked(given.answer, mark),
                score=given.score,
                source=given.source,
                comment=given.comment,
                key="" if tenant.grant.allows(Right.REVIEW) else tenant.key or "-",
            ),
            tenant,
        )
        return json_of({"object": "feedback", "request_id": given.request_id, "recorded": True})

    async def healthz(self, request: Request) -> Response:
        """GET /healthz: the process is there."""
        return json_of({"status": "ok"})

    async def readyz(self, request: Request) -> Response:
        """GET /readyz: it can answer and write down; 503 and what is wrong when it cannot."""
        wrong = await self._house.troubles()
        return json_of(
            {"status": "not ready" if wrong else "ready", "troubles": wrong}, 503 if wrong else 200
        )

    async def metrics(self, request: Request) -> Response:
        """GET /metrics, for Prometheus."""
        metrics = self._house.metrics
        return Response(await asyncio.to_thread(metrics.render), media_type=metrics.content_type)

    async def _house_body(self, request: Request, kind: type[T]) -> T:
        return await decoded(request, kind, self._house.gateway.snapshot.config.server.max_body_kb * 1024)

    def _card(self, name: str) -> dict[str, object]:
        """A task or model as OpenAI lists it, with what Anthropic's clients look for and what is ours."""
        snapshot = self._house.gateway.snapshot
        task, at = snapshot.tasks.get(name), self._house.opened_at
        facts: dict[str, object]
        if task is not None:
            facts = {"kind": "task", "mode": task.mode, "labels": task.task.labels, "private": task.private}
        elif name in snapshot.config.plans:
            facts = {"kind": "plan", "steps": [step.name for step in snapshot.config.plans[name].steps]}
        else:
            model, table = snapshot.models[name], snapshot.config.models[name]
            facts = {"kind": "model", "plugin": table.kind, "private": is_private(model)}
            facts |= {"fallback": table.fallback} if table.fallback else {}
        return {
            "id": name,
            "object": "model",
            "type": "model",
            "created": int(at),
            "created_at": datetime.fromtimestamp(int(at), UTC).isoformat(),
            "display_name": name,
            "owned_by": "stepladder",
            "stepladder": facts,
        }


def application(routes: list[BaseRoute]) -> Starlette:
    """A Starlette application whose every error has OpenAI's shape."""
    return Starlette(
        routes=routes,
        exception_handlers={StepladderError: _refused, HTTPException: _no_such_page},
    )


def guarded(endpoint: Endpoint, identify: Identify) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint behind a key."""

    async def checked(request: Request) -> Response:
        header = request.headers.get("authorization")
        address = request.client.host if request.client is not None else ""
        key = header.encode("latin-1") if header is not None else api_key(request.scope)
        return await endpoint(request, await identify(key, address))

    return checked


async def decoded(request: Request, kind: type[T], limit: int) -> T:
    """The JSON body as `kind`. Raises BadRequest naming the field, TooLarge over `limit` bytes."""
    length = request.headers.get("content-length", "0")
    data = await body_of(request.receive, int(length) if length.isdigit() else 0, limit)
    return parsed(data, kind)


def json_of(content: object, status: int = 200) -> Response:
    """A JSON response."""
    return Response(wire.encode(content), status_code=status, media_type="application/json")


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, StepladderError)
    found = json_of(wire.error_body(error), error.status)
    found.raw_headers.extend([*wire.come_back(error), *wire.named(new_id(time()))])
    return found


async def _no_such_page(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    wrong = BadRequest(
        f"{request.method} {request.url.path}: {error.detail}.", remedy="docs/wire.md lists the routes."
    )
    found = json_of(wire.error_body(wrong), error.status_code)
    found.raw_headers.extend(wire.named(new_id(time())))
    return found
