"""Two answers before a judge: asked twice, with the places changed, since judges like the place as well as the answer.

Zheng et al. 2023 ("Judging LLM-as-a-judge", arXiv 2306.05685): only a verdict that stays when the answers change places
counts; else it is a draw. How often the judge only liked a place is told, and how far it agrees with people, by Cohen's
kappa (1960).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

VERDICTS = ("first", "second", "equal")
PROMPT = (
    "Two answers to the same question follow. Which is better: more correct, more helpful, nothing made up? Length does "
    "not count, nor does the order. Say first, second or equal."
)
_OTHER = {"first": "second", "second": "first", "equal": "equal"}


@dataclass(frozen=True, slots=True)
class Duels:
    """Of `rows` pairs the first candidate won, lost, or it was a draw. In `swayed` of them the verdict went with the place.

    Where people judged `people` of the pairs, `agreement` is the share on which the judge says the same, `kappa` that
    beyond chance; `verdicts` has one a row.
    """

    rows: int
    won: int
    lost: int
    drawn: int
    swayed: int
    verdicts: tuple[str, ...]
    people: int = 0
    agreement: float = 0.0
    kappa: float = 0.0

    @property
    def score(self) -> float:
        """Wins, and half of the draws, as a share of all."""
        return (self.won + self.drawn / 2) / self.rows if self.rows else 0.0


def questions(asked: str, one: str, other: str) -> tuple[str, str]:
    """What a judge is asked: with the first answer first, and with the places changed."""
    return _question(asked, one, other), _question(asked, other, one)


def judged(plain: Sequence[str], swapped: Sequence[str], people: Sequence[str | None] = ()) -> Duels:
    """From the judge's verdicts in both orders, and people's of the first order (None: nobody judged)."""
    verdicts = tuple(
        one if one == _OTHER.get(other) else "equal" for one, other in zip(plain, swapped, strict=True)
    )
    swayed = sum(one == other != "equal" for one, other in zip(plain, swapped, strict=True))
    counts = Counter(verdicts)
    both = [
        (said, wanted)
        for said, wanted in zip(verdicts, people or [None] * len(verdicts), strict=True)
        if wanted
    ]
    pairs = [(said, wanted) for said, wanted in both if wanted]
    same = sum(said == wanted for said, wanted in pairs) / len(pairs) if pairs else 0.0
    return Duels(
        len(verdicts),
        counts["first"],
        counts["second"],
        counts["equal"],
        swayed,
        verdicts,
        len(pairs),
        same,
        kappa(pairs),
    )


def kappa(pairs: Sequence[tuple[str, str | None]]) -> float:
    """Agreement beyond chance: 0 where there is none, 1 where both always say the same."""
    if not pairs:
        return 0.0
    same = sum(one == other for one, other in pairs) / len(pairs)
    here, there = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    chance = sum(here[name] * there[name] for name in here) / len(pairs) ** 2
    return 1.0 if chance == 1 else (same - chance) / (1 - chance)


def _question(asked: str, one: str, other: str) -> str:
    return f"QUESTION\n{asked}\n\nFIRST ANSWER\n{one}\n\nSECOND ANSWER\n{other}"
