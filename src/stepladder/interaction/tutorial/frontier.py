"""Where each rung stands: right answers on held-out rows, against the time and the money an answer takes."""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

from stepladder.core import Answer, Dataset, Learned, MissingExtra, Question, Task, plugins
from stepladder.interaction.tutorial.place import TASK
from stepladder.interaction.tutorial.support import Message

Seen = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Stand:
    """A rung's share of right answers, median milliseconds an answer, bytes on the disk, and how many were asked."""

    name: str
    accuracy: float
    latency_ms: float
    size: int
    asked: int


def learned(name: str, rung: Learned, size: int, held: Sequence[Message], seen: Seen) -> Stand:
    """Ask a learned rung each held-out row, one by one."""
    right, times = 0, []
    for number, message in enumerate(held):
        began = perf_counter()
        (guess,) = rung.predict([Question(str(number), TASK, message.text)])
        times.append(perf_counter() - began)
        right += guess.text == message.intent
        seen(number + 1)
    return Stand(name, right / len(held), median(times) * 1000, size, len(held))


def fitted(name: str, task: Task, dataset: Dataset, held: Sequence[Message], seen: Seen) -> Stand | None:
    """The same for a rung that is fitted now, on the examples of the release; None where its library is not there."""
    with tempfile.TemporaryDirectory(prefix="stepladder-frontier-") as folder:
        place = Path(folder)
        recipe = plugins.find(plugins.RECIPES, name)()
        try:
            recipe.fit(task, dataset, place, settings={}, seed=0, progress=lambda done, total, what: None)
            rung = plugins.find(plugins.RUNGS, name).load(place, name=name, release="")
        except MissingExtra:
            return None
        return learned(name, rung, size_of(place), held, seen)


def zero_shot(task: Task, held: Sequence[Message], seen: Seen) -> Stand:
    """The small model as it came, told the labels, before any training. Raises MissingExtra, ConfigError."""
    return asyncio.run(_zero_shot(task, held, seen))


async def _zero_shot(task: Task, held: Sequence[Message], seen: Seen) -> Stand:
    from stepladder.models import weights_file

    model = plugins.find(plugins.MODELS, "local").open("smollm2", {"parallel": 1, "queue": 1})
    rung, right, times = model.rung(task), 0, []
    try:
        for number, message in enumerate(held):
            began = perf_counter()
            async with aclosing(rung.answer(Question(str(number), TASK, message.text))) as parts:
                said = [part async for part in parts]
            times.append(perf_counter() - began)
            right += isinstance(said[-1], Answer) and said[-1].text == message.intent
            seen(number + 1)
    finally:
        await model.close()
    size = weights_file("", "").stat().st_size
    return Stand("smollm2, zero-shot", right / len(held), median(times) * 1000, size, len(held))


def size_of(folder: Path) -> int:
    """Bytes of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
