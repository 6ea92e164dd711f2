"""Does a release still know what earlier ones knew? A re-test on the frozen data sets of those that went live before it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from stepladder.core import Dataset, Example, LadderRelease, Learned, Question, Task
from stepladder.models import Belief, lost
from stepladder.registry import Registry
from stepladder.rollout.standing import Standing
from stepladder.store import Store

_SLICE = 500  # rows of a data set that are asked
_FEW = 50  # fewer tell nothing
_KEPT = 5  # data sets, the latest ones


@dataclass(frozen=True, slots=True)
class Retest:
    """Of `rows` of an earlier data set, how many the ladder's low rungs would answer (`low`), and how many of these wrongly."""

    dataset: str
    rows: int
    low: int
    wrong: int

    @property
    def kept(self) -> float:
        """The share that is answered as it was, by a low rung or by the top."""
        return 1 - self.wrong / self.rows


def earlier(registry: Registry, task: Task, standing: Standing) -> Iterator[Dataset]:
    """The data sets of the releases that went live since the last alarm; where they are replayed, before it too."""
    found = (*standing.older, *standing.slices) if task.flywheel.replay else standing.slices
    return (registry.dataset(hash, task.name) for hash in found[-_KEPT:])


def learned_from(store: Store, standing: Standing, ladder: LadderRelease) -> Standing:
    """With the data set of a release that goes live among the slices that later ones are re-tested on."""
    hashes = [found.dataset for id in ladder.rungs.values() if (found := store.catalogue.get_release(id))]
    return standing.remembering(dict.fromkeys(hashes))


def retest(
    task: Task, ladder: LadderRelease, rungs: Sequence[Learned], datasets: Iterable[Dataset]
) -> list[Retest]:
    """Ask the ladder a fixed sample of each data set's training rows. What is lost is what the promise counts as lost."""
    return [
        _one(task, ladder, rungs, dataset.hash, _slice(dataset.splits.get("train", ())))
        for dataset in datasets
        if len(dataset.splits.get("train", ())) >= _FEW
    ]


def forgotten(
    task: Task, ladder: LadderRelease | None, rungs: Sequence[Learned], datasets: Iterable[Dataset]
) -> str:
    """Why a certified release must not be tried out, and what helps; "" where it forgot nothing."""
    found = retest(task, ladder, rungs, datasets) if ladder is not None else []
    bound = task.promise.target - task.flywheel.forget
    worst = min(found, key=lambda one: one.kept, default=None)
    if worst is None or worst.kept >= bound:
        return ""
    return (
        f"It forgot: of {worst.rows} rows of the earlier data set {worst.dataset[:12]} it keeps {worst.kept:.1%}, and "
        f"{bound:.1%} is the least. Mix earlier rows in: tasks.{task.name}.flywheel.replay = 0.3."
    )


def _slice(examples: Sequence[Example]) -> list[Example]:
    """The same rows every time: those whose ids' hashes are smallest."""
    return sorted(examples, key=lambda one: sha256(one.id.encode()).digest())[:_SLICE]


def _one(
    task: Task, ladder: LadderRelease, rungs: Sequence[Learned], hash: str, examples: Sequence[Example]
) -> Retest:
    questions = [Question(one.id, task.name, one.text, fields=one.fields) for one in examples]
    belief = Belief.of(ladder)
    guesses = {rung.name: rung.predict(questions) for rung in rungs if rung.name in ladder.thresholds}
    low = wrong = 0
    for at, example in enumerate(examples):
        for name, said in guesses.items():
            if said[at].confidence >= belief.needed(name, said[at].text, ""):
                low += 1
                wrong += lost(task, said[at].text, example.label)
                break
    return Retest(hash, len(examples), low, wrong)
