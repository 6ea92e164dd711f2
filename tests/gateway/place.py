"""A gateway with rungs and a model that do as they are told."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import msgspec

from stepladder.core import (
    Answer,
    ChatCall,
    Config,
    Delta,
    Events,
    Model,
    Part,
    Piece,
    Question,
    Rollout,
    RungFailed,
    SystemClock,
    Task,
    Tenant,
    UpstreamFailed,
    Usage,
)
from stepladder.gateway import Gateway
from stepladder.models import Ladder
from stepladder.service import Auditor, ServedTask, Snapshot, read
from stepladder.store import Store
from stepladder.traffic import Admission, Board, Cache, Gate

TASK = Task(name="mood", top="big", labels=("good", "bad"))
ANN = Tenant("ann")


class Saying:
    """A rung that says one thing, bit by bit if asked to, and counts how often it is asked."""

    release = ""

    def __init__(
        self, name: str, text: str, confidence: float = 1.0, *, bits=(), fails=0, pause: float = 0.0
    ) -> None:
        self.name = name
        self.text = text
        self.confidence = confidence
        self.bits = bits
        self.fails = fails
        self.pause = pause
        self.asked = 0
        self.cancelled = False

    async def answer(self, question: Question) -> AsyncIterator[Part]:
        self.asked += 1
        if self.asked <= self.fails:
            raise RungFailed(self.name, "It is broken.")
        try:
            for bit in self.bits:
                yield Delta(bit)
                await asyncio.sleep(self.pause)
            await asyncio.sleep(self.pause)
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled = True
            raise
        yield Answer(self.text, self.confidence, self.name, usage=Usage(3, 1), cost=0.25)


class Passing:
    """A plain model whose stream is two pieces of text, the last piece, and the usage."""

    name = "big"
    source = "live"

    def __init__(self, *, breaks: bool = False) -> None:
        self.calls: list[ChatCall] = []
        self.breaks = breaks

    def cost(self, usage: Usage) -> float:
        return usage.prompt_tokens * 0.5

    async def chat(self, call: ChatCall) -> AsyncIterator[Piece]:
        self.calls.append(call)
        yield Piece(b"1", "he")
        if self.breaks:
            raise UpstreamFailed("big", "It broke off.")
        yield Piece(b"2", "llo")
        yield Piece(b"3", last=True, finish_reason="stop")
        yield Piece(b"", usage=Usage(4, 2))


class Place:
    """A gateway with one task and one plain model, on a store in memory."""

    def __init__(self, *, task: Task = TASK, top=None, low=None, rollout=None, model=None) -> None:
        self.store = Store.open("sqlite://")
        self.events = Events()
        self.seen: list = []
        self.events.subscribe(self.seen.append)
        self.top = top or Saying("big", "good")
        self.low = low
        clock = SystemClock()

        def ladder(rungs, release):
            return Ladder(task, rungs, {"linear": 0.8}, self.top, release=release, events=self.events)

        served = ServedTask(
            task=task,
            mode=task.mode,
            rollout=rollout or Rollout("mood", live="r1" if low else None),
            top=ladder([], ""),
            unreleased=ladder([], ""),
            released={"r1": ladder([low], "r1")} if low else {},
            seed="secret",
        )
        self.auditor = Auditor(self.store.ledger, self.events, clock)
        snapshot = Snapshot(Config(hash="c1"), {"mood": served}, {"big": cast(Model, model or Passing())})
        board = Board(None, lambda slot: (), 20261121)
        admission, cache = Admission(board, Gate(100, 100), clock), Cache(1_000_000, clock)
        self.gateway = Gateway(
            snapshot, self.store.ledger, self.auditor, admission, cache, self.events, clock
        )

    def admit(self, text="Fine day", model="mood", **extra):
        body = {"model": model, "messages": [{"role": "user", "content": text}], **extra}
        return self.gateway.admit(read(msgspec.json.encode(body)), ANN)

    async def ask(self, **asked):
        entry = self.admit(**asked)
        return entry, [part async for part in self.gateway.answer(entry)]

    def row(self, entry):
        return self.store.ledger.get(entry.asked.id)

    async def audits_done(self):
        await self.auditor.close(5)
