"""Where what guards hold waits for a person, and where sealed vaults lie: both outlive their question."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from stepladder.core import GROUNDING, Clock, Held, Remark, Side, without_marks
from stepladder.privacy import SealedVaults, Vault
from stepladder.safety.policy import Holding, Policy
from stepladder.safety.refusals import refusal
from stepladder.safety.watch import Watch
from stepladder.store import FEEDBACK, DecisionRow, FeedbackRow, HeldRow, Reviews, Store


class Waiting(Protocol):
    """A question that can wait, as far as the desk knows it."""

    remarks: tuple[Remark, ...]
    watch: Watch | None  # what the guards keep of it

    @property
    def id(self) -> str:
        """The request's."""
        ...

    @property
    def asks(self) -> tuple[str, str, str, bool]:
        """Task ("" for a plain model), what `model` named, tenant, and whether a stream is wanted."""
        ...

    @property
    def question_text(self) -> str:
        """The question, as it may be kept."""
        ...

    def body(self) -> str:
        """The request as it may be kept, to be asked later; "" where it cannot be."""
        ...


class Desk:
    """`vaults` None: what placeholders stand for is forgotten with each question."""

    def __init__(self, reviews: Reviews, clock: Clock, vaults: SealedVaults | None = None) -> None:
        self.vaults = vaults
        self._reviews = reviews
        self._clock = clock

    async def hold(self, entry: Waiting, policy: Policy, vault: Vault | None, answer: str | None) -> Held:
        """Let a question, or its answer, wait; what to tell the asker. Raises StoreError, VaultUnreadable."""
        side = Side.IN if answer is None else Side.OUT
        return await self.put(self.row(entry, policy.holding, side.value, answer or ""), vault)

    def row(self, entry: Waiting, holding: Holding, side: str, answer: str) -> HeldRow:
        """What waits of a question: `side` says what of it."""
        now = self._clock.time()
        task, model, tenant, _ = entry.asks
        return HeldRow(
            id=entry.id,
            at=now,
            due=now + holding.seconds,
            tenant=tenant,
            task=task,
            model=model,
            side=side,
            text=entry.question_text,
            request=entry.body(),
            remarks=entry.remarks,
            answer=answer,
            fallback=holding.default.value,
            wanted=holding.reviewers,
            pictures=entry.watch.pictures if entry.watch is not None else (),
        )

    async def put(self, row: HeldRow, vault: Vault | None) -> Held:
        """Let it wait; what to tell the asker. Raises StoreError, VaultUnreadable."""
        await asyncio.to_thread(self._reviews.put, row)
        if vault:
            await self.keep(held_name(row.id), vault)
        return Held(refusal(row.text, of="held"), id=row.id, due=row.due)

    async def waits(self, entry: Waiting, side: str) -> bool:
        """Whether the same question to the same task waits already, for the same tenant. Raises StoreError."""
        task, _, tenant, _ = entry.asks
        return await asyncio.to_thread(self._reviews.waits, side, tenant, task, entry.question_text)

    async def keep(self, name: str, vault: Vault) -> None:
        """Seal and keep a vault, where there is a key."""
        if self.vaults is not None:
            await asyncio.to_thread(self.vaults.save, name, vault)

    async def vault(self, names: Sequence[str]) -> Vault:
        """The first vault that is kept under one of the names, else an empty one. Raises VaultUnreadable."""
        vaults = self.vaults
        for name in names if vaults is not None else ():
            found: Vault = await asyncio.to_thread(vaults.load, name)  # type: ignore[union-attr]
            if found:
                return found
        return Vault()


async def decide(store: Store, row: DecisionRow) -> HeldRow:
    """Write down what a person decided; where that says what the right answer is, the task learns it as feedback.

    Raises BadRequest where it is not open any more, or this person has decided before.
    """
    held = await asyncio.to_thread(store.reviews.decide, row)
    if held.side == FEEDBACK:
        return await _decided_feedback(store, held, row)
    right = {"corrected": held.correction, "approved": answer_of(held)}.get(held.state, "")
    if held.task and right:
        await store.ledger.commit_feedback(
            FeedbackRow(held.id, row.at, held.tenant, answer=right, source="review", comment=row.comment)
        )
    return held


async def _decided_feedback(store: Store, held: HeldRow, row: DecisionRow) -> HeldRow:
    """A word of feedback teaches from now on, or never; in the place of a wrong one the reviewer's own does."""
    state = {"approved": "approved", "corrected": "refused", "rejected": "refused"}.get(held.state)
    if state is not None:
        await asyncio.to_thread(store.sources.mark, [int(held.id.removeprefix(f"{FEEDBACK}-"))], state)
    if held.state == "corrected":
        told = FeedbackRow(held.request, row.at, held.tenant, answer=held.correction, source="review")
        await store.ledger.commit_feedback(told)
    return held


def answer_of(held: HeldRow) -> str:
    """The answer that waits, as it would be given."""
    return without_marks(held.answer) if held.side == GROUNDING else held.answer


def held_name(id: str) -> str:
    """What the vault of a held request is kept under."""
    return f"held/{id}"
