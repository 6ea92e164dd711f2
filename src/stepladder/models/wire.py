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


_NONE = msgspec.Raw(b"")


class _Said(msgspec.Struct):
    """A message, or a delta of one."""

    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    refusal: Any = None
    tool_calls: msgspec.Raw = _NONE
    function_call: msgspec.Raw = _NONE


class _Choice(msgspec.Struct):
    index: int = 0
    delta: _Said | None = None
    message: _Said | None = None
    text: Any = None
    finish_reason: str | None = None

    @property
    def words(self) -> str:
        """What it says."""
        said = self.delta or self.message
        if said is None:
            return text_of(self.text)
        return said.content if type(said.content) is str else text_of(said.content)

    @property
    def calls(self) -> tuple[bytes, ...]:
        """Its tool calls, or the deltas of them."""
        said = self.delta or self.message
        if said is None or said.tool_calls is _NONE or bytes(said.tool_calls) in _EMPTY:
            return ()
        return (bytes(said.tool_calls),)

    @property
    def unsaid(self) -> int:
        """How many characters it writes besides: reasoning, a refusal, tool calls."""
        said = self.delta or self.message
        if said is None:
            return 0
        told = (said.reasoning_content or said.reasoning, said.refusal)
        calls = sum(len(raw) for raw in (said.tool_calls, said.function_call) if bytes(raw) not in _EMPTY)
        return calls + sum(len(text) for text in told if isinstance(text, str))


_EMPTY = (b"", b"null", b"[]")


class _Usage(msgspec.Struct):
    prompt_tokens: int | float | None = 0
    completion_tokens: int | float | None = 0
    total_tokens: int | float | None = 0


class Peek(msgspec.Struct):
    """What of a completion or chunk the gateway looks at; everything else passes by unread."""

    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: Any = None
    model: Any = None

    @property
    def text(self) -> str:
        """The first choice's words."""
        choice = self._first
        return choice.words if choice else ""

    @property
    def calls(self) -> tuple[bytes, ...]:
        """The first choice's tool calls."""
        choice = self._first
        return choice.calls if choice else ()

    @property
    def unsaid(self) -> int:
        """What all choices wrote that is not in `text`, in characters."""
        first = self._first
        return sum(choice.unsaid + (0 if choice is first else len(choice.words)) for choice in self.choices)

    @property
    def finish_reason(self) -> str | None:
        """Why the first choice ended, None while it has not."""
        choice = self._first
        return choice.finish_reason if choice else None

    @property
    def used(self) -> Usage | None:
        """The tokens, where they are told. Whoever writes nothing (embeddings, rerank) may tell the total only."""
        told = self.usage
        if told is None:
            return None
        prompt, written = int(told.prompt_tokens or 0), int(told.completion_tokens or 0)
        return Usage(prompt if prompt or written else int(told.total_tokens or 0), written)

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
                "message": {"role": "assistant", "content": text, "refusal": None, "annotations": []},
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


def said_by_us(
    call: ChatCall, model: str, text: str, finish_reason: str = "content_filter"
) -> Iterator[Piece]:
    """An answer that no model gave, as the pieces of one."""
    usage = Usage()
    if call.stream:
        yield from stream_pieces(call, model, text, usage, finish_reason=finish_reason)
        return
    body = msgspec.json.encode(completion_body(call.id, model, text, usage, finish_reason=finish_reason))
    yield Piece(body, text, last=True, usage=usage, finish_reason=finish_reason)


def stream_pieces(
    call: ChatCall,
    model: str,
    text: str,
    usage: Usage,
    *,
    finish_reason: str = "stop",
    fingerprint: str | None = None,
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
    end = chunk({}, finish_reason)
    if call.wants_usage:
        end += write_event(msgspec.json.encode({**head, "choices": [], "usage": usage_body(usage)}))
    yield Piece(end, last=True, usage=usage, finish_reason=finish_reason)
