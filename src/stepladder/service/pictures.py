"""The pictures of a request, wherever in it they stand: those that it holds, and those that it only names.

The parts of OpenAI's messages and responses, of Anthropic's and of Gemini's are known, and a data URL of a picture anywhere: a
model's server may speak any of them. Sounds, videos and files are no pictures.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
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
            roles = [str(one.get("role")) if isinstance(one, dict) else "" for one in value]
            last = max((at for at, role in enumerate(roles) if role == "user"), default=-1)
            for at, message in enumerate(value):
                found += _in_message(message, Shown(roles[at], "", at, at == last))
        else:
            found += (Shown("user", url) for url in _urls(value))
    return found


def _in_message(message: Any, like: Shown) -> list[Shown]:
    """A message's pictures, each with the words before it, in the order of reading."""
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list):
        return [replace(like, url=url) for url in _urls(message)]
    found, words = list[Shown](), list[str]()
    for part in content:
        text = part.get("text") if isinstance(part, dict) else None
        if isinstance(text, str) and not _holds_one(text):
            words.append(text)
        for url in _urls(part):
            found.append(replace(like, url=url, before="\n".join(words)))
            words = []
    if found:
        found[-1] = replace(found[-1], after="\n".join(words))
    beside = {key: value for key, value in message.items() if key != "content"}
    return found + [replace(like, url=url) for url in _urls(beside)]


def _holds_one(text: str) -> bool:
    return text[: len(_DATA) + 8].lstrip().lower().startswith(_DATA)


def _urls(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if _holds_one(value):
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
