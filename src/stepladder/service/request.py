"""A chat completion request: decoded once, only as deep as we need, every field kept as the bytes it came in."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeVar

import msgspec

from stepladder.core import BadRequest, ChatCall, Field, Question, Task, TooLarge, Turn

T = TypeVar("T")


class _ContentPart(msgspec.Struct):
    type: str
    text: str | None = None


class _Message(msgspec.Struct):
    role: str
    content: str | list[_ContentPart] | None = None

    def text(self) -> str:
        """What the message says; pictures and sounds say nothing here."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content or () if part.text is not None)


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class _Extra(msgspec.Struct, forbid_unknown_fields=True):
    """The `stepladder` key of the body: what OpenAI's body has no place for."""

    fields: dict[str, Field] = {}
    conversation: str | None = None
    deadline_ms: float | None = None
    force: str | None = None
    confidential: bool = False


_BODY: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])
_RAW_LIST: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])
_MESSAGE = msgspec.json.Decoder(_Message)
_STR = msgspec.json.Decoder(str)
_BOOL: msgspec.json.Decoder[bool | None] = msgspec.json.Decoder(bool | None)
_STREAM_OPTIONS: msgspec.json.Decoder[_StreamOptions | None] = msgspec.json.Decoder(_StreamOptions | None)
_EXTRA: msgspec.json.Decoder[_Extra | None] = msgspec.json.Decoder(_Extra | None)
_NO_EXTRA = _Extra()
_TRUE = b"true"


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What was asked of which `model`. `body` holds every field of the request as raw JSON, known or not."""

    model: str
    body: Mapping[str, msgspec.Raw]
    messages: tuple[msgspec.Raw, ...]
    stream: bool
    wants_usage: bool

    def question(self, task: Task, *, id: str, tenant: str, asked_at: float, limit: int) -> Question:
        """The question that these messages put to a task.

        The last user message is the text, the messages before it are the turns. The caller's system message is left
        out unless the task says `caller_system = true`. Raises BadRequest naming the field, TooLarge over `limit`
        characters.
        """
        messages = [_decode(_MESSAGE, raw, f"messages[{at}]") for at, raw in enumerate(self.messages)]
        last = max((at for at, message in enumerate(messages) if message.role == "user"), default=-1)
        text = messages[last].text() if last >= 0 else ""
        if not text.strip():
            raise BadRequest(
                "The last user message has no text." if last >= 0 else "There is no user message.",
                param="messages",
                remedy="Put the question into a message with role user.",
            )
        if len(text) > limit:
            raise TooLarge(
                f"The last user message has {len(text)} characters; {limit} are allowed.",
                param="messages",
                remedy="Shorten it, or raise server.max_text_chars.",
            )
        extra = _extra(self.body)
        system = [message.text() for message in messages if message.role in ("system", "developer")]
        return Question(
            id=id,
            task=task.name,
            text=text,
            tenant=tenant,
            fields=extra.fields,
            turns=tuple(
                Turn(message.role, message.text())
                for message in messages[:last]
                if message.role not in ("system", "developer")
            ),
            system="\n".join(system) if system and task.caller_system else None,
            conversation=extra.conversation,
            deadline_ms=extra.deadline_ms,
            force_top=extra.force == "top",
            confidential=extra.confidential,
            asked_at=asked_at,
        )

    def call(self, id: str) -> ChatCall:
        """The same request on its way to a plain model, without the key that is only ours."""
        if "stepladder" in self.body:
            _extra(self.body)
        body = {key: bytes(value) for key, value in self.body.items() if key != "stepladder"}
        return ChatCall(id=id, body=body, stream=self.stream, wants_usage=self.wants_usage)

    def said(self) -> tuple[str, tuple[Turn, ...]]:
        """The last user message's text and what stands before it, for the ledger of a plain model.

        System messages are among the latter: by them `stepladder discover` knows an application.
        """
        messages = [_decode(_MESSAGE, raw, f"messages[{at}]") for at, raw in enumerate(self.messages)]
        last = max(
            (at for at, message in enumerate(messages) if message.role == "user"), default=len(messages)
        )
        text = messages[last].text() if last < len(messages) else ""
        return text, tuple(Turn(message.role, message.text()) for message in messages[:last])


def read(data: bytes) -> ChatRequest:
    """Decode a request's body. Raises BadRequest naming the parameter that is wrong."""
    try:
        body = _BODY.decode(data)
    except msgspec.ValidationError as error:
        raise BadRequest(
            "The body is not a JSON object.", remedy='Send {"model": ..., "messages": [...]}.'
        ) from error
    except msgspec.DecodeError as error:
        raise BadRequest(
            f"The body is not valid JSON: {error}.", remedy="Check quotes and commas."
        ) from error
    except UnicodeDecodeError as error:
        raise BadRequest("The body is not valid UTF-8.", remedy="Encode it as UTF-8.") from error
    model = _required(body, "model", _STR)
    messages = _required(body, "messages", _RAW_LIST)
    if not model:
        raise BadRequest("model is empty.", param="model", remedy="GET /v1/models lists what there is.")
    if not messages:
        raise BadRequest("messages is empty.", param="messages", remedy="Send at least one message.")
    stream = "stream" in body and _decode(_BOOL, body["stream"], "stream") is True
    options = (
        _decode(_STREAM_OPTIONS, body["stream_options"], "stream_options")
        if "stream_options" in body
        else None
    )
    return ChatRequest(
        model, body, tuple(messages), stream, options is not None and options.include_usage is True
    )


def _required(body: Mapping[str, msgspec.Raw], name: str, decoder: msgspec.json.Decoder[T]) -> T:
    raw = body.get(name)
    if raw is None:
        raise BadRequest(f"{name} is missing.", param=name, remedy=f"Add {name} to the body.")
    return _decode(decoder, raw, name)


def _decode(decoder: msgspec.json.Decoder[T], raw: msgspec.Raw, where: str) -> T:
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        param = where + path.rstrip("`")
        raise BadRequest(f"{param}: {reason}.", param=param, remedy="Mend its type.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"{where} is not valid JSON: {error}.", param=where, remedy="Mend it.") from error


def _extra(body: Mapping[str, msgspec.Raw]) -> _Extra:
    raw = body.get("stepladder")
    if raw is None:
        return _NO_EXTRA
    _known_keys(raw)
    extra = _decode(_EXTRA, raw, "stepladder") or _NO_EXTRA
    if extra.force not in (None, "top"):
        raise _wrong("force", extra.force, 'Write "top", or leave it out.')
    if extra.deadline_ms is not None and not extra.deadline_ms > 0:
        raise _wrong("deadline_ms", extra.deadline_ms, "Give milliseconds above 0.")
    return extra


def _known_keys(raw: msgspec.Raw) -> None:
    keys = _decode(_BODY, raw, "stepladder") if bytes(raw) != b"null" else {}
    known = _Extra.__struct_fields__
    for key in keys:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            raise BadRequest(
                f"stepladder.{key} is not a known key.",
                param=f"stepladder.{key}",
                remedy=f"Did you mean {near[0]!r}?" if near else f"Known keys: {', '.join(known)}.",
            )


def _wrong(key: str, value: Any, remedy: str) -> BadRequest:
    return BadRequest(f"stepladder.{key} is {value!r}.", param=f"stepladder.{key}", remedy=remedy)
