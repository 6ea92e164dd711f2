"""The score of a backtest: calls avoided, agreement and accuracy, as they came about."""

from collections import Counter
from dataclasses import dataclass

from stepladder.data import LogRow

_POINTS = 100
_BINS = 10


@dataclass(frozen=True, slots=True)
class Point:
    """The score after `row` rows of the log: shares so far, and over the rows since the point before."""

    row: int
    calls_avoided: float
    agreement: float
    recent_calls_avoided: float
    recent_agreement: float


@dataclass(frozen=True, slots=True)
class Bin:
    """Low answers of about one confidence: its mean, and the share of them that agreed with the top."""

    answers: int
    confidence: float
    agreement: float


@dataclass(frozen=True, slots=True)
class ClassScore:
    """An answer as low rungs gave it: how often, with what confidence on average, and how many agreed with the top."""

    answer: str
    answers: int
    confidence: float
    agreement: float


@dataclass(frozen=True, slots=True)
class Spell:
    """A release's time in service, from row `first` of the log: answers, how many of them low, how many wrong (not the
    top's), and how many were put to the top only to be looked at (`audits`). `ended` says why it went, "" where it has not."""

    release: str
    first: int
    answers: int = 0
    low: int = 0
    wrong: int = 0
    audits: int = 0
    ended: str = ""


class Score:
    """Counts over the rows after the first `labels`; the first ones train and are left out."""

    def __init__(self, labels: int, rows: int) -> None:
        self._labels = labels
        self._every = max(1, (rows - labels) // _POINTS)
        self._marks: list[tuple[int, int, int]] = []
        self._seen = self._count = self._avoided = self._agreed = 0
        self._gold = self._right = self._top_right = 0
        self._spoken_of = self._lost = 0
        self.audits = 0
        self.by_rung: Counter[str] = Counter()
        self._low: list[tuple[str, float, bool]] = []

    def add(
        self, row: LogRow, answer: str, rung: str, *, sent: bool, agreed: bool, lost: bool | None = None
    ) -> None:
        """One answer: what was said and by which rung, whether the top was called, whether it equals the top's.

        `lost` is whether the promise counts it as wrong, None where it does not speak of it.
        """
        self._seen += 1
        if self._seen <= self._labels:
            return
        self._count += 1
        self._avoided += not sent
        self._agreed += agreed
        self._spoken_of += lost is not None
        self._lost += bool(lost)
        self.by_rung[rung] += 1
        if row.gold is not None:
            self._gold += 1
            self._right += answer.strip() == row.gold.strip()
            self._top_right += row.answer.strip() == row.gold.strip()
        if self._count % self._every == 0:
            self._marks.append((self._count, self._avoided, self._agreed))

    def add_low(self, answer: str, confidence: float, *, agreed: bool) -> None:
        """What a low rung was believed in, for `reliability` and `classes`."""
        self._low.append((answer, confidence, agreed))

    def reliability(self) -> tuple[Bin, ...]:
        """Low answers in about ten bins of equal size, by rising confidence."""
        ranked = sorted((confidence, agreed) for _, confidence, agreed in self._low)
        size = max(1, -(-len(ranked) // _BINS))
        parts = (ranked[start : start + size] for start in range(0, len(ranked), size))
        return tuple(
            Bin(
                len(part),
                sum(sure for sure, _ in part) / len(part),
                sum(right for _, right in part) / len(part),
            )
            for part in parts
        )

    def classes(self) -> tuple[ClassScore, ...]:
        """Low answers by what they say, the most frequent first."""
        found: dict[str, list[tuple[float, bool]]] = {}
        for answer, confidence, agreed in self._low:
            found.setdefault(answer, []).append((confidence, agreed))
        return tuple(
            ClassScore(
                answer,
                len(part),
                sum(sure for sure, _ in part) / len(part),
                sum(right for _, right in part) / len(part),
            )
            for answer, part in sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
        )

    @property
    def calls_avoided(self) -> float:
        """Share of rows for which the top was not called."""
        return self._avoided / max(self._count, 1)

    @property
    def agreement(self) -> float:
        """Share of rows whose answer equals the top's."""
        return self._agreed / max(self._count, 1)

    @property
    def kept(self) -> float | None:
        """Of the rows that the promise speaks of, the share that is not lost."""
        return 1 - self._lost / self._spoken_of if self._spoken_of else None

    @property
    def accuracy_gold(self) -> float | None:
        """Share of rows with a gold label that were answered with it."""
        return self._right / self._gold if self._gold else None

    @property
    def top_accuracy_gold(self) -> float | None:
        """The same, had the top answered all of them."""
        return self._top_right / self._gold if self._gold else None

    def series(self) -> tuple[Point, ...]:
        """About a hundred points, for plots."""
        points, before = [], (0, 0, 0)
        for count, avoided, agreed in self._marks:
            span = count - before[0]
            recent = (avoided - before[1]) / span, (agreed - before[2]) / span
            points.append(Point(self._labels + count, avoided / count, agreed / count, *recent))
            before = (count, avoided, agreed)
        return tuple(points)
