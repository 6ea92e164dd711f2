"""A tool of one endpoint, declared by hand."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stepladder.core import ConfigError, Operation, ToolConfig, config
from stepladder.service.tools.caller import Auth, Caller, web_url
from stepladder.service.tools.endpoint import Endpoint

_PLACE = re.compile(r"\{(\w+)\}")
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class HttpSettings(Auth):
    """`[tools.x]` of kind http. `url` has `{name}` where a parameter goes; the others go into the query, or with POST, PUT
    and PATCH into a JSON body. `parameters` maps names to JSON Schemas, `required` to those that must be given."""

    url: str = ""
    description: str = ""
    method: str = "GET"
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    required: tuple[str, ...] = ()


class HttpTool:
    """One operation, called like the tool."""

    def __init__(self, endpoint: Endpoint, base: str, caller: Caller) -> None:
        self._endpoint = endpoint
        self._base = web_url(base, "url")
        self._caller = caller

    @classmethod
    def open(cls, name: str, given: ToolConfig) -> "HttpTool":
        """Check the settings and resolve the key. Raises ConfigError."""
        where = f"tools.{name}"
        chosen = config.settings(given.settings, HttpSettings, where)
        url = web_url(_PLACE.sub("x", chosen.url), f"{where}.url")
        method = chosen.method.upper()
        if method not in _METHODS:
            raise ConfigError(
                f"{where}.method is {chosen.method!r}.",
                param=f"{where}.method",
                remedy=f"Known: {', '.join(_METHODS)}.",
            )
        path = "/" + chosen.url.split("://", 1)[1].partition("/")[2]
        inside = _PLACE.findall(path)
        _check_places(chosen, inside, where)
        rest = "body" if method in ("POST", "PUT", "PATCH") else "query"
        places = {one: "path" if one in inside else rest for one in chosen.parameters}
        schema = {
            "type": "object",
            "properties": dict(chosen.parameters),
            "required": list(dict.fromkeys([*inside, *chosen.required])),
            "additionalProperties": False,
        }
        endpoint = Endpoint(Operation(name, chosen.description, schema), method, path, places)
        return cls(endpoint, str(url.origin()), Caller(name, given, chosen.headers(where)))

    async def operations(self) -> Sequence[Operation]:
        """The one."""
        return [self._endpoint.operation]

    async def call(self, operation: str, arguments: Mapping[str, Any]) -> str:
        """What the endpoint answers. Raises ToolFailed."""
        return await self._caller.text(self._endpoint.request(self._base, arguments))

    async def close(self) -> None:
        """Close the connections."""
        await self._caller.close()


def _check_places(chosen: HttpSettings, inside: Sequence[str], where: str) -> None:
    for key, names in (("url", inside), ("required", chosen.required)):
        for name in names:
            if name not in chosen.parameters:
                raise ConfigError(
                    f"{where}.{key} names {name!r}, which is no parameter.",
                    param=f"{where}.{key}",
                    remedy=f"Add it to {where}.parameters.",
                )
    if not chosen.description:
        raise ConfigError(
            f"{where}.description is empty.",
            param=f"{where}.description",
            remedy="Say what the tool does: the model chooses by it.",
        )
