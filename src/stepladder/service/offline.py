"""The big model at work offline: what was drawn in service is put to it later, as labels and audits."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

from stepladder.core import Answer, Clock, Question, Rung, RungFailed, Task
from stepladder.models import equal
from stepladder.store import AuditRow, Ledger, LedgerRow


@dataclass(frozen=True, slots=True)
class Labelled:
    """How it went: rows labelled, rows that the model could not answer, and what it cost."""

    done: int = 0
    failed: int = 0
    cost: float = 0.0


async def label(
    task: Task, rows: Sequence[LedgerRow], rung: Rung, ledger: Ledger, clock: Clock, *, at_once: int = 8
) -> Labelled:
    """Ask `rung` each of these questions and write its answer down beside the one that was given.

    A row that it cannot answer stays unlabelled, and is asked again the next time. Raises LedgerUnavailable.
    """
    gate = asyncio.Semaphore(at_once)

    async def one(row: LedgerRow) -> Answer | None:
        async with gate:
            try:
                said = await _ask(rung, row)
            except RungFailed:
                return None
        agreed = equal(task, row.answer, said.text)
        audit = AuditRow(
            id=row.id,
            at=clock.time(),
            task=task.name,
            ladder_release=row.ladder_release,
            top_answer=said.text,
            agreed=agreed,
            prompt_tokens=said.usage.prompt_tokens,
            completion_tokens=said.usage.completion_tokens,
            cost=said.cost,
        )
        await ledger.commit_audit(audit)
        return said

    said = await asyncio.gather(*map(one, rows))
    known = [answer for answer in said if answer is not None]
    return Labelled(len(known), len(said) - len(known), sum(answer.cost for answer in known))


async def _ask(rung: Rung, row: LedgerRow) -> Answer:
    question = Question(
        id=row.id,
        task=row.task,
        text=row.text,
        tenant=row.tenant,
        fields=row.fields,
        turns=row.turns,
        asked_at=row.at,
    )
    async with aclosing(rung.answer(question)) as parts:  # type: ignore[type-var]
        async for part in parts:
            if isinstance(part, Answer) and not part.stands_in:
                return part
    raise RungFailed(rung.name, "It gave no answer of its own.")
