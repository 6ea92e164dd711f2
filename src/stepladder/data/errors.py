"""Labels that are probably wrong: confident guesses of models that had not seen them disagree, or near-copies do."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from stepladder.core import BadRequest, Example, Guess
from stepladder.data.duplicates import Duplicates

_SHARE = 0.8  # of the usual confidence: on planted errors this finds more than it accuses wrongly (benchmarks/data.py)


@dataclass(frozen=True, slots=True)
class Suspect:
    """An example whose label is probably wrong: what it says, what it should rather say, and how sure that is (0 to 1)."""

    index: int
    example: Example
    suggestion: str
    confidence: float


def find_label_errors(examples: Sequence[Example], guesses: Sequence[Guess]) -> list[Suspect]:
    """The examples whose out-of-fold guess disagrees confidently, surest first.

    `guesses` are in the order of the examples, each by a model that had not seen that example. A disagreement counts
    when the guess is at least as confident as guesses of that label are on average where label and guess agree: the
    per-class threshold of Northcutt, Jiang and Chuang 2021 ("Confident learning", arXiv 1911.00068), with the top guess
    in place of all classes' probabilities. Raises BadRequest where the two differ in number.
    """
    if len(examples) != len(guesses):
        raise BadRequest(
            f"There are {len(examples)} examples and {len(guesses)} guesses.",
            param="guesses",
            remedy="Give one guess for each example, in the same order.",
        )
    agreed: dict[str, list[float]] = defaultdict(list)
    for example, guess in zip(examples, guesses, strict=True):
        if example.label == guess.text:
            agreed[guess.text].append(guess.confidence)
    sure = {label: sum(found) / len(found) for label, found in agreed.items()}
    suspects = [
        Suspect(at, example, guess.text, guess.confidence)
        for at, (example, guess) in enumerate(zip(examples, guesses, strict=True))
        if example.label != guess.text and guess.confidence >= _SHARE * sure.get(guess.text, 1.0)
    ]
    return sorted(suspects, key=lambda suspect: -suspect.confidence)


def find_conflicts(examples: Sequence[Example], duplicates: Duplicates) -> list[Suspect]:
    """Near-copies with different labels: each that does not say what more than half of its like say, surest first.

    The suggestion is what most of the others say, and how sure it is their share. Where labels are even, all are suspects.
    """
    suspects = []
    for group in duplicates.clusters():
        said = Counter(examples[at].label for at in group.tolist())
        for at in group.tolist() if len(said) > 1 else ():
            own = examples[at].label
            if 2 * said[own] > len(group):
                continue
            other, count = (said - Counter({own: said[own]})).most_common(1)[0]
            suspects.append(Suspect(at, examples[at], other, count / len(group)))
    return sorted(suspects, key=lambda suspect: -suspect.confidence)
