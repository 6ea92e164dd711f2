"""The nouns of Stepladder: what every room talks about, frozen so that a snapshot can be shared between tasks.

A noun holds facts and tiny derivations of them; it never does I/O. Times are Unix seconds, latencies milliseconds,
money is in the currency of the configured prices.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Field = str | int | float | bool | None
"""One value of a question's `fields`: a number, a category, a time in ISO 8601, or nothing."""


class Mode(StrEnum):
    """How a task is answered."""

    LADDER = "ladder"
    """The lowest rung that keeps the promise answers."""
    OBSERVE = "observe"
    """The top answers; the ladder learns and reports what it would have said."""
    TOP = "top"
    """The kill switch: the top answers and the ladder rests."""


class Equal(StrEnum):
    """When two answers of a task count as the same."""

    LABEL = "label"
    JSON = "json"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Promise:
    """With probability at least 1 - risk, a share `target` of all answers of a release agrees with the top rung.

    `horizon` is the number of answers from which on the promise counts: the realised share of fewer answers is
    mostly luck, and the calibration test allows for the luck of exactly that many.
    """

    target: float = 0.95
    risk: float = 0.1
    horizon: int = 2000


@dataclass(frozen=True, slots=True)
class Turning:
    """How the flywheel turns for a task: when it fits, how it tries a release out and how it watches it.

    `labels` top answers start the first fit, `growth` times as many (trained on last) start the next one; calibration
    takes at least `calibration` fresh ones. A candidate gets `canary` of the questions until it has given
    `canary_answers`. The share `audit` of all questions is drawn by a coin and also put to the top rung; while a
    fitted candidate waits for its calibration beside a live release, the share `recalibrate` is.
    """

    automatic: bool = True
    labels: int = 1000
    growth: float = 1.5
    calibration: int = 300
    canary: float = 0.2
    canary_answers: int = 200
    audit: float = 0.05
    recalibrate: float = 0.2


@dataclass(frozen=True, slots=True)
class Task:
    """A named job with an input and output contract, a promise and a ladder (top rung last, in `top`)."""

    name: str
    top: str
    prompt: str = ""
    labels: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    rungs: tuple[str, ...] = ("dictionary", "linear")
    mode: Mode = Mode.LADDER
    caller_system: bool = False
    equal: Equal | None = None
    promise: Promise = field(default_factory=Promise)
    flywheel: Turning = field(default_factory=Turning)
    recipes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def equality(self) -> Equal:
        """How answers are compared: as asked for, else by what the contract makes possible."""
        if self.equal is not None:
            return self.equal
        if self.labels:
            return Equal.LABEL
        return Equal.JSON if self.schema is not None else Equal.TEXT


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier message of the conversation."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Question:
    """One tenant's ask of one task. `text` is the last user message; `turns` are the messages before it."""

    id: str
    task: str
    text: str
    tenant: str = ""
    fields: Mapping[str, Field] = field(default_factory=dict)
    turns: tuple[Turn, ...] = ()
    system: str | None = None
    conversation: str | None = None
    deadline_ms: float | None = None
    force_top: bool = False
    confidential: bool = False
    asked_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens read and written, as the answerer counted them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer that is still being written."""

    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The output, how sure the rung is (0 to 1), and which rung and release said it, at what cost and latency.

    `source` is "live", or "recorded" where the answer comes from a file and not from a model that ran now.
    """

    text: str
    confidence: float
    rung: str
    release: str = ""
    usage: Usage = field(default_factory=Usage)
    cost: float = 0.0
    latency_ms: float = 0.0
    finish_reason: str = "stop"
    source: str = "live"


Part = Delta | Answer
"""What a rung yields: any number of deltas, then exactly one Answer holding the whole text."""


@dataclass(frozen=True, slots=True)
class Guess:
    """A learned rung's answer to one question of a batch."""

    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Example:
    """A question with a trusted label and where it came from.

    `drawn` is True where the label was bought without looking at the question (everything went to the top, or a coin
    fell): only such examples may calibrate. `origin` is "top", "feedback", "review" or "import".
    """

    id: str
    text: str
    label: str
    fields: Mapping[str, Field] = field(default_factory=dict)
    origin: str = "top"
    drawn: bool = True
    gold: str | None = None
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Dataset:
    """A frozen, hash-named set of examples with fixed splits (name of the split -> examples)."""

    hash: str
    task: str
    splits: Mapping[str, tuple[Example, ...]]


@dataclass(frozen=True, slots=True)
class Release:
    """The immutable artefact of one rung: which recipe made it from which dataset, and how good it was found."""

    id: str
    task: str
    rung: str
    recipe: str
    dataset: str
    digest: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    created_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Certificate:
    """The evidence for a ladder release's thresholds: which finite-sample test, on how many, for what, at what risk."""

    test: str
    sample: int
    target: float
    risk: float
    horizon: int
    errors: int
    allowed_errors: int
    low_share: float


@dataclass(frozen=True, slots=True)
class LadderRelease:
    """Rung releases, thresholds and certificate together: what is reported in headers, rolled out and rolled back.

    `thresholds` maps each learned rung's name to the confidence at which it is believed; `rungs` maps it to the id of
    its release; `number` is k in the risk schedule 6 risk / (pi k)^2.
    """

    id: str
    task: str
    number: int
    rungs: Mapping[str, str]
    thresholds: Mapping[str, float]
    certificate: Certificate | None
    top: str
    created_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Rollout:
    """Which ladder release answers a task: `live` (None: the top alone), and a `candidate` with its share.

    `draw` is the share of questions drawn for the top in any case; None leaves it to the task's `audit`.
    """

    task: str
    live: str | None = None
    candidate: str | None = None
    share: float = 0.0
    previous: str | None = None
    version: int = 0
    draw: float | None = None


@dataclass(frozen=True, slots=True)
class Tenant:
    """Who asks. The name of a client key; `admin` may also change things."""

    name: str
    admin: bool = False


class Side(StrEnum):
    """Which way a text goes: in to a model (questions, passages, tool results), or out to the asker."""

    IN = "in"
    OUT = "out"
    BOTH = "both"

    def covers(self, side: "Side") -> bool:
        """Whether a guard of this side looks at texts of `side`."""
        return Side.BOTH in (self, side) or self is side


class Action(StrEnum):
    """What becomes of a text, mildest first."""

    PASS = "pass"
    REDACT = "redact"
    """It goes on with its spans replaced."""
    HOLD = "hold"
    """It waits for a person."""
    BLOCK = "block"

    @property
    def severity(self) -> int:
        """0 (pass) to 3 (block): of two actions the severer one holds."""
        return list(Action).index(self)


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text that a guard means: `text[start:end]`, in characters of the text as it was given."""

    start: int
    end: int
    kind: str
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a guard says of a text. `score` (0 to 1) is how sure it is that something is wrong.

    `reason` is for people and holds nothing of the text. `redacted` is the text that may go on, where the action is
    REDACT; it is None otherwise.
    """

    action: Action = Action.PASS
    categories: tuple[str, ...] = ()
    score: float = 0.0
    spans: tuple[Span, ...] = ()
    reason: str = ""
    redacted: str | None = field(default=None, repr=False)
