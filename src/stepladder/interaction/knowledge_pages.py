"""The admin API's documents: added, listed, removed and searched under /admin/knowledge."""

import asyncio
import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stepladder.core import BadRequest, Right, Scope, Tenant
from stepladder.interaction.chat import body_of
from stepladder.interaction.compose import House
from stepladder.interaction.describing import takes
from stepladder.interaction.doors import AdminRoute
from stepladder.interaction.http import decoded, json_of
from stepladder.knowledge import (
    Document,
    Knowledge,
    Query,
    Refused,
    SearchMode,
    answered,
    received,
    sorted_out,
)

_LEAST_FILE = 32 << 20  # bytes that a file may have wherever bodies may not have more


class _Given(msgspec.Struct, forbid_unknown_fields=True):
    """A Document as it is sent: a field that is misspelt, such as who may read it, must not be overlooked."""

    id: str
    text: str
    title: str = ""
    source: str = ""
    licence: str = ""
    tags: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    valid_from: float | None = None
    valid_until: float | None = None
    published: float | None = None


class _Added(msgspec.Struct, forbid_unknown_fields=True):
    documents: list[_Given]
    tenant: str = ""
    embed: bool = True


class _Removed(msgspec.Struct, forbid_unknown_fields=True):
    ids: list[str]
    tenant: str = ""


class _Asked(msgspec.Struct, forbid_unknown_fields=True):
    text: str
    tenant: str = ""
    groups: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    top: int = 10
    mode: SearchMode = SearchMode.HYBRID


class KnowledgePages:
    """The endpoints. A document is found from the moment its response leaves, and not after its removal's has."""

    def __init__(self, house: House) -> None:
        self._house = house

    def routes(self) -> list[BaseRoute]:
        """Where they are."""
        route = partial(AdminRoute, self._house)
        one = "/admin/knowledge/{collection}"
        return [
            route(Right.SEE, "GET", "/admin/knowledge", self.collections),
            route(Right.OPERATE, "GET", one, self.listed),
            route(Right.OPERATE, "PUT", one, self.put),
            route(Right.OPERATE, "DELETE", one, self.remove),
            route(Right.OPERATE, "PUT", f"{one}/files/{{name:path}}", self.take),
            route(Right.OPERATE, "POST", f"{one}/search", self.search, changes=False),
            route(Right.OPERATE, "POST", f"{one}/answer", self.answer, changes=False),
        ]

    async def collections(self, request: Request, tenant: Tenant) -> Response:
        """GET /admin/knowledge: every tenant's collections."""
        return json_of({"collections": await asyncio.to_thread(lambda: self._knowledge().collections())})

    @takes(query=("tenant", "after"))
    async def listed(self, request: Request, tenant: Tenant) -> Response:
        """GET /admin/knowledge/{collection}?tenant=&after=: 100 documents in the order of their ids."""
        name, given = request.path_params["collection"], request.query_params
        stored = await asyncio.to_thread(
            lambda: self._knowledge().documents(
                name, tenant=given.get("tenant", ""), after=given.get("after", "")
            )
        )
        return json_of({"documents": stored})

    @takes(_Added)
    async def put(self, request: Request, tenant: Tenant) -> Response:
        """PUT /admin/knowledge/{collection}: add or update documents."""
        name, given = request.path_params["collection"], await self._read(request, _Added)

        def add() -> dict[str, int]:
            knowledge = self._knowledge()
            documents = [Document(**msgspec.structs.asdict(one)) for one in given.documents]
            done = knowledge.add(name, documents, tenant=given.tenant)
            changes = {str(change): count for change, count in done.items()}
            if given.embed and knowledge.embedder is not None:
                changes["embedded"] = knowledge.embed(name, tenant=given.tenant)
            return changes

        return json_of(await asyncio.to_thread(add))

    @takes(bytes, query=("tenant", "licence", "tag", "group", "valid_from", "valid_until"))
    async def take(self, request: Request, tenant: Tenant) -> Response:
        """PUT /admin/knowledge/{collection}/files/{name}: the body is a file of any kind, and its documents are the name's."""
        collection, name = request.path_params["collection"], request.path_params["name"]
        given, owner = request.query_params, request.query_params.get("tenant", "")
        length = request.headers.get("content-length", "0")
        limit = max(self._house.gateway.snapshot.config.server.max_body_kb * 1024, _LEAST_FILE)
        data = await body_of(request.receive, int(length) if length.isdigit() else 0, limit)
        refused: list[Refused] = []
        begin, end = _seconds(given, "valid_from"), _seconds(given, "valid_until")

        def labelled() -> Iterator[Document]:
            for one in sorted_out(received(data, name), refused):
                yield replace(
                    one,
                    licence=one.licence or given.get("licence", ""),
                    tags=one.tags or tuple(given.getlist("tag")),
                    groups=one.groups or tuple(given.getlist("group")),
                    valid_from=begin if one.valid_from is None else one.valid_from,
                    valid_until=end if one.valid_until is None else one.valid_until,
                )

        def add() -> dict[str, Any]:
            knowledge = self._knowledge()
            documents = list(labelled())
            if not documents and refused:
                raise BadRequest(f"{name}: {refused[0].reason}.", param="name", remedy="Send another file.")
            changes: dict[str, Any] = {
                str(change): count
                for change, count in knowledge.add(collection, documents, tenant=owner).items()
            }
            ids = {one.id for one in documents}
            changes["removed"] = knowledge.keep_parts(collection, name, ids, tenant=owner)
            if knowledge.embedder is not None:
                changes["embedded"] = knowledge.embed(collection, tenant=owner)
            return {**changes, "refused": refused}

        return json_of(await asyncio.to_thread(add))

    @takes(_Removed)
    async def remove(self, request: Request, tenant: Tenant) -> Response:
        """DELETE /admin/knowledge/{collection}: take documents out."""
        name, given = request.path_params["collection"], await self._read(request, _Removed)
        removed = await asyncio.to_thread(
            lambda: self._knowledge().remove(name, given.ids, tenant=given.tenant)
        )
        if not removed:
            raise BadRequest("There are no such documents.", param="ids", remedy="GET lists them.")
        return json_of({"removed": removed})

    @takes(_Asked)
    async def search(self, request: Request, tenant: Tenant) -> Response:
        """POST /admin/knowledge/{collection}/search: passages, best first, as that tenant would find them."""
        name, given = request.path_params["collection"], await self._read(request, _Asked)
        scope = Scope(given.tenant, given.groups, given.tags)
        query = Query(given.text, name, scope, given.top, given.mode)
        return json_of({"hits": await asyncio.to_thread(lambda: self._knowledge().search(query))})

    @takes(_Asked)
    async def answer(self, request: Request, tenant: Tenant) -> Response:
        """POST /admin/knowledge/{collection}/answer: the sentence that answers with where it stands, or null."""
        name, given = request.path_params["collection"], await self._read(request, _Asked)
        scope = Scope(given.tenant, given.groups, given.tags)
        quote = await asyncio.to_thread(lambda: self._knowledge().answer(given.text, name, scope))
        return json_of({"answer": quote if answered(quote) else None})

    def _knowledge(self) -> Knowledge:
        return self._house.knowledge.get()

    async def _read(self, request: Request, kind: type[Any]) -> Any:
        return await decoded(request, kind, self._house.gateway.snapshot.config.server.max_body_kb * 1024)


def _seconds(given: QueryParams, key: str) -> float | None:
    """A time of the query, in Unix seconds. Raises BadRequest."""
    try:
        found = float(given[key]) if key in given else None
    except ValueError:
        found = math.nan
    if found is not None and not math.isfinite(found):
        raise BadRequest(f"{key} is {given[key]!r}.", param=key, remedy="Give Unix seconds.")
    return found
