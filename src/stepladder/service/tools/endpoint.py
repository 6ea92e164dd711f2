"""One operation of a web API: where each of its arguments goes, and the request that they make."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from yarl import URL

from stepladder.core import Operation, ToolFailed
from stepladder.models import mismatch
from stepladder.service.tools.caller import Request

BODY = "body"
_BETWEEN = re.compile(r"[/\\;]")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`path` has `{name}` where an argument goes; `places` maps arguments to "path", "query", "header" or "body".

    The argument `body` is the whole body; others placed there are its properties.
    """

    operation: Operation
    method: str
    path: str
    places: Mapping[str, str]

    def request(self, base: URL, arguments: Mapping[str, Any]) -> Request:
        """The request for some arguments. Raises ToolFailed where they do not fit the operation's parameters."""
        wrong = mismatch(dict(arguments), self.operation.parameters)
        if wrong:
            raise ToolFailed(f"The arguments do not fit: {wrong}.")
        path, query, headers = self.path, list[tuple[str, str]](), dict[str, str]()
        body: Any = None
        for name, value in arguments.items():
            match self.places.get(name):
                case "path":
                    path = path.replace("{" + name + "}", _segment(name, value))
                case "query":
                    query += [(name, _text(one)) for one in (value if isinstance(value, list) else [value])]
                case "header":
                    headers[name] = _line(name, _text(value))
                case "body" if name == BODY:
                    body = value
                case "body":
                    body = {**(body or {}), name: value}
        whole = base.raw_path.rstrip("/") + path
        return Request(self.method, base.with_path(whole, encoded=True), query, headers, body)


def _segment(name: str, value: Any) -> str:
    """One piece of a path, whatever is in it: it leads neither up nor to another host.

    Many a server behind the first one unquotes a path and only then looks where it leads, some twice.
    """
    said = _text(value)
    text = quote(said, safe="")
    if not text or {".", ".."} & set(_BETWEEN.split(unquote(unquote(said)))):
        raise ToolFailed(f"The argument {name} is no piece of a path.")
    return text


def _line(name: str, text: str) -> str:
    if not text.isprintable():
        raise ToolFailed(f"The argument {name} is no line of text.")
    return text


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
