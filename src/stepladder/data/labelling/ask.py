"""Rows put to teachers in bulk: at a rate, within a budget, again where a server fails, and never twice what is known."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from stepladder.core import Answer, Progress, Question, Rung, RungFailed, Task, UpstreamFailed, Usage
from stepladder.data.labelling.journal import Journal, Line
from stepladder.models import estimate_question, prompt_for

_PROSE_TOKENS, _JSON_TOKENS = 400, 200
_HOPELESS = 50
_REFUSES_US = (401, 402, 403, 404)


@dataclass(frozen=True, slots=True)
class Teacher:
    """A model that labels: its rung for the task, and what so many tokens of it cost."""

    name: str
    rung: Rung
    price: Callable[[Usage], float]


@dataclass(frozen=True, slots=True)
class Terms:
    """How to ask. `budget` bounds the money of the whole journal, `per_minute` the calls begun, also again; None: no bound.

    The share `twice` of the rows is asked twice of every teacher, to see how far each agrees with itself. A call that
    failed is tried again `retries` times, after `pause` seconds, doubling up to a minute.
    """

    budget: float | None = None
    per_minute: float | None = None
    at_once: int = 16
    retries: int = 6
    twice: float = 0.0
    pause: float = 0.5


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to one teacher; `repeat` is 1 where it is asked a second time."""

    key: str
    teacher: Teacher
    row: int
    repeat: int = 0


@dataclass(slots=True)
class Asked:
    """How a run went: questions asked and answered now, given up after retries, and whether the budget stopped it."""

    asked: int = 0
    failed: int = 0
    stopped: bool = False
    last_error: str = ""


class Questions:
    """The questions of a file's rows to a task's teachers: their names, their order, and about what they cost."""

    def __init__(
        self, rows: Sequence[Mapping[str, Any]], text: str, task: Task, teachers: Sequence[Teacher]
    ) -> None:
        self.rows, self.text, self.task, self.teachers = rows, text, task, teachers
        contract = [task.prompt, list(task.labels), task.schema]
        self._contract = json.dumps(contract, sort_keys=True, ensure_ascii=False).encode()

    def key(self, teacher: str, row: Mapping[str, Any], repeat: int = 0) -> str:
        """Names contract, teacher and what is asked: equal rows are asked once, changed ones anew."""
        told = json.dumps(
            [teacher, row[self.text], row.get("fields"), repeat], sort_keys=True, ensure_ascii=False
        )
        return blake2b(self._contract + told.encode("utf-8", "replace"), digest_size=16).hexdigest()

    def question(self, ask: Ask) -> Question:
        """The question as the rung takes it."""
        row = self.rows[ask.row]
        return Question(ask.key, self.task.name, row[self.text], fields=row.get("fields") or {})

    def all(self, twice: float = 0.0) -> Iterator[Ask]:
        """Every question once, those of one row together."""
        seen: set[str] = set()
        for at in range(len(self.rows)):
            row = self.rows[at]
            for teacher in self.teachers:
                for repeat in range(2 if self.drawn(row, twice) else 1):
                    key = self.key(teacher.name, row, repeat)
                    if key not in seen:
                        seen.add(key)
                        yield Ask(key, teacher, at, repeat)

    def drawn(self, row: Mapping[str, Any], share: float) -> bool:
        """Whether a row is asked twice: by its own hash, so that every run draws the same rows."""
        return share > 0 and int(self.key("", row)[:8], 16) < share * 2**32

    def price(self, ask: Ask, *, most: bool = False) -> float:
        """About what a question costs; `most`: what it may cost at most, a token a byte of the prompt."""
        question = self.question(ask)
        prompt = "\n".join(message["content"] for message in prompt_for(self.task, question))
        answer = self.task.max_output_tokens or self._tokens()
        asked = (
            estimate_question(question, prompt, "").prompt_tokens
            - estimate_question(question, "", "").prompt_tokens
        )
        read = len(prompt.encode("utf-8", "replace")) + 64 if most else asked
        return ask.teacher.price(Usage(read, answer if most else max(1, answer // 2)))

    def _tokens(self) -> int:
        if self.task.labels:
            return 8 + max(len(label.encode()) for label in self.task.labels)
        return _PROSE_TOKENS if self.task.schema is None else _JSON_TOKENS


class Budget:
    """Money reserved before a call and settled after it: what is spent and reserved never passes the bound."""

    def __init__(self, bound: float | None, spent: float) -> None:
        self.bound, self.spent, self.reserved = bound, spent, 0.0

    def reserve(self, amount: float) -> bool:
        """Take an amount, if it is there."""
        if self.bound is not None and self.spent + self.reserved + amount > self.bound:
            return False
        self.reserved += amount
        return True

    def settle(self, amount: float, cost: float) -> None:
        """Give back what was reserved, and pay."""
        self.reserved -= amount
        self.spent += cost


async def ask_all(questions: Questions, journal: Journal, terms: Terms, progress: Progress) -> Asked:
    """Ask what the journal has no answer for. Raises UpstreamFailed where going on is hopeless: a server
    that refuses us, or nothing but failures for fifty calls and more.
    """
    waiting = [ask for ask in questions.all(terms.twice) if ask.key not in journal.known.ended]
    run = _Run(questions, journal, terms, progress, waiting)
    async with asyncio.TaskGroup() as group:
        for _ in range(min(terms.at_once, len(waiting))):
            group.create_task(run.work())
    if run.error is not None:
        raise run.error
    return run.asked


class _Run:
    """What the workers share."""

    def __init__(
        self, questions: Questions, journal: Journal, terms: Terms, progress: Progress, waiting: Sequence[Ask]
    ) -> None:
        self._questions, self._journal, self._terms, self._tell = questions, journal, terms, progress
        self._waiting, self._total = iter(waiting), len(waiting)
        doubtful = sum(journal.known.doubtful.values())
        self._budget = Budget(terms.budget, journal.known.spent + doubtful)
        self._next = 0.0
        self._row_of_failures = 0
        self.asked = Asked()
        self.error: UpstreamFailed | None = None

    async def work(self) -> None:
        """Take questions until none is left, the money is, or it is hopeless."""
        while (
            self.error is None and not self.asked.stopped and (ask := next(self._waiting, None)) is not None
        ):
            most = self._questions.price(ask, most=True)
            doubt = self._journal.known.doubtful.get(ask.key, 0.0)
            self._budget.spent -= doubt
            if not self._budget.reserve(most):
                self._budget.spent += doubt
                self.asked.stopped = True
                return
            await self._turn()
            self._journal.write(Line(ask.key, most))
            line = await self._answered(ask)
            if line is not None:
                self._journal.write(line)
                self._budget.settle(most, line.cost)
                self.asked.asked += 1
            else:
                self._budget.settle(most, most)
                self.asked.failed += 1
            self._tell(self.asked.asked + self.asked.failed, self._total, f"{self._budget.spent:.4f} spent")

    async def _turn(self) -> None:
        """Wait for one's turn at `per_minute`."""
        if self._terms.per_minute:
            now = asyncio.get_running_loop().time()
            at = max(now, self._next)
            self._next = at + 60.0 / self._terms.per_minute
            if at > now:
                await asyncio.sleep(at - now)

    async def _answered(self, ask: Ask) -> Line | None:
        """The journal's line for an answer or a refusal; None after the last retry failed."""
        question = self._questions.question(ask)
        for attempt in range(self._terms.retries + 1):
            try:
                said = await _said(ask.teacher.rung.answer(question))
            except UpstreamFailed as error:
                if not error.retryable and error.upstream_status not in _REFUSES_US:
                    return Line(ask.key, error.cost, refused=error.message)
                if not await self._patient(error, attempt):
                    return None
            except RungFailed as error:
                return _line(ask.key, error.cost, error.usage, refused=error.message)
            else:
                self._row_of_failures = 0
                return _line(ask.key, said.cost, said.usage, answer=said.text)
        return None

    async def _patient(self, error: UpstreamFailed, attempt: int) -> bool:
        """Wait before another try; False where there is none."""
        self.asked.last_error = error.message
        self._row_of_failures += 1
        if not error.retryable or self._row_of_failures >= max(_HOPELESS, 4 * self._terms.at_once):
            self.error = error
            return False
        if attempt >= self._terms.retries or self.error is not None:
            return False
        drawn = min(60.0, self._terms.pause * 2**attempt) * random.uniform(0.5, 1.0)
        await asyncio.sleep(max(drawn, error.retry_after or 0.0))
        await self._turn()
        return True


async def _said(parts: AsyncIterator[Any]) -> Answer:
    async with aclosing(parts) as answered:  # type: ignore[type-var]
        async for part in answered:
            if isinstance(part, Answer):
                return part
    raise AssertionError("a rung ended without an answer")


def _line(
    key: str, cost: float, usage: Usage, *, answer: str | None = None, refused: str | None = None
) -> Line:
    return Line(key, cost, answer, refused, usage.prompt_tokens, usage.completion_tokens)
