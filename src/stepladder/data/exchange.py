"""Whole exchanges with a model, system prompt and all: what discovery looks for tasks in."""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from stepladder.core import DataError
from stepladder.data.log import FieldNames, Skipped, Unusable, chat_of, find, open_log, text_of, time_of


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer. `turns` counts the earlier messages that are no system messages.

    `cost` is in the ledger's money, 0 where nobody said; `at` in Unix seconds, None where the log does not say.
    """

    user: str
    answer: str
    system: str = ""
    turns: int = 0
    model: str = ""
    tokens: int = 0
    cost: float = 0.0
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Exchanges:
    """What a file held: exchanges in its order, and what was skipped."""

    rows: tuple[Exchange, ...]
    skipped: int = 0
    first_skipped: tuple[Skipped, ...] = ()


def read_exchanges(path: Path, names: FieldNames | None = None) -> Exchanges:
    """Read a log of requests with responses, or flat rows whose question is the whole prompt.

    Raises DataError where the file cannot be read or holds no usable row.
    """
    rows: list[Exchange] = []
    skipped: list[Skipped] = []
    for item in _iterate(path, names or FieldNames()):
        if isinstance(item, Exchange):
            rows.append(item)
        else:
            skipped.append(item)
    if not rows:
        seen = f" Line {skipped[0].line}: {skipped[0].reason}." if skipped else " It is empty."
        raise DataError(
            f"{path} holds no usable row.{seen}",
            remedy='A row is an OpenAI request with its response, or {"input": ..., "answer": ...}.',
        )
    return Exchanges(tuple(rows), len(skipped), tuple(skipped[:5]))


def _iterate(path: Path, names: FieldNames) -> Iterator[Exchange | Skipped]:
    try:
        with open_log(path) as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    yield _parse(number, line, names)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(
            f"{path} is damaged or no gzip file.", remedy="Fetch or compress it again."
        ) from error
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror}.", remedy="Check the path.") from error


def _parse(number: int, line: bytes, names: FieldNames) -> Exchange | Skipped:
    try:
        data = msgspec.json.decode(line)
        if not isinstance(data, dict):
            raise Unusable("it is no JSON object")
        return _exchange(data, names)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Skipped(number, "it is not valid JSON")
    except Unusable as error:
        return Skipped(number, str(error))


def _exchange(data: dict[str, Any], names: FieldNames) -> Exchange:
    at = time_of(find(data, names.time), names.time)
    chat = chat_of(data)
    if chat is None:
        said = find(data, names.answer)
        answer = said if isinstance(said, str | None) else msgspec.json.encode(said, order="sorted").decode()
        return Exchange(
            user=text_of(find(data, names.input), names.input),
            answer=text_of(answer, names.answer),
            system=str(data.get("system") or ""),
            model=str(data.get("model") or ""),
            cost=_number(data.get("cost")),
            at=at,
        )
    usage = find(data, "response.usage") or find(data, "response.body.usage") or data.get("usage")
    tokens = _number(usage.get("total_tokens")) if isinstance(usage, dict) else 0.0
    return Exchange(
        user=chat.user,
        answer=text_of(chat.answer, "answer"),
        system=chat.system,
        turns=chat.turns,
        model=chat.model,
        tokens=int(tokens),
        cost=_number(data.get("cost")),
        at=at,
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def span_days(rows: Sequence[Exchange]) -> float | None:
    """Days between the first and the last exchange; None where times are missing or all the same."""
    times = [row.at for row in rows if row.at is not None]
    days = (max(times) - min(times)) / 86_400 if times else 0.0
    return days or None
