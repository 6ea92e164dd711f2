"""OpenAI's chat completions as models write and read them: what is peeked at, and what models of our own say."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from stepladder.core import BadRequest, ChatCall, Piece, Usage
from stepladder.models.sse import write_event

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are not the JSON it was told to expect."""


class _Message(msgspec.Struct):
    role: str = ""
    content: Any = None


class _Delta(msgspec.Struct):
    content: Any = None


class _Choice(msgspec.Struct):
    index: int = 0
    delta: _Delta | None = None
    message: _Delta | None = None
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | float | None = 0
    completion_tokens: int | float | None = 0


class Peek(msgspec.Struct):
    """What of a completion or chunk the gateway looks at; everything else passes by unread."""

    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: Any = None

    @property
    def text(self) -> str:
        """The first choice's words."""
        choice = self._first
        said = (choice.delta or choice.message) if choice else None
        if said is None:
            return ""
        return said.content if type(said.content) is str else text_of(said.content)

    @property
    def finish_reason(self) -> str | None:
        """Why the first choice ended, None while it has not."""
        choice = self._first
        return choice.finish_reason if choice else None

    @property
    def used(self) -> Usage | None:
        """The tokens, where they are told."""
        told = self.usage
        return Usage(int(told.prompt_tokens or 0), int(told.completion_tokens or 0)) if told else None

    @property
    def _first(self) -> _Choice | None:
        for choice in self.choices:
            if choice.index == 0:
                return choice
        return None


peek = msgspec.json.Decoder(Peek).decode
_messages = msgspec.json.Decoder(list[_Message])


def last_user_text(body: Mapping[str, bytes]) -> str:
    """The text of the last user message. Raises BadRequest when there is none."""
    try:
        messages = _messages.decode(body.get("messages", b"[]"))
    except UNREADABLE as error:
        raise BadRequest("messages is not a list of messages.", param="messages") from error
    for message in reversed(messages):
        if message.role == "user":
            return text_of(message.content)
    raise BadRequest(
        "There is no user message.", param="messages", remedy='Add {"role": "user", "content": "..."}.'
    )


def text_of(content: Any) -> str:
    """The text of a message's content: a string, or the text parts of a list."""
    if isinstance(content, list):
        said = (part.get("text") for part in content if isinstance(part, dict))
        return "".join(text for text in said if isinstance(text, str))
    return content if isinstance(content, str) else ""


def completion_body(
    id: str,
    model: str,
    text: str,
    usage: Usage,
    *,
    finish_reason: str = "stop",
    fingerprint: str | None = None,
) -> dict[str, Any]:
    """A chat completion with one choice."""
    return {
        "id": f"chatcmpl-{id}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": None},
                "logprobs": None,
                "finish_reason": finish_reason,
            }
        ],
        "usage": usage_body(usage),
        "system_fingerprint": fingerprint,
    }


def usage_body(usage: Usage) -> dict[str, int]:
    """OpenAI's usage object."""
    total = usage.prompt_tokens + usage.completion_tokens
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": total,
    }


def stream_pieces(
    call: ChatCall, model: str, text: str, usage: Usage, *, fingerprint: str | None = None
) -> Iterator[Piece]:
    """The same as a stream: role, text, finish, and the usage chunk where it is wanted."""
    head = {
        "id": f"chatcmpl-{call.id}",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": model,
        "system_fingerprint": fingerprint,
    }

    def chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return write_event(msgspec.json.encode({**head, "choices": [choice]}))

    yield Piece(chunk({"role": "assistant", "content": ""}) + chunk({"content": text}), text)
    end = chunk({}, "stop")
    if call.wants_usage:
        end += write_event(msgspec.json.encode({**head, "choices": [], "usage": usage_body(usage)}))
    yield Piece(end, last=True, usage=usage, finish_reason="stop")
