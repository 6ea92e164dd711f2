"""Answers from a file, at a declared price and delay: a stand-in for a model that does not run, and it says so."""

import asyncio
import gzip
import time
import zlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from stepladder.core import (
    Answer,
    ChatCall,
    ConfigError,
    Part,
    Piece,
    Question,
    RungFailed,
    Task,
    Usage,
    config,
)
from stepladder.models.contract import parse_answer, prompt_for
from stepladder.models.estimate import estimate_tokens
from stepladder.models.wire import UNREADABLE, completion_body, last_user_text, stream_pieces

SOURCE = "recorded"


@dataclass(frozen=True, slots=True)
class RecordedSettings:
    """`path` is JSONL, plain or .gz; `input` and `answer` name its fields; prices are per million tokens."""

    path: str
    input: str = "input"
    answer: str = "answer"
    price_in: float = 0.0
    price_out: float = 0.0
    delay_ms: float = 0.0


class RecordedModel:
    """A model that looks its answers up. Everything it says is marked as recorded."""

    source = SOURCE
    private = True

    def __init__(self, name: str, settings: RecordedSettings, answers: Mapping[str, str]) -> None:
        self.name = name
        self._settings = settings
        self._answers = answers

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> "RecordedModel":
        """Read the file. Raises ConfigError naming the key, the line and the remedy."""
        chosen = config.settings(settings, RecordedSettings, f"models.{name}")
        return cls(name, chosen, _read(name, chosen))

    def cost(self, usage: Usage) -> float:
        """What so many tokens cost at the declared prices."""
        chosen = self._settings
        return (usage.prompt_tokens * chosen.price_in + usage.completion_tokens * chosen.price_out) / 1e6

    async def lookup(self, text: str) -> str:
        """The recorded answer, after the declared delay. Raises RungFailed for a text that is not in the file."""
        if self._settings.delay_ms:
            await asyncio.sleep(self._settings.delay_ms / 1000)
        answer = self._answers.get(text)
        if answer is None:
            raise RungFailed(
                self.name,
                f"{self.name} has no recorded answer to this question.",
                remedy="A recorded model only knows the inputs of its file.",
                retryable=False,
            )
        return answer

    async def chat(self, call: ChatCall) -> AsyncIterator[Piece]:
        """A chat completion whose content is the recorded answer to the last user message."""
        text = last_user_text(call.body)
        answer = await self.lookup(text)
        usage = Usage(estimate_tokens(text), estimate_tokens(answer))
        if call.stream:
            for piece in stream_pieces(call, self.name, answer, usage, fingerprint=SOURCE):
                yield piece
        else:
            body = completion_body(call.id, self.name, answer, usage, fingerprint=SOURCE)
            yield Piece(msgspec.json.encode(body), answer, last=True, usage=usage, finish_reason="stop")

    def rung(self, task: Task) -> "RecordedRung":
        """This model as a rung of a task."""
        return RecordedRung(self, task)

    async def close(self) -> None:
        """Nothing to let go of."""


class RecordedRung:
    """Recorded answers to a task's questions, believed like a top rung's."""

    release = ""

    def __init__(self, model: RecordedModel, task: Task) -> None:
        self.name = model.name
        self._model = model
        self._task = task

    async def answer(self, question: Question) -> AsyncIterator[Part]:
        """Look it up, at the tokens that asking a real model this way would take (estimated)."""
        started = time.perf_counter()
        text = parse_answer(self._task, await self._model.lookup(question.text), self.name)
        prompt = sum(estimate_tokens(message["content"]) for message in prompt_for(self._task, question))
        usage = Usage(prompt, estimate_tokens(text))
        yield Answer(
            text,
            1.0,
            self.name,
            usage=usage,
            cost=self._model.cost(usage),
            latency_ms=(time.perf_counter() - started) * 1000,
            source=SOURCE,
        )


def _read(name: str, settings: RecordedSettings) -> dict[str, str]:
    where = f"models.{name}.path"
    path = Path(settings.path).expanduser()
    answers: dict[str, str] = {}
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    answers.update([_row(line, number, settings, where)])
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"{where}: cannot read {path}: {why}.",
            param=where,
            remedy="Check the path, its rights, and that a .gz file is whole.",
        ) from error
    if not answers:
        raise ConfigError(f"{where}: {path} holds no rows.", param=where, remedy="Give a file of JSON lines.")
    return answers


def _row(line: bytes, number: int, settings: RecordedSettings, where: str) -> tuple[str, str]:
    try:
        row = msgspec.json.decode(line, type=dict[str, Any])
        asked, said = row[settings.input], row[settings.answer]
        if not isinstance(asked, str) or said is None:
            raise TypeError("a row needs a text and an answer")
        return asked, said if isinstance(said, str) else msgspec.json.encode(said).decode()
    except (*UNREADABLE, KeyError, TypeError) as error:
        raise ConfigError(
            f"{where}: line {number} of {settings.path} is not a row with {settings.input!r} and {settings.answer!r}.",
            param=where,
            remedy="Mend the line, or name the fields with input and answer.",
        ) from error
