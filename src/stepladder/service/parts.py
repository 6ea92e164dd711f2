"""Streams of parts: one that stops its source when it is closed itself, and one that is due at a time."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from types import AsyncGeneratorType
from typing import TypeVar

from stepladder.core import DeadlineMissed

T = TypeVar("T")


def closing(parts: AsyncIterator[T]) -> AsyncGenerator[T]:
    """The same parts; closed early, it closes their source at once and not when somebody collects the garbage."""
    return parts if isinstance(parts, AsyncGeneratorType) else _closing(parts)


async def _closing(parts: AsyncIterator[T]) -> AsyncGenerator[T]:
    try:
        async for part in parts:
            yield part
    finally:
        if isinstance(parts, AsyncGenerator):
            await parts.aclose()


async def before(parts: AsyncGenerator[T], seconds: float) -> AsyncGenerator[T]:
    """The same parts, as long as they come within `seconds` from now. Raises DeadlineMissed (504) when one does not."""
    due = asyncio.get_running_loop().time() + seconds
    async with aclosing(parts):
        while True:
            try:
                async with asyncio.timeout_at(due) as clock:
                    part = await anext(parts)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                if not clock.expired():
                    raise
                raise DeadlineMissed(
                    "The answer was not ready by the question's deadline.",
                    param="stepladder.deadline_ms",
                    remedy="Give it more time, or a task with quicker rungs.",
                ) from error
            yield part
