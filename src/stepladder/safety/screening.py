"""The guards between a model and its tools: what it hands them leaves the house, and what they say is anybody's text."""

from collections.abc import Iterator

from stepladder.core import Action, Blocked, Side, json_texts
from stepladder.safety.outgoing import Outgoing, Stopped
from stepladder.safety.watch import Watch

_PASSING = (Action.PASS, Action.REDACT)


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
        """What a tool said, judged like a tool's message of the caller's. Raises Blocked, GuardFailed."""
        watch = self._watch
        rulings = watch.policy.of(Side.IN)
        windows = [ruling for ruling in rulings if ruling.guard.window is not None]
        wholes = [ruling for ruling in rulings if ruling.guard.window is None]
        judgements = [await watch.judged("windows", windows, text)]
        if wholes and "tool" in watch.policy.untrusted:
            judgements.append(await watch.judged("wholes", wholes, text))
        for judgement in judgements:
            if judgement.action not in _PASSING:
                raise Blocked("A guard withholds this.", categories=judgement.categories)
        # What looks like a placeholder in it is none, and what a tool was told comes back as it was known to the model.
        said = watch.pen.written(text, judgements[0].cuts, asked=False, literal=watch.vault is not None)
        return watch.vault.hide(said) if watch.vault is not None else said

    async def _cleared(self, out: Outgoing, text: str) -> str:
        await out.observe(text)
        return await out.text(text)
