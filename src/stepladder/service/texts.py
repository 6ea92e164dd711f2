"""Every text in a request: handed out to be judged, and put back as it may go on.

What a caller can write into is walked: messages with their parts, file names and tool calls, the descriptions of tools,
metadata, fields, and the inputs of other endpoints.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from stepladder.core import BadRequest, Text, Turn, json_texts
from stepladder.service.request import CHAT, ChatRequest

_STEERING = frozenset(
    (
        *("model", "stream", "stream_options", "stepladder", "n", "temperature", "top_p", "top_k", "seed"),
        *("max_tokens", "max_completion_tokens", "presence_penalty", "frequency_penalty", "logprobs"),
        *("top_logprobs", "tool_choice", "parallel_tool_calls"),
    )
)
"""Fields of a request that hold no text of the caller's; of `stepladder`, `fields` does."""
_SPEAKING = _STEERING | {"messages"}
_FILE_TEXTS = frozenset(
    (
        *("filename", "title", "alt", "alt_text", "caption", "context", "description", "transcript"),
        *("ocr", "ocr_text", "content", "markdown", "summary"),
    )
)
"""Names under which a part of a message says what a file or a picture is called, or says."""
_PROMPT = "prompt"


class _Said(msgspec.Struct, forbid_unknown_fields=True):
    """A message that is nothing but words."""

    role: str
    content: str


_PLAIN = msgspec.json.Decoder(list[_Said])
Change = Callable[[Text], str]


def texts_of(request: ChatRequest) -> list[Text]:
    """Every text, in order. Raises BadRequest for JSON that cannot be read."""
    plain = _plain(request)
    if plain is not None:
        return plain
    found: list[Text] = []

    def note(text: Text) -> str:
        found.append(text)
        return text.text

    _walk(request, note)
    return found


def with_texts(request: ChatRequest, texts: Sequence[str]) -> ChatRequest:
    """The same request with other texts, as many and in the same order."""
    given: Iterator[str] = iter(texts)
    body, turns = _walk(request, lambda _: next(given))
    raw = {key: msgspec.Raw(value) for key, value in body.items()}
    messages = tuple(msgspec.json.decode(raw["messages"], type=list[msgspec.Raw])) if request.messages else ()
    data = b"{" + b",".join(json_texts.encoded(key) + b":" + value for key, value in body.items()) + b"}"
    return replace(request, body=raw, messages=messages, turns=turns, data=data if request.data else b"")


def _plain(request: ChatRequest) -> list[Text] | None:
    """The texts of a chat whose messages are nothing but words, as most are; None for any other."""
    if request.route != CHAT or request.turns:
        return None
    for key, raw in request.body.items():
        if key == "stepladder" or (key not in _SPEAKING and bytes(raw)[:1] in b'"[{'):
            return None
    try:
        said = _PLAIN.decode(request.body["messages"])
    except (KeyError, msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    last = max((at for at, one in enumerate(said) if one.role == "user"), default=-1)
    return [Text(one.role, one.content, True, at == last) for at, one in enumerate(said) if one.content]


def _walk(request: ChatRequest, change: Change) -> tuple[dict[str, bytes], tuple[Turn, ...]]:
    body = {key: bytes(value) for key, value in request.body.items()}
    chat = request.route == CHAT
    for key, raw in body.items():
        if key == "stepladder":
            body[key] = _fields(raw, change)
        elif key not in _STEERING and raw[:1] in b'"[{':
            value = _decoded(raw, key)
            like = Text("", "", spoken=False) if chat else Text("user", "", last=key == _PROMPT)
            said = _messages(value, change) if key == "messages" else _changed(value, like, change)
            body[key] = raw if said == value else json_texts.encoded(said)
    turns = tuple(
        Turn(turn.role, json_texts.nested(turn.content, _as(Text(turn.role, "", spoken=False), change)))
        for turn in request.turns
    )
    return body, turns


def _fields(raw: bytes, change: Change) -> bytes:
    value = _decoded(raw, "stepladder")
    if not isinstance(value, dict) or not isinstance(value.get("fields"), dict):
        return raw
    fields = _changed(value["fields"], Text("field", "", spoken=False), change)
    return raw if fields == value["fields"] else json_texts.encoded({**value, "fields": fields})


def _messages(messages: Any, change: Change) -> Any:
    if not isinstance(messages, list):
        return messages
    roles = [str(message.get("role")) if isinstance(message, dict) else "" for message in messages]
    last = max((at for at, role in enumerate(roles) if role == "user"), default=-1)
    return [
        _message(message, Text(roles[at], "", last=at == last), change)
        if isinstance(message, dict)
        else message
        for at, message in enumerate(messages)
    ]


def _message(message: Mapping[str, Any], like: Text, change: Change) -> dict[str, Any]:
    found = {}
    for key, value in message.items():
        if key == "content":
            found[key] = _content(value, like, change)
        elif key in json_texts.SKIPPED:
            found[key] = value
        else:
            found[key] = _changed(value, Text(like.role, "", spoken=False), change, key)
    return found


def _content(content: Any, like: Text, change: Change) -> Any:
    if isinstance(content, str):
        return change(Text(like.role, content, like.spoken, like.last)) if content else content
    if not isinstance(content, list):
        return content
    aside = replace(like, spoken=False, last=False)
    found = []
    for part in content:
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            rest = {key: value for key, value in part.items() if key != "text"}
            said = change(replace(like, text=part["text"]))
            found.append({**_changed(rest, aside, change), "text": said})
        else:
            found.append(_changed(part, aside, change))
    return found


def _changed(value: Any, like: Text, change: Change, name: str = "") -> Any:
    return json_texts.changed(value, _as(like, change), name)


def _as(like: Text, change: Change) -> json_texts.Change:
    """What a file is called, and what is said of a picture, is judged like what was said: it may tell a model what to do."""

    def told(text: str, name: str) -> str:
        role = "file" if name in _FILE_TEXTS and like.role == "user" else like.role
        return change(Text(role, text, like.spoken, like.last))

    return told


def _decoded(raw: bytes, where: str) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadRequest(f"{where} is not valid JSON.", param=where, remedy="Mend it.") from error
