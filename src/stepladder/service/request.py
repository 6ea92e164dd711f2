"""A chat completion request: decoded once, only as deep as we need, every field kept as the bytes it came in."""

from collections.abc import Mapping
from dataclasses import field
from difflib import get_close_matches
from typing import Any, TypeVar

import msgspec

from stepladder.core import (
    BadRequest,
    ChatCall,
    Field,
    Question,
    Reach,
    Task,
    Tenant,
    TooLarge,
    ToolUse,
    Turn,
    record,
)
from stepladder.service.task_fields import check_fields, check_parts

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
    subject: str | None = None
    training: bool | None = None
    groups: tuple[str, ...] | None = None


_BODY: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])
_RAW_LIST: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])
_MESSAGE = msgspec.json.Decoder(_Message)
_STR = msgspec.json.Decoder(str)
_BOOL: msgspec.json.Decoder[bool | None] = msgspec.json.Decoder(bool | None)
_STREAM_OPTIONS: msgspec.json.Decoder[_StreamOptions | None] = msgspec.json.Decoder(_StreamOptions | None)
_EXTRA: msgspec.json.Decoder[_Extra | None] = msgspec.json.Decoder(_Extra | None)
_INT = msgspec.json.Decoder(int)
_NO_EXTRA = _Extra()
_MOST_SUBJECT = 512
ASKERS = ("safety_identifier", "user")
_BOUNDS = ("max_completion_tokens", "max_tokens")
_PICTURE_TOKENS = 2000
CHAT = "chat/completions"
_WRITING = (CHAT, "completions")


@record
class ChatRequest:
    """What was asked of which `model`. `body` holds every field of the request as raw JSON, known or not.

    `route` is the endpoint below `/v1/`; only chat completions have messages. `turns`, where given, is what the ledger is
    to hold of the conversation. `data` is the request as it came. `confidential` is one that is so whatever it says itself.
    Of a plan's step, `parent` is the question that the plan began with, and `tools` are those that a model may use.
    """

    model: str
    body: Mapping[str, msgspec.Raw]
    messages: tuple[msgspec.Raw, ...]
    stream: bool
    wants_usage: bool
    route: str = CHAT
    turns: tuple[Turn, ...] = ()
    data: bytes = b""
    confidential: bool = False
    parent: str = ""
    tools: ToolUse = field(default_factory=ToolUse)

    def conversation(self) -> str | None:
        """The id of the conversation that it belongs to. Raises BadRequest."""
        return _extra(self.body).conversation

    def question(self, task: Task, *, id: str, tenant: Tenant, asked_at: float, limit: int) -> Question:
        """The question that these messages put to a task.

        The last user message is the text, the messages before it are the turns. The caller's system message is left
        out unless the task says `caller_system = true`. Raises BadRequest naming the field, TooLarge over `limit`
        characters.
        """
        messages = self._read(task)
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
            tenant=tenant.name,
            fields=extra.fields,
            turns=tuple(
                Turn(message.role, message.text())
                for message in messages[:last]
                if message.role not in ("system", "developer")
            ),
            system="\n".join(system) if system and task.caller_system else None,
            conversation=extra.conversation,
            deadline_ms=extra.deadline_ms or tenant.service.deadline_ms or task.deadline_ms,
            force_top=extra.force == "top" or tenant.service.rungs is Reach.TOP,
            confidential=extra.confidential or self.confidential or task.confidential or tenant.confidential,
            asked_at=asked_at,
            user=self.asker(),
            groups=tenant.groups if extra.groups is None else _narrowed(extra.groups, tenant),
            likely=check_fields(self.body, task),
        )

    def _read(self, task: Task) -> list[_Message]:
        if self.route != CHAT:
            raise BadRequest(
                f"The task {task.name!r} has no {self.route}.",
                param="model",
                remedy="Name a model of kind chat.",
            )
        messages = [_decode(_MESSAGE, raw, f"messages[{at}]") for at, raw in enumerate(self.messages)]
        for at, message in enumerate(messages):
            if isinstance(message.content, list):
                check_parts([part.type for part in message.content], f"messages[{at}]")
        return messages

    def call(self, id: str, most: int | None = None, *, confidential: bool = False) -> ChatCall:
        """The same request on its way to a plain model, without the key that is only ours.

        Where the caller of a chat names no bound for the answer's tokens, `most` is it.
        """
        extra = _extra(self.body)
        body = {key: bytes(value) for key, value in self.body.items() if key != "stepladder"}
        if most is not None and self.route == CHAT and not any(name in body for name in _BOUNDS):
            body["max_tokens"] = str(most).encode()
        return ChatCall(
            id=id,
            body=body,
            stream=self.stream,
            wants_usage=self.wants_usage,
            route=self.route,
            confidential=extra.confidential or self.confidential or confidential,
            conversation=extra.conversation or "",
        )

    def asker(self) -> str:
        """The user for whom it is asked, "" where none is named: OpenAI's `safety_identifier`, or its older `user`."""
        named = next((name for name in ASKERS if name in self.body), "")
        return (_text(self.body[named]) or "")[:_MOST_SUBJECT] if named else ""

    def who(self, tenant: Tenant, id: str) -> str:
        """Whom a split keeps with one arm: the tenant's conversation, else the person, else the chat by its first question.

        A client that names nobody sends the chat from its beginning each time. Where there is no such word either, `id`
        stands for whoever asks.
        """
        named = self.conversation() or self.about(tenant)[0] or self._beginning() or id
        return f"{len(tenant.name)} {tenant.name}\0{named}"

    def _beginning(self) -> str:
        for at, raw in enumerate(self.messages):
            message = _decode(_MESSAGE, raw, f"messages[{at}]")
            if message.role == "user":
                return message.text()
        return ""

    def about(self, tenant: Tenant) -> tuple[str, bool]:
        """Whom it is about ("" where nobody is named), and whether it may be learnt from: as it says, else as `tenant` does.

        The person's id is `stepladder.subject`, else OpenAI's `safety_identifier` or its older `user`.
        """
        extra = _extra(self.body)
        training = tenant.training if extra.training is None else extra.training
        if extra.subject is not None:
            return extra.subject[:_MOST_SUBJECT], training
        return self.asker(), training

    def most_tokens(self, most: int) -> tuple[int, int]:
        """How many tokens it may take to read this and to answer it: `most` for an answer where no bound is named.

        A token is a byte at least, and JSON takes more bytes than a chat template does; a picture is counted apart.
        """
        bound = next((_number(self.body[name]) for name in _BOUNDS if name in self.body), None)
        answers = _number(self.body["n"]) if "n" in self.body else None
        pictures = self.data.count(b'"image_url"') if b'"image_url"' in self.data else 0
        written = (bound or most) * (answers or 1) if self.route in _WRITING else 0
        return len(self.data) + pictures * _PICTURE_TOKENS, written

    def said(self) -> tuple[str, tuple[Turn, ...]]:
        """The last user message's text and what stands before it, for the ledger of a plain model.

        System messages are among the latter: by them `stepladder discover` knows an application. Of another endpoint, what
        is put to it.
        """
        if self.route != CHAT:
            return _words(next((self.body[name] for name in _ASKING if name in self.body), b"")), ()
        messages = [_decode(_MESSAGE, raw, f"messages[{at}]") for at, raw in enumerate(self.messages)]
        last = max(
            (at for at, message in enumerate(messages) if message.role == "user"), default=len(messages)
        )
        text = messages[last].text() if last < len(messages) else ""
        before = tuple(Turn(message.role, message.text()) for message in messages[:last])
        return text, self.turns or before


def question_of(request: ChatRequest) -> tuple[int, str]:
    """Where the last user message is, and what it says. Raises BadRequest where there is none."""
    for at in range(len(request.messages) - 1, -1, -1):
        message = _decode(_MESSAGE, request.messages[at], f"messages[{at}]")
        if message.role == "user":
            return at, message.text()
    raise BadRequest(
        "There is no user message.",
        param="messages",
        remedy="Put the question into a message with role user.",
    )


def words_only(message: msgspec.Raw) -> msgspec.Raw:
    """The same message without what is no text: a task that only sorts a question looks at its words."""
    said = msgspec.json.decode(message)
    parts = said.get("content") if isinstance(said, dict) else None
    if not isinstance(parts, list):
        return message
    words = [part for part in parts if isinstance(part, dict) and "text" in part]
    return msgspec.Raw(msgspec.json.encode({**said, "content": words}))


def read(data: bytes) -> ChatRequest:
    """Decode a request's body. Raises BadRequest naming the parameter that is wrong."""
    body = _object(data)
    model = _model(body)
    messages = _required(body, "messages", _RAW_LIST)
    if not messages:
        raise BadRequest("messages is empty.", param="messages", remedy="Send at least one message.")
    return ChatRequest(model, body, tuple(messages), *_streaming(body), data=data)


def read_forwarded(data: bytes, route: str) -> ChatRequest:
    """The same for another endpoint (`embeddings`, `rerank`, `completions`): what it asks is in a field of its own."""
    body = _object(data)
    field = next((name for name in _ASKING if name in body), "")
    if not field or bytes(body[field]) in _NOTHING_ASKED:
        state, field = ("empty", field) if field else ("missing", _USUAL.get(route, "input"))
        raise BadRequest(f"{field} is {state}.", param=field, remedy=f"Say what to put to {route}.")
    return ChatRequest(_model(body), body, (), *_streaming(body), route=route, data=data)


_ASKING = ("query", "input", "prompt", "text_1")
_USUAL = {"rerank": "query", "completions": "prompt"}
_NOTHING_ASKED = (b"", b"null", b'""', b"[]")


def _object(data: bytes) -> dict[str, msgspec.Raw]:
    try:
        return _BODY.decode(data)
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


def _model(body: Mapping[str, msgspec.Raw]) -> str:
    model = _required(body, "model", _STR)
    if not model:
        raise BadRequest("model is empty.", param="model", remedy="GET /v1/models lists what there is.")
    return model


def _streaming(body: Mapping[str, msgspec.Raw]) -> tuple[bool, bool]:
    """Whether it is to be streamed, and whether the usage is wanted."""
    stream = "stream" in body and _decode(_BOOL, body["stream"], "stream") is True
    if "stream_options" not in body:
        return stream, False
    options = _decode(_STREAM_OPTIONS, body["stream_options"], "stream_options")
    return stream, options is not None and options.include_usage is True


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


def _text(raw: msgspec.Raw) -> str | None:
    """A text; anything else is for the upstream to refuse."""
    try:
        return _STR.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _number(raw: msgspec.Raw) -> int | None:
    """A whole number above 0; anything else is for the upstream to refuse."""
    try:
        return max(_INT.decode(raw), 0) or None
    except msgspec.DecodeError:
        return None


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


def _narrowed(groups: tuple[str, ...], tenant: Tenant) -> tuple[str, ...]:
    """The groups of the one whom a key asks for, among the key's own. Raises BadRequest for one that it is not in."""
    foreign = sorted(set(groups) - set(tenant.groups))
    if foreign:
        raise _wrong("groups", foreign[0], "Name only groups that the key is in.")
    return groups


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


def _words(raw: bytes) -> str:
    """A text, or several as lines; tokens say nothing that could be read."""
    said = msgspec.json.decode(raw) if raw else ""
    texts = said if isinstance(said, list) else [said]
    return "\n".join(text for text in texts if isinstance(text, str))


def _wrong(key: str, value: Any, remedy: str) -> BadRequest:
    return BadRequest(f"stepladder.{key} is {value!r}.", param=f"stepladder.{key}", remedy=remedy)
