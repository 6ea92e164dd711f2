"""Doubles: the smallest things that keep the protocols, each with one known behaviour."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec

from stepladder.core import (
    Answer,
    ChatCall,
    Delta,
    Guess,
    Part,
    Piece,
    Question,
    Rung,
    RungFailed,
    Task,
    UpstreamFailed,
    Usage,
)


class FakeClock:
    """A clock that stands still until it is told to go on."""

    def __init__(self, at: float = 1_700_000_000.0) -> None:
        self._at = at
        self._since = 0.0

    def time(self) -> float:
        """Unix seconds."""
        return self._at

    def monotonic(self) -> float:
        """Seconds since the clock was made, as far as it was advanced."""
        return self._since

    def advance(self, seconds: float) -> None:
        """Let time pass. Raises ValueError for time that would go back."""
        if seconds < 0:
            raise ValueError("A clock does not go back; give 0 or more seconds.")
        self._at += seconds
        self._since += seconds


class SureRung:
    """Always says the same, and is sure."""

    confidence = 1.0

    def __init__(self, text: str = "yes", *, name: str = "sure", release: str = "") -> None:
        self.text = text
        self.name = name
        self.release = release
        self.asked: list[Question] = []

    def predict(self, questions: Sequence[Question]) -> list[Guess]:
        """The same guess for each."""
        return [Guess(self.text, self.confidence) for _ in questions]

    def explain(self, question: Question, limit: int = 5) -> list[str]:
        """There is one reason for everything."""
        return ["It always says so."][:limit]

    async def answer(self, question: Question) -> AsyncIterator[Part]:
        """Yield one Answer."""
        self.asked.append(question)
        yield Answer(self.text, self.confidence, self.name, self.release)


class UnsureRung(SureRung):
    """Always says the same, and is not sure."""

    def __init__(
        self, text: str = "perhaps", confidence: float = 0.1, *, name: str = "unsure", release: str = ""
    ) -> None:
        super().__init__(text, name=name, release=release)
        self.confidence = confidence


class EchoRung:
    """Says the question's text back: word by word where it streams, with confidence 1."""

    def __init__(self, *, name: str = "echo", release: str = "", stream: bool = True) -> None:
        self.name = name
        self.release = release
        self._stream = stream

    async def answer(self, question: Question) -> AsyncIterator[Part]:
        """Yield a Delta a word, then the Answer."""
        for word in _words(question.text) if self._stream else ():
            yield Delta(word)
        yield Answer(question.text, 1.0, self.name, self.release, usage=_count(question.text, question.text))


class BrokenRung:
    """Fails: at once, or after `after` words. Counts how often it was asked."""

    def __init__(
        self,
        *,
        name: str = "broken",
        after: int = 0,
        status: int | None = None,
        error: Exception | None = None,
    ) -> None:
        self.name = name
        self.release = ""
        self.asked = 0
        self._after = after
        self._error = error or (
            RungFailed(name, f"{name} is broken.")
            if status is None
            else UpstreamFailed(name, f"{name} is broken.", upstream_status=status)
        )

    async def answer(self, question: Question) -> AsyncIterator[Part]:
        """Raise, after the words it was given."""
        self.asked += 1
        for at in range(self._after):
            yield Delta(f"word{at} ")
        raise self._error


class SlowRung:
    """Waits `seconds` and lets `rung` answer. `waiting` counts who waits now, `cancelled` who was called off."""

    def __init__(self, rung: Rung, seconds: float) -> None:
        self.name = rung.name
        self.release = rung.release
        self.waiting = 0
        self.cancelled = 0
        self._rung = rung
        self._seconds = seconds

    async def answer(self, question: Question) -> AsyncIterator[Part]:
        """Yield what the rung behind says."""
        self.waiting += 1
        try:
            await asyncio.sleep(self._seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.waiting -= 1
        async for part in self._rung.answer(question):
            yield part


class EchoModel:
    """Says the last user message back, plain or streamed; a token is a word, and every word has a price."""

    source = "live"

    def __init__(self, name: str = "echo", *, price: float = 1e-6) -> None:
        self.name = name
        self.closed = 0
        self.calls: list[ChatCall] = []
        self._price = price

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> "EchoModel":
        """Make one; `settings` may hold a `price` for a word."""
        return cls(name, price=settings.get("price", 1e-6))

    def cost(self, usage: Usage) -> float:
        """Words read and written, times the price of one."""
        return (usage.prompt_tokens + usage.completion_tokens) * self._price

    def rung(self, task: Task) -> EchoRung:
        """A rung that echoes, whatever the task."""
        return EchoRung(name=self.name)

    async def close(self) -> None:
        """Count it."""
        self.closed += 1

    async def chat(self, call: ChatCall) -> AsyncIterator[Piece]:
        """Yield one piece, or one for every word and one that ends it."""
        self.calls.append(call)
        text = _last_user(call)
        usage = _count(text, text)
        counted = {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        }
        if not call.stream:
            message = {"role": "assistant", "content": text}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            body = self._json(call, "chat.completion", [choice], usage=counted)
            yield Piece(body, text, last=True, usage=usage, finish_reason="stop")
            return
        for word in _words(text):
            yield Piece(self._event(call, {"content": word}), word)
        end = self._event(call, {}, "stop")
        if call.wants_usage:
            end += b"data: " + self._json(call, "chat.completion.chunk", [], usage=counted) + b"\n\n"
        yield Piece(end, last=True, usage=usage, finish_reason="stop")

    def _event(self, call: ChatCall, delta: Mapping[str, str], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return b"data: " + self._json(call, "chat.completion.chunk", [choice]) + b"\n\n"

    def _json(self, call: ChatCall, kind: str, choices: list[dict[str, Any]], **more: Any) -> bytes:
        head = {"id": f"chatcmpl-{call.id}", "object": kind, "created": 0, "model": self.name}
        return msgspec.json.encode({**head, "choices": choices, **more})


def _last_user(call: ChatCall) -> str:
    try:
        messages = msgspec.json.decode(call.body.get("messages", b"[]"), type=list[dict[str, Any]])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RungFailed("echo", "The messages cannot be read.", retryable=False) from error
    said = [message.get("content") for message in messages if message.get("role") == "user"]
    return said[-1] if said and isinstance(said[-1], str) else ""


def _words(text: str) -> list[str]:
    """Cut behind every space, so that the words joined are the text."""
    return [word for word in text.replace(" ", " \0").split("\0") if word]


def _count(asked: str, said: str) -> Usage:
    return Usage(len(asked.split()), len(said.split()))
