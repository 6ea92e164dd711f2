"""Read a JSONL log of questions and answers, whoever wrote it, row by row (`.gz` too).

A row is an OpenAI request with its response, under `request` and `response` (also the `body` of batch files, and a
fine-tuning row whose last message is the answer), or the flat form {"input", "answer", "gold"?, "fields"?, "time"?},
whose names can be mapped. Reasons for skipping a row name places in it and never quote it.
"""

import gzip
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from stepladder.core import DataError, Field

_SHOWN = 5
_INSTRUCTING = ("system", "developer")
_EXAMPLE = '{"input": "a question", "answer": "what the model said"}'
UNLEARNED = "its last answer has the weight 0"
_MAPPED = "; map names with --input and --answer"


@dataclass(frozen=True, slots=True)
class FieldNames:
    """Which keys of a flat row hold what; a dot goes into nested objects (`payload.text`)."""

    input: str = "input"
    answer: str = "answer"
    gold: str = "gold"
    fields: str = "fields"
    time: str = "time"


@dataclass(frozen=True, slots=True)
class LogRow:
    """One question with the answer it got. `at` is in Unix seconds, None where the log does not say."""

    line: int
    text: str
    answer: str
    gold: str | None = None
    fields: Mapping[str, Field] = field(default_factory=dict)
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row that cannot be used, by its line number (from 1), and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Log:
    """The usable rows in the file's order, how many were skipped, and the first few of these."""

    rows: tuple[LogRow, ...]
    skipped: int = 0
    first_skipped: tuple[Skipped, ...] = ()


def read_log(path: Path, names: FieldNames | None = None) -> Log:
    """Read all usable rows of a file. Broken ones are skipped and counted.

    Raises DataError when the file cannot be read or holds no usable row.
    """
    rows: list[LogRow] = []
    skipped: list[Skipped] = []
    for item in iterate_log(path, names):
        if isinstance(item, LogRow):
            rows.append(item)
        else:
            skipped.append(item)
    if not rows:
        seen = f" Line {skipped[0].line}: {skipped[0].reason}." if skipped else " It is empty."
        raise DataError(
            f"{path} holds no usable row.{seen}",
            remedy=f"A row is {_EXAMPLE} or an OpenAI request and response{'' if names is None else _MAPPED}.",
        )
    return Log(tuple(rows), len(skipped), tuple(skipped[:_SHOWN]))


def iterate_log(path: Path, names: FieldNames | None = None) -> Iterator[LogRow | Skipped]:
    """Yield each line as a row, or as the reason why it is none. Blank lines do not count as rows."""
    names = names or FieldNames()
    try:
        with open_log(path) as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    yield _parse(number, line, names)
    except FileNotFoundError as error:
        raise DataError(f"There is no file {path}.", remedy="Check the path.") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(
            f"{path} is damaged or no gzip file.", remedy="Fetch or compress it again; .gz means gzip."
        ) from error
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror}.", remedy="Check its rights.") from error


def open_log(path: Path) -> BinaryIO | gzip.GzipFile:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def _parse(number: int, line: bytes, names: FieldNames) -> LogRow | Skipped:
    try:
        data = msgspec.json.decode(line)
        if not isinstance(data, dict):
            raise Unusable("it is no JSON object")
        return _row(number, data, names)
    except msgspec.DecodeError:
        return Skipped(number, "it is not valid JSON")
    except UnicodeDecodeError:
        return Skipped(number, "it is not UTF-8")
    except Unusable as error:
        return Skipped(number, str(error))


class Unusable(Exception):
    """Why a row is skipped."""


def _row(number: int, data: dict[str, Any], names: FieldNames) -> LogRow:
    chat = chat_of(data) if find(data, names.input) is None or "messages" in data else None
    if chat is not None and not chat.learned:
        raise Unusable(UNLEARNED)
    text, answer = (
        (find(data, names.input), find(data, names.answer)) if chat is None else (chat.user, chat.answer)
    )
    return LogRow(
        line=number,
        text=text_of(text, names.input),
        answer=_scalar(answer, names.answer),
        gold=_scalar(gold, names.gold) if (gold := find(data, names.gold)) is not None else None,
        fields=_fields(find(data, names.fields), names.fields),
        at=time_of(find(data, names.time), names.time),
    )


def find(data: Any, name: str) -> Any:
    """The value under `name`: a key as it stands, else a path with dots."""
    if isinstance(data, dict) and name in data:
        return data[name]
    for key in name.split("."):
        data = data.get(key) if isinstance(data, dict) else None
    return data


def text_of(value: Any, name: str) -> str:
    if value is None:
        raise Unusable(f"it has no {name!r}")
    if not isinstance(value, str):
        raise Unusable(f"{name!r} is no text")
    if not value.strip():
        raise Unusable(f"{name!r} is empty")
    return value


def _scalar(value: Any, name: str) -> str:
    """Answers as strings: numbers, booleans and JSON keep the spelling of JSON, keys sorted."""
    if value is None:
        raise Unusable(f"it has no {name!r}")
    text = value if isinstance(value, str) else msgspec.json.encode(value, order="sorted").decode()
    if not text.strip():
        raise Unusable(f"{name!r} is empty")
    return text


def _fields(value: Any, name: str) -> dict[str, Field]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unusable(f"{name!r} is no JSON object")
    for key, item in value.items():
        if not isinstance(item, str | int | float | bool | None):
            raise Unusable(f"{name}.{key} is neither text, a number, a boolean nor null")
    return value


def time_of(value: Any, name: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise Unusable(f"{name!r} is neither Unix seconds nor ISO 8601") from error
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


@dataclass(frozen=True, slots=True)
class Chat:
    """A row that is a chat: the last user message, what was answered, and what stood before.

    Not `learned` is an answer that OpenAI's format for fine-tuning gives the weight 0.
    """

    user: str
    answer: Any
    system: str
    turns: int
    model: str
    learned: bool = True


def chat_of(data: dict[str, Any]) -> Chat | None:
    """The OpenAI exchange in a row, or None where the row is none. Raises Unusable.

    The question is the last user message; the answer is the response's first choice, or, in a row without a
    response, the assistant's message at the end.
    """
    request = _unwrapped(data, ("request", "body")) or data
    messages = request.get("messages")
    if not isinstance(messages, list):
        return None
    response = _unwrapped(data, ("response",))
    users = [message for message in messages if _role(message) == "user"]
    if not users:
        raise Unusable("its messages hold none of the user's")
    if response is None and _role(messages[-1]) != "assistant":
        raise Unusable("it has a request but no 'response'")
    told = [message for message in messages if _role(message) in _INSTRUCTING]
    system = [_content(message) for message in told if isinstance(message.get("content"), str | list)]
    return Chat(
        user=_content(users[-1]),
        answer=_content(messages[-1]) if response is None else _said(response),
        system="\n".join(system),
        turns=sum(_role(message) not in _INSTRUCTING for message in messages[: messages.index(users[-1])]),
        model=str(request.get("model") or ""),
        learned=response is not None or messages[-1].get("weight") != 0,
    )


def _unwrapped(data: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any] | None:
    """The object under the first of `keys`, out of its `body` and out of its string, as batch files and logs wrap it."""
    value = next((data[key] for key in keys if data.get(key) is not None), None)
    for _ in range(3):
        if isinstance(value, str):
            value = msgspec.json.decode(value)
        elif isinstance(value, dict) and isinstance(value.get("body"), dict | str):
            if int(value.get("status_code") or 200) >= 400:
                raise Unusable("its response is an error")
            value = value["body"]
    return value if isinstance(value, dict) else None


def _said(response: dict[str, Any]) -> Any:
    choices = response.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise Unusable("its response has no 'choices'")
    return _content(choices[0].get("message"))


def _role(message: Any) -> Any:
    return message.get("role") if isinstance(message, dict) else None


def _content(message: Any) -> Any:
    """A message's text: a string, or the text parts of a list joined by line breaks."""
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, list):
        parts = [
            part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"
        ]
        content = "\n".join(part for part in parts if isinstance(part, str))
    if not isinstance(content, str):
        raise Unusable("a message holds no text")
    return content
