"""A calibration sample as its rungs judge it, and the thresholds and floors that it certifies."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from stepladder.core import ConfigError, Floor, Guess, Learned, PromiseKind, Question, Task
from stepladder.models import equal, lost, may_be_low
from stepladder.promise import (
    CertifiedThreshold,
    LadderPromise,
    certify_answered,
    certify_label,
    certify_ladder,
    certify_part,
)
from stepladder.store import LabelledRow

Losing = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class Sample:
    """Questions drawn at random, each rung's guesses, who asked, and the true answers: the top's, or trusted labels.

    `truths` are None where no trusted label is known: nothing is right there.
    """

    guesses: dict[str, list[Guess]]
    tenants: list[str]
    truths: list[str | None]

    @classmethod
    def of(cls, task: Task, rungs: Sequence[Learned], rows: Sequence[LabelledRow]) -> "Sample":
        """Let every rung guess."""
        questions = [
            Question(
                id=row.id,
                task=task.name,
                text=row.text,
                tenant=row.tenant,
                fields=row.fields,
                asked_at=row.at,
            )
            for row in rows
        ]
        return cls(
            {rung.name: rung.predict(questions) for rung in rungs},
            [row.tenant for row in rows],
            [true_answer(task, row) for row in rows],
        )

    def thresholds(self, task: Task, promise: LadderPromise) -> dict[str, CertifiedThreshold]:
        """Each rung's threshold for what the task promises."""

        def losing(answer: str, truth: str) -> bool:
            return lost(task, answer, truth)

        names = list(self.guesses)
        if task.offline:
            return self._answered(task, promise)
        if not task.promise.kind.one_sided:
            whole = [(self._scores(name), self._wrong(name, losing)) for name in names]
            return dict(zip(names, certify_ladder(whole, promise), strict=True))
        part, risk = Fraction(1, len(names)), promise.risk / len(names)
        certify = certify_part if task.promise.kind is PromiseKind.RECALL else certify_label
        positive = self._named(task, task.promise.positive or "")
        return {
            name: certify(
                self._scores(name),
                self._wrong(name, losing),
                positive,
                target=promise.target,
                risk=risk,
                share=part,
            )
            for name in names
        }

    def _answered(self, task: Task, promise: LadderPromise) -> dict[str, CertifiedThreshold]:
        """Where nobody answers what is left, the promise is over the low answers alone."""
        if len(self.guesses) > 1:
            raise ConfigError(
                f'tasks.{task.name}: with top = "offline" one learned rung is certified, not {len(self.guesses)}.',
                param=f"tasks.{task.name}.rungs",
                remedy="Keep one; `stack` is several in one.",
            )
        ((name, _),) = self.guesses.items()
        wrong = self._wrong(name, lambda answer, truth: not equal(task, answer, truth))
        scores = self._scores(name)
        return {name: certify_answered(scores, wrong, target=promise.target, risk=promise.risk)}

    def floors(self, task: Task, rung: str, risk: float) -> list[Floor]:
        """What `rung` needs for an answer of a label, or of a tenant's question, to be believed at its floor.

        Each floor spends a rung's part of the risk and of the errors for itself.
        """
        found = [Floor(rung, None, 1.0, label=label) for label in task.labels if not may_be_low(task, label)]
        shut = {floor.label for floor in found}
        floors, part, risk = task.promise.floors, Fraction(1, len(self.guesses)), risk / len(self.guesses)
        scores = self._scores(rung)
        for label, target in floors.of_labels(task.labels).items():
            if label not in shut:
                wrong = self._wrong(rung, _says(task, label))
                named = self._named(task, label)
                kept = certify_label(scores, wrong, named, target=target, risk=risk, share=part)
                found.append(_floor(rung, kept, target, label=label))
        for tenant, target in floors.tenants.items():
            wrong = self._wrong(rung, lambda answer, truth: not equal(task, answer, truth))
            theirs = [asker == tenant for asker in self.tenants]
            kept = certify_part(scores, wrong, theirs, target=target, risk=risk, share=part)
            found.append(_floor(rung, kept, target, tenant=tenant))
        return found

    def _scores(self, rung: str) -> list[float]:
        return [guess.confidence for guess in self.guesses[rung]]

    def _wrong(self, rung: str, losing: Losing) -> list[bool]:
        said = zip(self.guesses[rung], self.truths, strict=True)
        return [truth is None or losing(guess.text, truth) for guess, truth in said]

    def _named(self, task: Task, label: str) -> list[bool]:
        return [truth is not None and equal(task, truth, label) for truth in self.truths]


def true_answer(task: Task, row: LabelledRow) -> str | None:
    """What an answer to this row is measured by."""
    return row.correction if task.promise.kind is PromiseKind.ERROR else row.top_answer


def _says(task: Task, label: str) -> Losing:
    return lambda answer, truth: equal(task, answer, label) and not equal(task, truth, label)


def _floor(
    rung: str, kept: CertifiedThreshold, target: float, *, label: str | None = None, tenant: str | None = None
) -> Floor:
    return Floor(
        rung,
        kept.threshold if kept.certified else None,
        target,
        label,
        tenant,
        kept.sample,
        kept.errors,
        kept.allowed_errors,
    )
