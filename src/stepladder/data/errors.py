"""Labels that are probably wrong: confident learning on guesses of models that had not seen the label."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from stepladder.core import BadRequest, Example, Guess

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
