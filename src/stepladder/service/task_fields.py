"""The fields of a chat request that only a model has a use for: what a task makes of each, or why it cannot.

How to sample (`temperature`, `top_p`, `seed`, penalties, bounds) is the task's own business, so what clients send of it with
every request is checked and has no effect. What asks for something else than the task's one answer is refused.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import msgspec

from stepladder.core import BadRequest, Task

Body = Mapping[str, msgspec.Raw]
_Decoder = msgspec.json.Decoder[Any]
_MOST_LIKELY = 20

_COUNT: _Decoder = msgspec.json.Decoder(Annotated[int, msgspec.Meta(ge=1)] | None)
_WHOLE: _Decoder = msgspec.json.Decoder(int | None)
_AMOUNT: _Decoder = msgspec.json.Decoder(float | None)
_FLAG: _Decoder = msgspec.json.Decoder(bool | None)
_LIKELY: _Decoder = msgspec.json.Decoder(Annotated[int, msgspec.Meta(ge=0, le=_MOST_LIKELY)] | None)
_TYPES: Mapping[str, tuple[_Decoder, str]] = {
    **dict.fromkeys(("max_completion_tokens", "max_tokens", "n"), (_COUNT, "a whole number above 0")),
    **dict.fromkeys(("temperature", "top_p", "presence_penalty", "frequency_penalty"), (_AMOUNT, "a number")),
    "seed": (_WHOLE, "a whole number"),
    "logprobs": (_FLAG, "true or false"),
    "top_logprobs": (_LIKELY, f"a whole number from 0 to {_MOST_LIKELY}"),
}
_INSTEAD = "Leave it out, or ask the model itself."
_UNABLE: Mapping[str, str] = {
    "stop": "A task's answer is never cut.",
    "logit_bias": "A task's answer is its contract's.",
    "audio": "A task answers in text.",
    "web_search_options": "A task searches where its own table says.",
    "functions": "A task has the tools of its own table.",
}
_NOTHING: tuple[Any, ...] = (None, False, "", [], {})


def check_fields(body: Body, task: Task) -> int | None:
    """How many of the most probable answers are wanted beside the given one, None where no log-probabilities are.

    Raises BadRequest naming field, value and remedy.
    """
    for name in _KNOWN:
        if name in body:
            _check(body, name, task)
    if "logprobs" not in body or not _FLAG.decode(body["logprobs"]):
        return None
    return _LIKELY.decode(body["top_logprobs"]) or 0 if "top_logprobs" in body else 0


def _check(body: Body, name: str, task: Task) -> None:
    if name in _TYPES:
        decoder, wanted = _TYPES[name]
        try:
            decoder.decode(body[name])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _refused(body, name, f"Give {wanted}.") from error
    if name in _CHECKS:
        _CHECKS[name](body, name, task)


def check_parts(parts: Sequence[str], where: str) -> None:
    """Raise BadRequest for a part of a message that has no text: a task would answer as if it were not there."""
    for at, kind in enumerate(parts):
        if kind not in ("text", "refusal"):
            raise BadRequest(
                f"{where}.content[{at}] is of type {kind!r}. A task reads text.",
                param=f"{where}.content",
                remedy="Leave it out, or ask a model that can see or hear it.",
            )


def _one(body: Body, name: str, task: Task) -> None:
    if (_COUNT.decode(body[name]) or 1) > 1:
        raise _refused(body, name, _INSTEAD, "A task gives one answer.")


def _asked_for(body: Body, name: str, task: Task) -> None:
    if _LIKELY.decode(body[name]) and bytes(body.get("logprobs", b"")).strip() != b"true":
        raise _refused(body, name, "Send logprobs: true with it, or leave it out.")


def _nothing(body: Body, name: str, task: Task) -> None:
    if _decoded(body, name) not in _NOTHING:
        raise _refused(body, name, _INSTEAD, _UNABLE[name])


def _not_forced(body: Body, name: str, task: Task) -> None:
    """Tools may be offered, and a task takes none of them up; that it must is another matter."""
    if _decoded(body, name) not in (None, "auto", "none"):
        raise _refused(
            body, name, 'Write "auto", or ask the model itself.', "A task calls no tools of the caller's."
        )


def _written(body: Body, name: str, task: Task) -> None:
    if _decoded(body, name) not in (None, [], ["text"]):
        raise _refused(body, name, _INSTEAD, "A task answers in text.")


def _shape(body: Body, name: str, task: Task) -> None:
    wanted = _decoded(body, name)
    kind = wanted.get("type") if isinstance(wanted, Mapping) else wanted
    if kind in (None, "text"):
        return
    if kind not in ("json_object", "json_schema") or task.schema is None:
        raise _refused(
            body,
            name,
            "Leave it out, or give the task a `schema`.",
            f"{task.name!r} does not answer in JSON.",
        )
    given = ((wanted.get("json_schema") or {}).get("schema") or {}).get("properties")
    own = task.schema.get("properties")
    if isinstance(given, Mapping) and isinstance(own, Mapping) and given.keys() != own.keys():
        other = sorted(given.keys() ^ own.keys())[0]
        raise _refused(
            body,
            name,
            "Leave it out, or send that schema.",
            f"The schema of {task.name!r} differs in {other!r}.",
        )


_CHECKS: Mapping[str, Callable[[Body, str, Task], None]] = {
    "n": _one,
    "top_logprobs": _asked_for,
    "tool_choice": _not_forced,
    "response_format": _shape,
    "modalities": _written,
    **dict.fromkeys(_UNABLE, _nothing),
}
_KNOWN = tuple({**_TYPES, **_CHECKS})


def _decoded(body: Body, name: str) -> Any:
    try:
        return msgspec.json.decode(body[name])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _refused(body, name, "Mend it.") from error


def _refused(body: Body, name: str, remedy: str, why: str = "") -> BadRequest:
    shown = bytes(body[name])[:40].decode("utf-8", "replace")
    return BadRequest(f"{name} is {shown}. {why}".rstrip(), param=name, remedy=remedy)
