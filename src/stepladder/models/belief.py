"""From which confidence a ladder release believes its rungs."""

from collections.abc import Iterable, Mapping
from math import inf

from stepladder.core import Floor, LadderRelease
from stepladder.models.dictionary import DictionaryRung


class Belief:
    """Thresholds by rung, and floors that ask for more by what is answered and who asks.

    A rung without a threshold is never believed: without a certificate it can keep no promise. The dictionary needs none,
    its word is the owner's.
    """

    __slots__ = ("_labels", "_tenants", "thresholds")

    def __init__(self, thresholds: Mapping[str, float], floors: Iterable[Floor] = ()) -> None:
        self.thresholds = thresholds
        self._labels: dict[tuple[str, str], float] = {}
        self._tenants: dict[tuple[str, str], float] = {}
        for floor in floors:
            least = inf if floor.threshold is None else floor.threshold
            if floor.label is not None:
                self._labels[floor.rung, floor.label] = least
            elif floor.tenant is not None:
                self._tenants[floor.rung, floor.tenant] = least

    @classmethod
    def of(cls, release: LadderRelease) -> "Belief":
        """That of a release, by its certificate."""
        return cls(release.thresholds, release.certificate.floors if release.certificate else ())

    def needed(self, rung: str, answer: str, tenant: str) -> float:
        """The least confidence at which `rung` is believed to say `answer` to `tenant`; infinity: never."""
        needed = self.thresholds.get(rung, 1.0 if rung == DictionaryRung.name else inf)
        if self._labels:
            needed = max(needed, self._labels.get((rung, answer), 0.0))
        if self._tenants:
            needed = max(needed, self._tenants.get((rung, tenant), 0.0))
        return needed
