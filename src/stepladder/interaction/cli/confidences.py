"""How confidences stand to being right, in stepladder eval: a line of a table, and a curve of its page."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from stepladder.evaluation import Calibrated, Chart, Scores, Table


class Sure(Protocol):
    """A candidate: a confidence for each answer, or none at all."""

    @property
    def name(self) -> str: ...

    @property
    def confidences(self) -> Sequence[float]: ...


def sure(one: Sure, scored: "Scores") -> "Calibrated | None":
    """How its confidences stand to its being right, where it has both: of labels, which are right or wrong."""
    from stepladder.evaluation import calibrated

    if not one.confidences or scored.main != "accuracy":
        return None
    return calibrated(one.confidences, scored.rows.tolist())


def sureness(found: Sequence[Sure], scores: "Sequence[Scores]") -> "Table":
    """A line for each that has both."""
    from stepladder.evaluation import Table

    rows = [
        [one.name, f"{told.error:.2%}", f"{told.over:+.2%}", f"{told.brier:.4f}"]
        for one, scored in zip(found, scores, strict=True)
        if (told := sure(one, scored))
    ]
    return Table("Calibration", ["", "confidence is off by", "surer than right by", "Brier score"], rows)


def curves(found: Sequence[Sure], scores: "Sequence[Scores]") -> "list[Chart]":
    """Accuracy over confidence, a line for each that has both; no chart where none has."""
    from stepladder.evaluation import Chart

    lines = {
        one.name: list(told.curve)
        for one, scored in zip(found, scores, strict=True)
        if (told := sure(one, scored))
    }
    right = {"as it should be": [(0.0, 0.0), (1.0, 1.0)]}
    return (
        [Chart("Accuracy by confidence", "confidence", series=lines | right, percent=True)] if lines else []
    )
