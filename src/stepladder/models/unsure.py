"""The rung in the place of the top where a task has none in service."""

from collections.abc import AsyncIterator

from stepladder.core import UNSURE, Answer, Part, Question, RungFailed, Task


class UnsureRung:
    """Says the task's word for "nobody is sure", at confidence 0, or refuses. It asks nobody.

    Its answer stands in for one: it is never kept, never learnt and never counted as the top's.
    """

    __slots__ = ("_said", "_task")

    name = UNSURE
    release = ""

    def __init__(self, task: Task) -> None:
        self._task, self._said = task.name, task.unsure.answer

    async def answer(self, question: Question) -> AsyncIterator[Part]:
        """Raises RungFailed where the task has no word for it."""
        if self._said is None:
            refused = RungFailed(
                self.name,
                "no rung is sure, and nobody is asked beyond them.",
                remedy=f"It is kept for review. tasks.{self._task}.unsure.answer would be said instead.",
                retryable=False,
            )
            refused.status = 503
            raise refused
        yield Answer(self._said, 0.0, self.name, stands_in=True)
