"""The nouns of Stepladder: what every room talks about, frozen so that a snapshot can be shared between tasks.

A noun holds facts and tiny derivations of them; it never does I/O. Times are Unix seconds, latencies milliseconds,
money is in the currency of the configured prices.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from stepladder.core.abuse import Abuse
from stepladder.core.access import CLIENT, Grant
from stepladder.core.answering import Draft, Grounds, Knows, Summing, TaskKind
from stepladder.core.hands import Hands, Purse, ToolUse
from stepladder.core.keeping import SemanticCache
from stepladder.core.passages import Passage
from stepladder.core.promised import Certificate, Promise
from stepladder.core.records import record
from stepladder.core.usage import Usage
from stepladder.core.watching import TaskWatch

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


@record
class Turning:
    """How the flywheel turns for a task: when it fits, how it tries a release out and how it watches it.

    `labels` top answers start the first fit, `growth` times as many (trained on last) start the next one; calibration
    takes at least `calibration` fresh ones, or the share `hold_back` of the labels, which then does not train. A
    candidate gets `canary` of the questions until it has given `canary_answers`. The share `audit` of all questions is
    drawn by a coin and also put to the top rung; while a fitted candidate waits for its calibration beside a live release,
    so many more are that the share `recalibrate` of all is asked twice. No release is tried out that keeps less than the
    promise's target less `forget` on earlier data sets, of which the share `replay` of the training rows is drawn. A fit
    also starts `every_hours` after the last and after `entries` changes of the dictionary. `approve`: a person promotes.
    """

    automatic: bool = True
    labels: int = 1000
    growth: float = 1.5
    calibration: int = 300
    hold_back: float = 0.0
    canary: float = 0.2
    canary_answers: int = 200
    audit: float = 0.05
    recalibrate: float = 0.2
    forget: float = 0.05
    replay: float = 0.0
    every_hours: float = 0.0
    entries: int = 0
    approve: bool = False


OFFLINE = "offline"
"""As a task's `top`: nobody is above the low rungs in service; `labeller` labels and audits offline."""

UNSURE = "unsure"
"""The rung of the answer that is given where, offline, no low rung is sure. What it says is no answer of the ladder's."""


@dataclass(frozen=True, slots=True)
class Unsure:
    """What is said to a question that no low rung is sure of and nobody is above to answer. None: it is refused."""

    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A named job with an input and output contract, a promise and a ladder (top rung last, in `top`).

    With `top` "offline" the model `labeller` is the top rung that the promise speaks of, and is never asked in service.
    """

    name: str
    top: str
    kind: TaskKind = TaskKind.TASK
    prompt: str = ""
    safety_prompt: str = ""
    labels: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    rungs: tuple[str, ...] = ("dictionary", "linear")
    mode: Mode = Mode.LADDER
    caller_system: bool = False
    equal: Equal | None = None
    promise: Promise = field(default_factory=Promise)
    flywheel: Turning = field(default_factory=Turning)
    recipes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    cache_seconds: float = 0.0
    semantic_cache: SemanticCache = field(default_factory=SemanticCache)
    max_output_tokens: int | None = None
    deadline_ms: float | None = None
    labeller: str = ""
    unsure: Unsure = field(default_factory=Unsure)
    knowledge: Knows = field(default_factory=Knows)
    summary: Summing = field(default_factory=Summing)
    watch: TaskWatch = field(default_factory=TaskWatch)
    tools: ToolUse = field(default_factory=ToolUse)
    confidential: bool = False

    @property
    def offline(self) -> bool:
        """Whether nobody is above the low rungs in service."""
        return self.top == OFFLINE

    @property
    def teacher(self) -> str:
        """The model whose answers are learnt, and what the promise is measured by."""
        return self.labeller if self.offline else self.top

    @property
    def equality(self) -> Equal:
        """How answers are compared: as asked for, else by what the contract makes possible."""
        if self.equal is not None:
            return self.equal
        if self.labels:
            return Equal.LABEL
        return Equal.JSON if self.schema is not None else Equal.TEXT


@record
class Turn:
    """One earlier message of the conversation."""

    role: str
    content: str


@record
class Question:
    """One tenant's ask of one task. `text` is the last user message; `turns` are the messages before it.

    `passages` were found for it in the task's knowledge: untrusted text. `user` is whom the tenant asks for, if it says;
    `groups` are the asker's, whose documents it may read; `hands` are the tools that may be used for it. `likely` says how
    many of the most probable answers are to be told, None where no probability is asked for. `most_tokens` is all that a
    budget has reserved for what a model writes at a time, None where there is no budget; `purse` is for further calls.
    """

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
    passages: tuple[Passage, ...] = ()
    user: str = ""
    groups: tuple[str, ...] = ()
    likely: int | None = None
    most_tokens: int | None = None
    hands: Hands | None = field(default=None, compare=False, repr=False)
    purse: Purse | None = field(default=None, compare=False, repr=False)


@record
class Delta:
    """A piece of an answer that is still being written."""

    text: str


@record
class Answer:
    """The output, how sure the rung is (0 to 1), and which rung and release said it, at what cost and latency.

    `source` is "live", or "recorded" where the answer comes from a file and not from a model that ran now. `stands_in`
    marks the word of a fallback: it was given in place of the top rung's, and is no label. `below_promise` marks a low
    answer that was not believed, and was given because the deadline left no time for the top. `grounds` is what an
    answer from documents stands on, `draft` the whole of one that a person is to look at: it stays in the house. `likely`
    are the most probable answers with their probabilities, where the question asks for them and the rung knows them.
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
    stands_in: bool = False
    below_promise: bool = False
    grounds: Grounds | None = None
    likely: tuple[tuple[str, float], ...] = ()
    draft: Draft | None = None


Part = Delta | Answer
"""What a rung yields: any number of deltas, then exactly one Answer holding the whole text."""


@record
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
class LadderRelease:
    """Rung releases, thresholds and certificate together: what is reported in headers, rolled out and rolled back.

    `thresholds` maps each learned rung's name to the confidence at which it is believed (the certificate's floors may ask
    for more); `rungs` maps it to the id of its release; `number` is k in the risk schedule 6 risk / (pi k)^2.
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
class Limits:
    """What may be asked in a minute and spent in a day and a month (UTC). None: as much as one likes."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    budget_day: float | None = None
    budget_month: float | None = None

    def __bool__(self) -> bool:
        """Whether there is any."""
        return self != _UNLIMITED


_UNLIMITED = Limits()


class Reach(StrEnum):
    """Which rungs of a task a class of service may use."""

    ALL = "all"
    TOP = "top"
    """Every question goes straight to the top rung."""
    LOW = "low"
    """The top rung is never asked: a question that the low rungs are unsure of is not answered."""


@dataclass(frozen=True, slots=True)
class ServiceClass:
    """A class of service: what its tenants may ask (`models` empty: every task and model), and how well they are served.

    Of questions that wait for a place, those of the higher `priority` go first; one that waited `wait_seconds` is turned
    away. `concurrency` bounds each tenant's questions under way; `deadline_ms` is that of questions which name none.
    """

    name: str = ""
    models: tuple[str, ...] = ()
    rungs: Reach = Reach.ALL
    priority: int = 0
    deadline_ms: float | None = None
    concurrency: int | None = None
    wait_seconds: float = 10.0
    abuse: Abuse = field(default_factory=Abuse)


@dataclass(frozen=True, slots=True)
class Tenant:
    """Who asks: the tenant a key belongs to, its class of service, its limits and those of each of its keys.

    `key` is the key's name, `expires_at` when it stops opening the door; `grant` says what it may do beside asking. Every
    question of a `confidential` tenant is so. It may read documents of its `groups`, beside those for everybody, and use
    its `tools`. `person` is who asks where a key, an account or a log-in names one; "" is nobody known.
    """

    name: str
    key: str = ""
    expires_at: float | None = None
    service: ServiceClass = field(default_factory=ServiceClass)
    limits: Limits = _UNLIMITED
    each_key: Limits = _UNLIMITED
    grant: Grant = CLIENT
    confidential: bool = False
    training: bool = True  # whether its questions may be learnt from where they do not say themselves
    groups: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    person: str = ""

    @property
    def budgeted(self) -> bool:
        """Whether what it may spend has a bound."""
        return any(
            bound is not None
            for limits in (self.limits, self.each_key)
            for bound in (limits.budget_day, limits.budget_month)
        )

    @property
    def admin(self) -> bool:
        """Whether it has a role, so that it may do more than ask."""
        return self.grant.role is not None
