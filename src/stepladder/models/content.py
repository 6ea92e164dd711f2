"""The contents of OpenAI's messages, looked at for a translation: texts, pictures, files, tools' arguments."""

import json
import mimetypes
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from stepladder.core import BadRequest


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture or file in a message: `data` (base64) of a `kind` (MIME type), or a `url`."""

    kind: str
    data: str = ""
    url: str = ""

    @classmethod
    def of(cls, part: Mapping[str, Any]) -> "Picture | None":
        """The picture that a part is; None for a text."""
        if part["type"] == "text":
            return None
        given = part.get("image_url") or (part.get("file") or {}).get("file_data") or ""
        url = given.get("url", "") if isinstance(given, dict) else given
        if url.startswith("data:"):
            kind, _, data = url[5:].partition(";base64,")
            return cls(kind, data)
        return cls(mimetypes.guess_type(url.partition("?")[0])[0] or "image/jpeg", url=url)


def text_parts(content: Any) -> list[dict[str, Any]]:
    """A message's content as parts: texts (refusals too), and the parts that `Picture.of` knows. Raises BadRequest."""
    if not isinstance(content, list):
        return [{"type": "text", "text": content}] if isinstance(content, str) else []
    found = []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind in ("text", "refusal"):
            found.append({"type": "text", "text": str(part.get("text") or part.get("refusal") or "")})
        elif kind in ("image_url", "file"):
            found.append(part)
        else:
            raise BadRequest(
                f"A message has a part of type {kind!r}, which this model does not take.",
                param="messages",
                remedy="Send text, image_url or file.",
            )
    return found


def merged(messages: Iterable[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """Neighbours of the same role as one: tools' results and the next question are one turn elsewhere."""
    found: list[dict[str, Any]] = []
    for message in messages:
        if found and found[-1]["role"] == message["role"]:
            found[-1][key] += message[key]
        elif message[key]:
            found.append(message)
    return found


def arguments_of(text: Any) -> Any:
    """A tool call's arguments as an object."""
    try:
        found = msgspec.json.decode(text or "{}")
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError):
        return {"arguments": text}
    return found if isinstance(found, dict) else {"arguments": found}


def schema_wish(shape: Any) -> str:
    """The instruction that a `response_format` becomes where it is not known; "" for none."""
    kind = shape.get("type") if isinstance(shape, dict) else None
    if kind == "json_object":
        return "Answer with JSON and nothing else."
    if kind != "json_schema":
        return ""
    described = shape.get("json_schema")
    schema = described.get("schema", {}) if isinstance(described, dict) else {}
    return f"Answer with JSON of this schema and nothing else: {json.dumps(schema, ensure_ascii=False)}"
