"""An OpenAPI 3 document as a tool: its operations, with their parameters as schemas."""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yarl import URL

from stepladder.core import ConfigError, MissingExtra, Operation, ToolConfig, ToolFailed, config
from stepladder.service.tools.caller import Auth, Caller, Request, web_url
from stepladder.service.tools.endpoint import BODY, Endpoint

_METHODS = ("get", "post", "put", "patch", "delete")
_PLACES = ("path", "query", "header")
_OURS = frozenset(("authorization", "cookie", "host", "content-length", "content-type", "accept"))
_MOST_DOCUMENT = 8 << 20
_DEEPEST = 24
_ODD = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class OpenApiSettings(Auth):
    """`[tools.x]` of kind openapi. `document` is a file or a URL, `base_url` stands in for the document's own servers.

    Only what reads (GET) is offered, and what `operations` names: where it names any, these and no others.
    """

    document: str = ""
    base_url: str = ""
    operations: tuple[str, ...] = ()


class OpenApiTool:
    """The document is read when it is first needed: a server that is down keeps no configuration from being taken."""

    def __init__(self, name: str, chosen: OpenApiSettings, caller: Caller) -> None:
        self._name = name
        self._chosen = chosen
        self._caller = caller
        self._base: URL | None = None
        self._endpoints: dict[str, Endpoint] = {}

    @classmethod
    def open(cls, name: str, given: ToolConfig) -> "OpenApiTool":
        """Check the settings, resolve the key, and look whether the file is there. Raises ConfigError."""
        where = f"tools.{name}"
        chosen = config.settings(given.settings, OpenApiSettings, where)
        if chosen.base_url:
            web_url(chosen.base_url, f"{where}.base_url")
        if not _is_url(chosen.document) and not Path(chosen.document).expanduser().is_file():
            raise ConfigError(
                f"{where}.document: there is no file {chosen.document!r}.",
                param=f"{where}.document",
                remedy="Give a file or a URL of an OpenAPI 3 document.",
            )
        return cls(name, chosen, Caller(name, given, chosen.headers(where)))

    async def operations(self) -> Sequence[Operation]:
        """Those of the document that may be used. It is read anew. Raises ToolFailed, MissingExtra."""
        text = await self._document()
        document = await asyncio.to_thread(_read, self._name, text)
        self._base = self._base_of(document)
        self._endpoints = {
            endpoint.operation.name: endpoint
            for endpoint in _endpoints(document)
            if _wanted(endpoint, self._chosen.operations)
        }
        return [endpoint.operation for endpoint in self._endpoints.values()]

    async def call(self, operation: str, arguments: Mapping[str, Any]) -> str:
        """What the API answers. Raises ToolFailed."""
        endpoint, base = self._endpoints.get(operation), self._base
        if endpoint is None or base is None:
            raise ToolFailed(f"The tool {self._name} has no operation {operation!r}.")
        return await self._caller.text(endpoint.request(base, arguments))

    async def close(self) -> None:
        """Close the connections."""
        await self._caller.close()

    async def _document(self) -> str:
        place = self._chosen.document
        if _is_url(place):
            return await self._caller.text(Request("GET", URL(place)), _MOST_DOCUMENT)
        try:
            return await asyncio.to_thread(_file, place)
        except (OSError, UnicodeDecodeError) as error:
            raise ToolFailed(f"The tool {self._name} has no document that can be read.") from error

    def _base_of(self, document: Mapping[str, Any]) -> URL:
        if self._chosen.base_url:
            return URL(self._chosen.base_url)
        servers = document.get("servers") or [{}]
        given = str(servers[0].get("url", "")) if isinstance(servers[0], dict) else ""
        url, place = URL(given), self._chosen.document
        if not url.host and _is_url(place):
            url = URL(place).origin().join(url)
        if url.scheme not in ("http", "https") or not url.host:
            raise ToolFailed(
                f"The document of the tool {self._name} names no server.",
                remedy=f"Add tools.{self._name}.base_url.",
            )
        return url


def _file(place: str) -> str:
    return Path(place).expanduser().read_text(encoding="utf-8")


def _is_url(place: str) -> bool:
    return place.startswith(("http://", "https://"))


def _wanted(endpoint: Endpoint, named: Sequence[str]) -> bool:
    return endpoint.operation.name in named if named else endpoint.method == "GET"


def _read(name: str, text: str) -> dict[str, Any]:
    """The document. Raises ToolFailed, and MissingExtra for YAML without its library."""
    found: Any
    try:
        found = json.loads(text)
    except ValueError:
        found = _yaml(name, text)
    if not isinstance(found, dict) or not str(found.get("openapi", "")).startswith("3."):
        raise ToolFailed(f"The tool {name} has no OpenAPI 3 document.")
    return found


def _yaml(name: str, text: str) -> Any:
    try:
        import yaml
    except ImportError as error:
        raise MissingExtra(f"The document of the tool {name}, which is YAML,", "openapi") from error
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise ToolFailed(f"The document of the tool {name} is neither JSON nor YAML.") from error


def _endpoints(document: Mapping[str, Any]) -> list[Endpoint]:
    found = []
    for path, given in (document.get("paths") or {}).items():
        item = _resolved(given, document)
        for method in _METHODS if isinstance(item, dict) else ():
            if isinstance(item.get(method), dict) and str(path).startswith("/"):
                found.append(_endpoint(document, str(path), method, item))
    return found


def _endpoint(document: Mapping[str, Any], path: str, method: str, item: Mapping[str, Any]) -> Endpoint:
    given = item[method]
    name = _ODD.sub("_", str(given.get("operationId") or f"{method}{path}")).strip("_")
    properties: dict[str, Any] = {}
    required, places = list[str](), dict[str, str]()
    for one in [*(item.get("parameters") or ()), *(given.get("parameters") or ())]:
        parameter = _resolved(one, document)
        if not isinstance(parameter, dict) or not _usable(parameter):
            continue
        key = str(parameter["name"])
        places[key] = parameter["in"]
        schema = _resolved(parameter.get("schema") or {}, document)
        described = {"description": parameter["description"]} if parameter.get("description") else {}
        properties[key] = {**(schema if isinstance(schema, dict) else {}), **described}
        if (parameter.get("required") or parameter["in"] == "path") and key not in required:
            required.append(key)
    body = _resolved(given.get("requestBody") or {}, document)
    shape = (body.get("content") or {}).get("application/json") if isinstance(body, dict) else None
    if shape is not None:
        properties[BODY], places[BODY] = _resolved(shape.get("schema") or {}, document), "body"
        required += [BODY] if body.get("required") else []
    says = str(given.get("summary") or ""), str(given.get("description") or "")
    description = "\n".join(dict.fromkeys(filter(None, says))) or f"{method.upper()} {path}"
    parameters = {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
    return Endpoint(Operation(name, description, parameters), method.upper(), path, places)


def _usable(parameter: Mapping[str, Any]) -> bool:
    """Whether a model may fill it in: no cookie, and no header that is ours to write."""
    return parameter.get("in") in _PLACES and not (
        parameter["in"] == "header" and str(parameter.get("name")).lower() in _OURS
    )


def _resolved(value: Any, document: Mapping[str, Any], depth: int = 0) -> Any:
    """The value with what it refers to in its place; what refers to itself ends somewhere."""
    if depth > _DEEPEST:
        return {}
    if isinstance(value, list):
        return [_resolved(one, document, depth + 1) for one in value]
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref")
    if isinstance(reference, str):
        return _resolved(_found(reference, document), document, depth + 8)
    return {key: _resolved(one, document, depth + 1) for key, one in value.items()}


def _found(reference: str, document: Mapping[str, Any]) -> Any:
    """What a local reference points to; nothing is fetched for one that is not."""
    at: Any = document if reference.startswith("#/") else {}
    for step in reference[2:].split("/"):
        at = at.get(step.replace("~1", "/").replace("~0", "~"), {}) if isinstance(at, dict) else {}
    return at
