"""An answer that passages do not wholly support: a person is asked, and who asked gets what is supported, or waits."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Protocol

from stepladder.core import GROUNDING, Answer, Draft, Held, Hold, Part, Piece, Remark
from stepladder.privacy import Vault
from stepladder.safety.answers import FILTERED
from stepladder.safety.desk import Desk, Waiting
from stepladder.safety.policy import Holding
from stepladder.safety.refusals import refusal

Parts = AsyncGenerator[Part | Piece]


class Doubted(Waiting, Protocol):
    """A question whose answer may have to wait."""

    outcome: str
    waits: Held | None
    cached: bool

    def forget(self) -> None:
        """This answer is not to be given again."""
        ...


async def reviewed(
    entry: Doubted, parts: Parts, desk: Desk | None, holding: Holding, vault: Vault | None
) -> Parts:
    """The parts; the draft of an answer that comes with one joins the review queue. Raises StoreError.

    Without a desk nobody can be asked: what holds is said to wait all the same.
    """
    try:
        async for part in parts:
            if isinstance(part, Answer) and part.draft is not None:
                yield await _put(entry, part, desk, holding, vault)
            else:
                yield part
    finally:
        await parts.aclose()


async def _put(
    entry: Doubted, answer: Answer, desk: Desk | None, holding: Holding, vault: Vault | None
) -> Answer:
    draft, answer = answer.draft, replace(answer, draft=None)
    assert draft is not None
    held = None
    if desk is not None and (draft.holds or not await desk.waits(entry, GROUNDING)):
        row = desk.row(entry, holding, GROUNDING, draft.text)
        held = await desk.put(replace(row, remarks=(_remark(draft),)), vault)
    if not draft.holds:
        return answer
    entry.outcome = "held"
    entry.forget()
    if holding.answer is Hold.WAIT:
        entry.waits = held
    return replace(answer, text=refusal(entry.question_text, of="held"), finish_reason=FILTERED)


def _remark(draft: Draft) -> Remark:
    return Remark("check", GROUNDING, "review", (GROUNDING,), draft.unsupported)
