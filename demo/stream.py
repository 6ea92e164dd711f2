"""A real OpenAI client that sends the reviews at a steady rate and notes what comes back."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from openai import APIError, AsyncOpenAI

from demo.reviews import Review


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer as the client saw it. `at` is Unix seconds, `ladder_release` is "" where no release had a say."""

    index: int
    at: float
    answer: str
    agreed: bool
    rung: str
    ladder_release: str
    cost: float
    latency_ms: float


@dataclass(slots=True)
class Stream:
    """The replies so far, in the order they came, and what went wrong."""

    replies: list[Reply] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast to ask: `rate` questions a second, at most `together` of them open at a time."""

    rate: float
    together: int = 160


async def ask_all(
    client: AsyncOpenAI, task: str, rows: list[Review], pace: Pace, seen: Callable[[Stream], None]
) -> Stream:
    """Ask every review; `seen` is called after each reply. Errors are counted, never retried or hidden."""
    stream = Stream()
    gate = asyncio.Semaphore(pace.together)
    begun = time.monotonic()
    asking: set[asyncio.Task[None]] = set()

    def done(job: asyncio.Task[None]) -> None:
        asking.discard(job)
        gate.release()
        seen(stream)

    for index, row in enumerate(rows):
        wait = begun + index / pace.rate - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        await gate.acquire()
        job = asyncio.create_task(_ask(client, task, (index, row), stream))
        asking.add(job)
        job.add_done_callback(done)
    await asyncio.gather(*asking)
    return stream


async def _ask(client: AsyncOpenAI, task: str, numbered: tuple[int, Review], stream: Stream) -> None:
    index, row = numbered
    begun = time.monotonic()
    try:
        completion = await client.chat.completions.create(
            model=task, messages=[{"role": "user", "content": row.text}]
        )
    except APIError as error:
        stream.errors[f"{type(error).__name__}: {error.message[:120]}"] += 1
        return
    said = (completion.model_extra or {})["stepladder"]
    answer = completion.choices[0].message.content or ""
    stream.replies.append(
        Reply(
            index=index,
            at=time.time(),
            answer=answer,
            agreed=answer == row.label,
            rung=said["rung"],
            ladder_release=said.get("ladder_release") or "",
            cost=said["cost"],
            latency_ms=(time.monotonic() - begun) * 1000,
        )
    )
