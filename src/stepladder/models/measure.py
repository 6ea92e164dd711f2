"""What a task's promise counts: which answers it speaks of, which of them are lost, and which may be given low at all."""

from stepladder.core import PromiseKind, Task
from stepladder.models.contract import equal


def speaks_of(task: Task, answer: str, truth: str) -> bool:
    """Whether the promise speaks of this answer to a question whose true answer is `truth`."""
    positive = task.promise.positive or ""
    match task.promise.kind:
        case PromiseKind.RECALL:
            return equal(task, truth, positive)
        case PromiseKind.PRECISION:
            return equal(task, answer, positive) or equal(task, truth, positive)
        case _:
            return True


def lost(task: Task, answer: str, truth: str) -> bool:
    """Whether the promise speaks of this answer and counts it as wrong."""
    if task.promise.kind is PromiseKind.PRECISION and not equal(task, answer, task.promise.positive or ""):
        return False
    return speaks_of(task, answer, truth) and not equal(task, answer, truth)


def may_be_low(task: Task, answer: str) -> bool:
    """Whether a low rung may give this answer. What a promise cannot lose by, it does not vouch for either: such
    answers climb. (With recall these are the positives found, with precision all the others.)"""
    match task.promise.kind:
        case PromiseKind.RECALL:
            return not equal(task, answer, task.promise.positive or "")
        case PromiseKind.PRECISION:
            return equal(task, answer, task.promise.positive or "")
        case _:
            return True
