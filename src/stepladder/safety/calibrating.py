"""A classifier's threshold from a tenant's own harmless traffic: what is odd elsewhere may be usual here, and the reverse."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, log
from typing import Protocol

from stepladder.core import DataError, Turn
from stepladder.promise import clopper_pearson_upper

Asked = tuple[str, Sequence[Turn]]
_LEAST, _MOST = 0.1, 0.99


class Straining(Protocol):
    """A guard with a threshold."""

    name: str

    def strain(self, text: str, turns: Sequence[Turn] = ()) -> float:
        """The highest threshold at which the text would be flagged."""
        ...


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A guard's threshold, and how many of the texts it came from it flags."""

    guard: str
    threshold: float
    flagged: int
    texts: int


def calibrated(guard: Straining, asked: Iterable[Asked], *, rate: float, risk: float = 0.05) -> Calibrated:
    """Return the lowest threshold that flags at most a share `rate` of traffic like `asked`, with confidence 1 - `risk`.

    The bound is Clopper and Pearson's for the order statistic that the threshold stands on (Wilks 1941): it holds for
    texts drawn from the same traffic. No threshold is below 0.1 or above 0.99. Raises DataError where the texts are too
    few for such a bound.
    """
    if not 0 < rate < 1:
        raise DataError(f"rate is {rate}.", remedy="Give a share between 0 and 1, such as 0.01.")
    strains = sorted((guard.strain(text, turns) for text, turns in asked), reverse=True)
    count, needed = len(strains), ceil(log(risk) / log(1 - rate))
    if count < needed:
        raise DataError(
            f"{count} texts cannot show that at most {rate:.1%} are flagged.",
            remedy=f"Wait for {needed}, or allow more false alarms.",
        )
    spare = 0
    while clopper_pearson_upper(spare + 1, count, risk) <= rate:
        spare += 1
    threshold = min(max(ceil(strains[spare] * 1e4 + 1) / 1e4, _LEAST), _MOST)
    return Calibrated(guard.name, threshold, sum(strain >= threshold for strain in strains), count)
