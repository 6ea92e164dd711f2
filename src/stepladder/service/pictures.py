"""The pictures of a request, wherever in it they stand: those that it holds, and those that it only names.

The parts of OpenAI's messages and responses, of Anthropic's and of Gemini's are known, and a data URL of a picture anywhere: a
model's server may speak any of them. Sounds, videos and files are no pictures.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from stepladder.core import BadRequest, Shown
from stepladder.service.request import ChatRequest

_DATA = "data:image/"
_HOLDING = ("image_url", "source", "inline_data", "inlineData")
_KINDS = ("image_url", "input_image", "image")


def pictures_of(request: ChatRequest) -> list[Shown]:
    """Every picture, in order. Raises BadRequest for JSON that cannot be read."""
    found: list[Shown] = []
    for key, raw in request.body.items():
        if bytes(raw)[:1] not in (b'"', b"[", b"{"):
            continue
        try:
            value = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise BadRequest(f"{key} is not valid JSON.", param=key, remedy="Mend it.") from error
        if key == "messages" and isinstance(value, list):
            for message in value:
                role = message.get("role") if isinstance(message, dict) else ""
                found += (Shown(str(role), url) for url in _urls(message))
        else:
            found += (Shown("user", url) for url in _urls(value))
    return found


def _urls(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value[: len(_DATA) + 8].lstrip().lower().startswith(_DATA):
            yield value.strip()
        return
    inside = value if isinstance(value, list) else []
    if isinstance(value, dict):
        url = _picture(value)
        if url is not None:
            yield url
        inside = [one for key, one in value.items() if url is None or key not in _HOLDING]
    for one in inside:
        yield from _urls(one)


def _picture(part: Mapping[str, Any]) -> str | None:
    """The picture that a part is, "" where it says in a way that is not known where it is; None where it is none."""
    kind = part.get("type")
    url = part.get("image_url")
    if url is not None:
        url = url.get("url") if isinstance(url, dict) else url
        return url.strip() if isinstance(url, str) else ""
    given = part.get("source") if kind == "image" else part.get("inline_data") or part.get("inlineData")
    if isinstance(given, dict):
        mime = str(given.get("media_type") or given.get("mime_type") or given.get("mimeType") or "image/")
        if isinstance(given.get("data"), str):
            return f"data:{mime};base64,{given['data']}" if mime.startswith("image/") else None
        return str(given.get("url") or "")
    return "" if kind in _KINDS else None
