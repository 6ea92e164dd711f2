"""A hard question broken down by a big model: what it is told, what it says, and how the answers come together again."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stepladder.core import Split, Task

_FENCE = re.compile(r"\s*```\w*\s*\n(.*)\n\s*```\s*", re.DOTALL)
_MOST_CHARS = 4000
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class SubQuestion:
    """A question that is a part of another, and the task that is to answer it."""

    task: str
    question: str


def told(split: Split, tasks: Mapping[str, Task], question: str) -> str:
    """What the model is asked that breaks a question down."""
    able = "\n".join(_line(tasks[name]) for name in split.tasks if name in tasks)
    return (
        "Break the question below down into smaller questions. Each one must make sense by itself, be written in the "
        "language of the question, and be answered by one of these tasks:\n"
        f'{able}\n\nAnswer with JSON and nothing else: {{"parts": [{{"task": "...", "question": "..."}}]}}, with '
        f'{split.most} parts at most. If it cannot be broken down so, answer {{"parts": []}}.\n\n'
        f"Question:\n{question}"
    )


def shape(split: Split) -> dict[str, Any]:
    """The same as OpenAI's `response_format`."""
    one = {
        "type": "object",
        "properties": {
            "task": {"type": "string", "enum": list(split.tasks)},
            "question": {"type": "string"},
        },
        "required": ["task", "question"],
        "additionalProperties": False,
    }
    schema = {
        "type": "object",
        "properties": {"parts": {"type": "array", "items": one}},
        "required": ["parts"],
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": "parts", "schema": schema, "strict": True}}


def parts_of(said: str, split: Split) -> list[SubQuestion]:
    """The parts that were named, as many as are allowed; none where they cannot be read, or not all be answered."""
    fenced = _FENCE.fullmatch(said)
    try:
        named = json.loads(fenced[1] if fenced else said)["parts"]
        found = [SubQuestion(str(one["task"]), str(one["question"]).strip()) for one in named]
    except (ValueError, TypeError, KeyError, RecursionError):
        return []
    fit = all(
        part.task in split.tasks and part.question and len(part.question) <= _MOST_CHARS for part in found
    )
    return list(dict.fromkeys(found)) if fit and len(found) <= split.most else []


def composed(question: str, answered: Sequence[tuple[SubQuestion, str]]) -> str:
    """What the model is asked that puts the answers together."""
    lines = "\n".join(
        f"{number}. {part.question}\n   {answer}" for number, (part, answer) in enumerate(answered, 1)
    )
    return (
        f"{question}\n\nThis question was broken down, and its parts were answered:\n{lines}\n\n"
        "Answer the question out of these answers, in its language."
    )


def _line(task: Task) -> str:
    what = task.prompt.strip().replace("\n", " ")
    labels = f" (one of: {', '.join(task.labels[:_SHOWN])})" if task.labels else ""
    return f"- {task.name}: {what}{labels}".rstrip(": ")
