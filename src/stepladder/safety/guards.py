"""The guards on a question's path: what goes in is cleared, what comes out is cleared, and the asker's own is put back."""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from stepladder.core import (
    Action,
    Blocked,
    Events,
    GuardFailed,
    Part,
    Piece,
    Refuse,
    Remark,
    Remarked,
    Side,
    Text,
)
from stepladder.safety.answers import clear_answer, restore_answer
from stepladder.safety.clean import Clean
from stepladder.safety.judging import Judgement
from stepladder.safety.outgoing import Outgoing
from stepladder.safety.pieces import clear_body, clear_chunks, observe_pieces, restore_pieces
from stepladder.safety.policy import Policies
from stepladder.safety.refusals import refusal
from stepladder.safety.watch import Watch

Parts = AsyncGenerator[Part | Piece]
_WITHHELD = "[withheld: a guard failed]"


class Guarded(Protocol):
    """A question on its way, as far as guards know it."""

    watch: Watch | None
    remarks: tuple[Remark, ...]
    cached: bool
    outcome: str

    @property
    def asks(self) -> tuple[str, str, str, bool]:
        """Task ("" for a plain model), model or task as the caller named it, tenant, and whether a stream is wanted."""
        ...

    def forget(self) -> None:
        """This answer is not to be given again."""
        ...

    def texts(self) -> Sequence[Text]:
        """Every text of the request."""
        ...

    def put(self, texts: Sequence[str]) -> None:
        """Let the request say this instead."""
        ...

    def refusal(self, said: str, seen: str = "") -> Parts:
        """An answer that says only why there is none, or no more; `seen` is what the rung had said by then."""
        ...


class Guards:
    """Every question passes here three times. Where no guard watches, nothing is done."""

    def __init__(self, events: Events | None = None, policies: Policies | None = None) -> None:
        self.policies = policies or Policies()
        self._events = events or Events()
        self._clean = Clean()

    async def clear_in(self, entry: Guarded) -> Parts | None:
        """Let guards see the question, which from here on says only what may go on; what is said instead, or None.

        Raises Blocked where it may not be asked, GuardFailed where that cannot be known.
        """
        _, name, tenant, _ = entry.asks
        policy = self.policies.of(name, tenant)
        if policy is None:
            return None
        watch = entry.watch = Watch(policy, self._clean)
        texts = entry.texts()
        try:
            judgement, said = await watch.clear(texts)
        except GuardFailed:
            entry.put([_WITHHELD] * len(texts))
            raise
        finally:
            self._tell(entry, watch)
        if any(text.text != new for text, new in zip(texts, said, strict=True)):
            entry.put(said)
        return (
            None
            if judgement.action in (Action.PASS, Action.REDACT)
            else self._refused(entry, watch, judgement)
        )

    def clear_out(self, entry: Guarded, parts: Parts) -> Parts:
        """The answer's parts as they may leave: with placeholders, and without what guards object to."""
        watch = entry.watch
        if watch is None or entry.cached or not watch.policy.of(Side.OUT):
            return parts
        return self._cleared(entry, watch, parts)

    def restore(self, entry: Guarded, parts: Parts) -> Parts:
        """What leaves, with the asker's own data in the place of placeholders."""
        return self._restored(entry, parts) if self.policies.pseudonyms else parts

    async def _cleared(self, entry: Guarded, watch: Watch, parts: Parts) -> Parts:
        out = Outgoing(watch)
        task, _, _, stream = entry.asks

        def instead(judgement: Judgement) -> str:
            entry.outcome = "blocked"
            entry.forget()
            return refusal(watch.asked, judgement.categories, watch.policy.refusal, of="answer")

        if task:
            cleared = clear_answer(out, parts, instead, entry.refusal)
        elif not out.windows and not out.wholes:
            cleared = observe_pieces(out, parts)
        else:
            cleared = (clear_chunks if stream else clear_body)(out, parts, instead)
        try:
            async for part in cleared:
                self._tell(entry, watch)
                if out.own:
                    entry.forget()
                yield part
        finally:
            self._tell(entry, watch)
            await cleared.aclose()
            await parts.aclose()

    async def _restored(self, entry: Guarded, parts: Parts) -> Parts:
        task, _, _, stream = entry.asks
        first = await anext(parts, None)
        vault = entry.watch.vault if entry.watch is not None else None
        rest = _with(first, parts)
        if vault is not None:
            rest = restore_answer(vault, rest) if task else restore_pieces(vault, rest, stream=stream)
        try:
            async for part in rest:
                yield part
        finally:
            await rest.aclose()
            await parts.aclose()

    def _refused(self, entry: Guarded, watch: Watch, judgement: Judgement) -> Parts:
        said = refusal(watch.asked, judgement.categories, watch.policy.refusal)
        entry.outcome = "blocked"
        if watch.policy.refuse is Refuse.ANSWER:
            return entry.refusal(said)
        found = ", ".join(judgement.categories)
        raise Blocked(said, remedy=f"(content_filter: {found})", categories=judgement.categories)

    def _tell(self, entry: Guarded, watch: Watch) -> None:
        """Let the row and whoever listens know what is new."""
        task, name, _, _ = entry.asks
        for remark in watch.remarks[len(entry.remarks) :]:
            self._events.emit(Remarked(task, name, remark))
        entry.remarks = tuple(watch.remarks)


async def _with(first: Part | Piece | None, parts: Parts) -> Parts:
    if first is not None:
        yield first
    async for part in parts:
        yield part
