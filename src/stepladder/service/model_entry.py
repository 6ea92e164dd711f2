"""A chat with a plain model on its way there and back."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from stepladder.core import (
    Answer,
    BadRequest,
    Blocked,
    Clock,
    Forwards,
    Model,
    ModelConfig,
    Part,
    Piece,
    Usage,
    is_private,
)
from stepladder.models import chat_with, estimate_call, refuse_confidential, said_by_us, written
from stepladder.service.entry import Asked, Entry
from stepladder.service.parts import closing
from stepladder.service.purse import MOST_TOKENS
from stepladder.service.request import CHAT
from stepladder.store import LedgerRow

_Fields = tuple[bytes, str, bool, Usage | None, str | None, int, tuple[bytes, ...], bool]
_WRITE = msgspec.msgpack.Encoder()
_READ = msgspec.msgpack.Decoder(list[_Fields])


class ModelEntry(Entry):
    """A chat with a plain model: passed through, and written down all the same. `others` may stand in for it."""

    __slots__ = (
        "_call",
        "_calls",
        "_config",
        "_finish",
        "_model",
        "_others",
        "_pieces",
        "_question",
        "_turns",
        "_unsaid",
        "_usage",
        "cache_seconds",
    )

    def __init__(
        self, asked: Asked, clock: Clock, model: Model, config: ModelConfig, others: Sequence[Model] = ()
    ) -> None:
        super().__init__(asked, clock)
        self._model = model
        self._config = config
        self._others = others
        self.cache_seconds = self._config.cache_seconds
        self._pieces: list[Piece] = []
        self._call = asked.request.call(asked.id, self._bound(), confidential=asked.tenant.confidential)
        self._question, self._turns = asked.request.said()
        self._usage: Usage | None = None
        self._unsaid = 0
        self._calls: tuple[bytes, ...] = ()
        self._finish = "stop"
        self._check()

    def put(self, texts: Sequence[str]) -> None:
        """The call and what the ledger is told say it too."""
        super().put(texts)
        asked = self.asked
        self._call = asked.request.call(asked.id, self._bound(), confidential=asked.tenant.confidential)
        self._question, self._turns = self.asked.request.said()

    def _bound(self) -> int | None:
        """The most tokens of an answer whose caller names no bound: what a budget has reserved is all that may be written."""
        if self._config.max_output_tokens is not None or not self.asked.tenant.budgeted:
            return self._config.max_output_tokens
        priced = any(model.cost(Usage(0, MOST_TOKENS)) for model in (self._model, *self._others))
        return MOST_TOKENS if priced else None

    @property
    def confidential(self) -> bool:
        """Whether it may be told to private models and tools only."""
        return self._call.confidential

    def confide(self) -> None:
        """The call says it too."""
        super().confide()
        self._call = replace(self._call, confidential=True)
        self._check()

    def _check(self) -> None:
        if self._call.confidential and not is_private(self._model):
            raise refuse_confidential(self._model.name)

    @property
    def question_text(self) -> str:
        """The last user message."""
        return self._question

    def forget(self) -> None:
        """Not to the same chat either."""
        self.cache_seconds = 0.0

    def refusal(self, said: str, seen: str = "") -> AsyncGenerator[Part | Piece]:
        """A completion of ours. Whoever asks for vectors or ranks cannot be answered so: raises Blocked."""
        if self._call.route != CHAT:
            raise Blocked(said)
        return _all(tuple(said_by_us(self._call, self._model.name, said)))

    def most(self) -> tuple[Usage, float]:
        """As many tokens as the request has bytes, and as many as it or the configuration allows the answer."""
        return self._most(self._config, (self._model, *self._others))

    def _most(self, config: ModelConfig, models: Sequence[Model]) -> tuple[Usage, float]:
        read, written = self.asked.request.most_tokens(config.max_output_tokens or MOST_TOKENS)
        usage = Usage(read, written) if self.hands is None else self.hands.most(read, written)
        return usage, max(model.cost(usage) for model in models)

    def again(self, kept: Any) -> AsyncGenerator[Part | Piece]:
        """The same pieces."""
        self.cached = True
        return _all(kept)

    def kept(self) -> tuple[Any, int]:
        """The pieces."""
        return tuple(self._pieces), sum(len(piece.data) + 2 * len(piece.text) + 200 for piece in self._pieces)

    def frozen(self, kept: Any) -> bytes:
        """The pieces' fields; none is by a stand-in, whose answers are not kept."""
        return _WRITE.encode([_fields(piece) for piece in kept])

    def thawed(self, data: bytes) -> Any:
        """The pieces."""
        return tuple(Piece(*fields) for fields in _READ.decode(data))

    def parts(self) -> AsyncGenerator[Part | Piece]:
        """The model's own bytes. Raises BadRequest where it has no such endpoint."""
        call, model = self._call, self._model
        if call.route == CHAT:
            return closing(model.chat(call) if self.hands is None else chat_with(model, call, self.hands))
        if not isinstance(model, Forwards):
            raise BadRequest(
                f"{model.name!r} has no {call.route}.", param="model", remedy="Name a model of kind chat."
            )
        return closing(model.forward(call))

    def take(self, part: Part | Piece) -> bool:
        """Pieces pass until the one that is marked last; it and what follows wait."""
        assert isinstance(part, Piece)
        self.text += part.text
        self._usage = part.usage or self._usage
        self._finish = part.finish_reason or self._finish
        self._unsaid += part.unsaid
        self._calls += part.calls
        if part.by is not None:
            self._model, self.cache_seconds = part.by, 0.0  # a stand-in's answer is not kept
        if self.cache_seconds:
            self._pieces.append(part)
        if not part.last and not self.held:
            return False
        self.held.append(part)
        model = self._model
        self.answer = Answer(
            self.text,
            1.0,
            model.name,
            usage=self._usage or Usage(),
            cost=0.0 if self.cached else model.cost(self._usage or Usage()),
            finish_reason=self._finish,
            source=model.source,
        )
        return True

    def row(self, status: str, error: str = "") -> LedgerRow:
        """The ledger row of a plain model's chat: no task, no ladder, nothing drawn."""
        usage, asked = Usage() if self.cached else self._taken(status), self.asked
        subject, training = self.about()
        return LedgerRow(
            id=asked.id,
            at=asked.at,
            tenant=asked.tenant.name,
            task="",
            model=asked.request.model,
            text=self._question,
            turns=self._turns,
            answer=written(self.text, self._calls),
            rung=self._model.name,
            confidence=1.0,
            status=status,
            stream=asked.request.stream,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            cost=self._model.cost(usage) + self.guarding_cost,
            latency_ms=self.latency_ms(),
            overhead_ms=self.overhead_ms(),
            source="cache" if self.cached else self._model.source,
            config_hash=asked.config_hash,
            error=error,
            key=asked.tenant.key,
            estimated=usage.estimated,
            conversation=self._call.conversation,
            confidential=self._call.confidential,
            remarks=self.remarks,
            subject=subject,
            training=training,
            tools=self.tools_used(),
            parent=asked.request.parent,
        )

    def _taken(self, status: str) -> Usage:
        """The tokens; estimated where the model could not tell them, since the answer broke off or its reader left."""
        if self._usage is not None:
            return self._usage
        begun = self.text or self._unsaid or status == "partial"
        taken = estimate_call(self._call, self.text, self._unsaid) if begun else Usage()
        return taken if self.hands is None else self.hands.spent + taken


def _fields(piece: Piece) -> _Fields:
    said = (piece.data, piece.text, piece.last, piece.usage)
    return (*said, piece.finish_reason, piece.unsaid, piece.calls, piece.idle)


async def _all(parts: tuple[Piece, ...]) -> AsyncGenerator[Part | Piece]:
    for part in parts:
        yield part
