"""The guards between a model and its tools: what it hands them leaves the house, and what they say is anybody's text."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from stepladder.core import Blocked, json_texts
from stepladder.safety.outgoing import Outgoing, Stopped
from stepladder.safety.watch import Watch


class Screening:
    """Works with the watch of the question that the tools are used for, so that a placeholder means the same everywhere."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    async def arguments(self, text: str, *, restored: bool) -> str:
        """A call's arguments (JSON), judged like an answer, each text by itself. Raises Blocked, GuardFailed.

        `restored`: the tool may know the asker's own data, so what placeholders stand for is put back.
        """
        found: list[str] = []

        def note(one: str, _: str) -> str:
            found.append(one)
            return one

        json_texts.nested(text, note, "arguments")
        out = Outgoing(self._watch)
        try:
            cleared: Iterator[str] = iter([await self._cleared(out, one) for one in found])
        except Stopped as error:
            raise Blocked("A guard withholds this.", categories=error.judgement.categories) from error
        vault = self._watch.vault if restored else None
        return json_texts.nested(
            text, lambda one, _: vault.restore(next(cleared)) if vault else next(cleared), "arguments"
        )

    async def result(self, text: str) -> str:
        """What a tool said, judged like any text from elsewhere. Raises Blocked, GuardFailed."""
        return await self._watch.screen("tool", text)

    async def offer(self, function: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a tool says of itself: its server's words, each judged like a result. Raises Blocked, GuardFailed."""
        found: list[str] = []

        def note(one: str, _: str) -> str:
            found.append(one)
            return one

        json_texts.changed(function, note)
        cleared: Iterator[str] = iter([await self.result(one) for one in found])
        return cast(Mapping[str, Any], json_texts.changed(function, lambda one, _: next(cleared)))

    async def _cleared(self, out: Outgoing, text: str) -> str:
        await out.observe(text)
        return await out.text(text)
