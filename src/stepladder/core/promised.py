"""What a task promises, and the evidence that it is kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class PromiseKind(StrEnum):
    """What the target is a share of."""

    AGREEMENT = "agreement"
    """Of all answers, low and top together: so many equal what the top rung would have said."""
    ERROR = "error"
    """Of all answers: all but so many are the top's own, or right by a trusted label."""
    RECALL = "recall"
    """Of the questions to which the top would say `positive`: so many are answered so."""
    PRECISION = "precision"
    """Of the answers `positive`: to so many questions the top would have said the same."""

    @property
    def one_sided(self) -> bool:
        """Whether it is about one label, `positive`."""
        return self in (PromiseKind.RECALL, PromiseKind.PRECISION)


@dataclass(frozen=True, slots=True)
class Floors:
    """Parts that keep a share of their own: of the answers with a label, and of the answers to a tenant, so many equal
    what the top would have said, each with probability 1 - risk. `every_label` is the floor of labels not named."""

    every_label: float | None = None
    labels: Mapping[str, float] = field(default_factory=dict)
    tenants: Mapping[str, float] = field(default_factory=dict)

    def of_labels(self, known: tuple[str, ...]) -> dict[str, float]:
        """Each label's floor, where it has one."""
        every = dict.fromkeys(known, self.every_label) if self.every_label is not None else {}
        return {**every, **self.labels}


@dataclass(frozen=True, slots=True)
class Promise:
    """With probability at least 1 - risk, a share `target` of what `kind` speaks of is kept by a release.

    `horizon` is the number of answers from which on the promise counts: the realised share of fewer answers is
    mostly luck, and the calibration test allows for the luck of exactly that many. Recall, precision and floors
    are shares in the long run.
    """

    target: float = 0.95
    risk: float = 0.1
    horizon: int = 2000
    kind: PromiseKind = PromiseKind.AGREEMENT
    positive: str | None = None
    floors: Floors = field(default_factory=Floors)


@dataclass(frozen=True, slots=True)
class Floor:
    """The confidence from which `rung` is believed where its answer is `label`, or the asker `tenant`.

    None: never, for want of evidence or since the promise does not speak of such answers. `sample` questions are the
    evidence, `errors` of them were wrong above the threshold, of `allowed_errors`.
    """

    rung: str
    threshold: float | None
    target: float
    label: str | None = None
    tenant: str | None = None
    sample: int = 0
    errors: int = 0
    allowed_errors: int = -1


@dataclass(frozen=True, slots=True)
class Certificate:
    """The evidence for a ladder release's thresholds: which finite-sample test, on how many, for what, at what risk.

    `sample` questions were drawn, `spoken_of` of them were those that the promise speaks of. `coverage` is a lower bound
    of the share that is answered low (at the same risk), `low_share` what the sample showed.
    """

    test: str
    sample: int
    target: float
    risk: float
    horizon: int
    errors: int
    allowed_errors: int
    low_share: float
    kind: PromiseKind = PromiseKind.AGREEMENT
    positive: str | None = None
    spoken_of: int | None = None
    coverage: float = 0.0
    floors: tuple[Floor, ...] = ()
