"""The admin API described: an OpenAPI 3.1 document, made of its routes, at /admin/openapi.json."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from stepladder import __version__
from stepladder.core import Right, Tenant
from stepladder.interaction.compose import House
from stepladder.interaction.doors import PURPOSE, AdminRoute
from stepladder.interaction.http import json_of

E = TypeVar("E", bound=Callable[..., Any])
ADMIN = "/admin"
_PLACE = re.compile(r"\{(\w+)(?::\w+)?\}")
_PURPOSEFUL = (Right.READ, Right.PEOPLE)
_SCHEMAS = "#/components/schemas/"


def takes(body: Any = None, *, query: Sequence[str] = ()) -> Callable[[E], E]:
    """Say what an endpoint takes: the type that its body is decoded as (`bytes`: a file), and the names in its query."""

    def mark(endpoint: E) -> E:
        endpoint.__dict__.update(takes_body=body, takes_query=tuple(query))
        return endpoint

    return mark


def description(routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """What the admin API is, as OpenAPI 3.1 has it. Routes of anything else are left out."""
    found = [route for route in routes if isinstance(route, Route) and route.path.startswith(ADMIN)]
    said = dict.fromkeys(_said(route, "takes_body") for route in found)
    bodies = [body for body in said if body not in (None, bytes)]
    shown, schemas = msgspec.json.schema_components(bodies, ref_template=_SCHEMAS + "{name}")
    refs = dict(zip(bodies, shown, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in found:
        at = paths.setdefault(_PLACE.sub(r"{\1}", route.path), {})
        at |= {method.lower(): _operation(route, method, refs) for method in _methods(route)}
    whole = {
        "openapi": "3.1.0",
        "info": {"title": "Stepladder's admin API", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Error": _ERROR},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"key": []}],
    }
    tidied: dict[str, Any] = json.loads(json.dumps(whole).replace(f"{_SCHEMAS}_", _SCHEMAS))
    named = tidied["components"]["schemas"]
    tidied["components"]["schemas"] = {name.lstrip("_"): schema for name, schema in named.items()}
    return tidied


class DescribingPages:
    """GET /admin/openapi.json. `routes` gives all routes, once there are all."""

    def __init__(self, house: House, routes: Callable[[], Sequence[BaseRoute]]) -> None:
        self._house = house
        self._all = routes

    def routes(self) -> list[BaseRoute]:
        """Where it is."""
        return [AdminRoute(self._house, Right.SEE, "GET", f"{ADMIN}/openapi.json", self.openapi)]

    async def openapi(self, request: Request, tenant: Tenant) -> Response:
        """GET /admin/openapi.json: this description."""
        return json_of(description(self._all()))


_FILE = {"schema": {"type": "string", "format": "binary"}}
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}


def _methods(route: Route) -> list[str]:
    return sorted((route.methods or set()) - {"HEAD"})


def _page(route: Route) -> Any:
    return route.page if isinstance(route, AdminRoute) else route.endpoint


def _said(route: Route, what: str) -> Any:
    return getattr(_page(route), what, None)


def _operation(route: Route, method: str, refs: Mapping[Any, dict[str, Any]]) -> dict[str, Any]:
    body, said = _said(route, "takes_body"), " ".join((_page(route).__doc__ or "").split())
    name = _PLACE.sub(r"\1", f"{method.lower()} {route.path}")
    found: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", name),
        "description": said,
        "parameters": list(_parameters(route)),
        "responses": {
            "200": {"description": "Done.", "content": {"application/json": {"schema": {"type": "object"}}}},
            "default": {
                "description": "It was not done, and why.",
                "content": {"application/json": {"schema": {"$ref": f"{_SCHEMAS}Error"}}},
            },
        },
    }
    if isinstance(route, AdminRoute):
        found["x-stepladder-right"] = route.right.value
    if body is not None:
        held = (
            {"application/octet-stream": _FILE}
            if body is bytes
            else {"application/json": {"schema": refs[body]}}
        )
        found["requestBody"] = {"required": True, "content": held}
    return found


def _parameters(route: Route) -> Iterator[dict[str, Any]]:
    for name in _PLACE.findall(route.path):
        text = {"type": "string", "minLength": 1}
        yield {"name": name, "in": "path", "required": True, "schema": text}
    for name in _said(route, "takes_query") or ():
        yield {"name": name, "in": "query", "required": False, "schema": {"type": "string"}}
    if isinstance(route, AdminRoute) and route.right in _PURPOSEFUL:
        text = {"type": "string", "minLength": 1, "maxLength": 300}
        yield {"name": PURPOSE, "in": "header", "required": True, "schema": text}
