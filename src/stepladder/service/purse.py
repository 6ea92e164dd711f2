"""What a question takes beside its answer: a model that writes queries, judges a sentence or notes down a part of a text.

How many such calls there will be is not always known at the door, so each is reserved for before it is made.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from stepladder.core import Answer, Part, Question, Rung, RungFailed, Task, Usage
from stepladder.models import estimate_question
from stepladder.service.parts import closing

MOST_TOKENS = 4096
"""Of an answer, where neither the caller nor the configuration names a bound."""

WORDING = 512
"""Bytes: more than what the contract's wording and a chat template add to a prompt."""


@dataclass(slots=True)
class QuestionPurse:
    """One question's. What was taken stays here until it goes on the bill of an answer, or of what failed.

    `reserve(most)` reserves so much more for the question, and raises TooMany where that is more than its budget allows; None
    where nothing is bounded. `pot` was reserved at the door for such calls.
    """

    reserve: Callable[[float], None] | None = None
    pot: float = 0.0
    usage: Usage = field(default_factory=Usage)
    cost: float = 0.0

    def begin(self, most: float) -> None:
        """A call is to be made that costs `most` at most. Raises TooMany."""
        if most <= self.pot:
            self.pot -= most
        elif self.reserve is not None:
            self.reserve(most)

    def pay(self, most: float, usage: Usage, cost: float) -> None:
        """It is over."""
        self.usage, self.cost = self.usage + usage, self.cost + cost
        self.pot += max(most - cost, 0.0)

    def take(self) -> tuple[Usage, float]:
        """What was taken since this was last asked: it goes on the bill of whoever asks."""
        taken = self.usage, self.cost
        self.usage, self.cost = Usage(), 0.0
        return taken


def purse_of(question: Question) -> tuple[Question, QuestionPurse]:
    """A question that has a purse, and its purse: its own, or a new one that nothing bounds."""
    if isinstance(question.purse, QuestionPurse):
        return question, question.purse
    purse = QuestionPurse()
    return replace(question, purse=purse), purse


async def billed(
    question: Question, answer: Callable[[Question], AsyncIterator[Part]]
) -> AsyncGenerator[Part]:
    """The parts of an answer; the Answer itself, or the RungFailed, has what was taken beside it on its bill."""
    question, purse = purse_of(question)
    try:
        async with aclosing(closing(answer(question))) as parts:
            async for part in parts:
                yield _with(part, *purse.take()) if isinstance(part, Answer) else part
    except RungFailed as error:
        usage, cost = purse.take()
        error.usage, error.cost = error.usage + usage, error.cost + cost
        raise


class Aside:
    """A rung that is asked beside a question's answer: what it takes is paid out of the question's purse."""

    release = ""

    def __init__(self, rung: Rung, task: Task, cost: Callable[[Usage], float]) -> None:
        """`task` is what the rung is put to; `cost` is what tokens cost at most."""
        self.name = rung.name
        self._rung = rung
        self._task = task
        self._cost = cost
        self._prompt = len(str((task.prompt, task.labels, task.schema)).encode()) + WORDING

    async def answer(self, question: Question) -> AsyncIterator[Part]:
        """The rung's parts, with an Answer that is paid for. Raises RungFailed, paid for too; TooMany before it is asked."""
        question, purse = purse_of(question)
        most, text, paid = self._most(question), "", False
        purse.begin(most)
        try:
            async with aclosing(closing(self._rung.answer(question))) as parts:
                async for part in parts:
                    if not isinstance(part, Answer):
                        text += part.text
                        yield part
                        continue
                    purse.pay(most, part.usage, part.cost)
                    paid = True
                    yield replace(part, usage=Usage(), cost=0.0)
        except RungFailed as error:
            if not paid:
                purse.pay(most, error.usage, error.cost)
                paid = True
            error.usage, error.cost = Usage(), 0.0
            raise
        finally:
            if not paid:  # it was left: what it had read and written may well be on a bill
                usage = estimate_question(question, self._task.prompt, text)
                purse.pay(most, usage, min(self._cost(usage), most))

    def _most(self, question: Question) -> float:
        turns = sum(len(turn.content.encode("utf-8", "replace")) for turn in question.turns)
        read = self._prompt + turns + len(question.text.encode("utf-8", "replace"))
        return self._cost(Usage(read, question.most_tokens or MOST_TOKENS))


def _with(answer: Answer, usage: Usage, cost: float) -> Answer:
    return replace(answer, usage=answer.usage + usage, cost=answer.cost + cost)
