"""Questions through the gateway, as any client asks them, and what came back."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import aiohttp

from stepladder.core import UpstreamFailed
from stepladder.interaction.tutorial.place import TASK, Place
from stepladder.interaction.tutorial.support import Message


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: whether it is the log's, which rung and release gave it, what it cost and how long it took."""

    agreed: bool
    rung: str
    release: str
    cost: float
    latency_ms: float


def ask(
    place: Place, messages: Sequence[Message], together: int, seen: Callable[[int], None] = lambda done: None
) -> list[Reply]:
    """Ask them all, so many at a time; replies in their order. Raises UpstreamFailed where the gateway refuses."""
    return asyncio.run(_ask_all(place, messages, together, seen))


async def _ask_all(
    place: Place, messages: Sequence[Message], together: int, seen: Callable[[int], None]
) -> list[Reply]:
    gate, done = asyncio.Semaphore(together), 0
    headers = {"authorization": f"Bearer {place.key}"}
    async with aiohttp.ClientSession(headers=headers) as session:

        async def one(message: Message) -> Reply:
            nonlocal done
            async with gate:
                reply = await _ask(session, place.url, message)
            done += 1
            seen(done)
            return reply

        return await asyncio.gather(*(one(message) for message in messages))


async def _ask(session: aiohttp.ClientSession, url: str, message: Message) -> Reply:
    began = time.perf_counter()
    body = {"model": TASK, "messages": [{"role": "user", "content": message.text}]}
    async with session.post(url, json=body) as response:
        found = await response.json()
        if response.status != 200:
            raise UpstreamFailed(TASK, f"The gateway answered {response.status}: {found}")
    told = found["stepladder"]
    return Reply(
        agreed=found["choices"][0]["message"]["content"] == message.intent,
        rung=told["rung"],
        release=told.get("ladder_release") or "",
        cost=told["cost"],
        latency_ms=(time.perf_counter() - began) * 1000,
    )
