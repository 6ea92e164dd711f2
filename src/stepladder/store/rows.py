"""What goes into the store and comes out of it, beside the nouns of `core`. Times are Unix seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from stepladder.core import CLIENT, Field, Grant, Remark, Rollout, Turn, record

FEEDBACK = "feedback"
"""In the review queue, the side of a word of feedback, whose id there is `feedback-` and its own."""


class Pseudonym(str):
    """Under what name the ledger knows a person already: it is written as it is."""

    __slots__ = ()


@record
class LedgerRow:
    """One answered (or failed) question.

    `id` is the request's. `task` is "" for a plain model. `model` is the upstream model that was asked, or, for a task, its
    top model at that time. `ladder_release` is what the answer counts for; of a split, the arm that was drawn. `top` says
    that the top rung spoke, `drawn` that the question's coin fell (or that everything goes to the top). `low_*` is what the
    low rungs said or would have said, where known. `status` is "ok", "partial" (the stream broke off), "failed", or
    "blocked" or "held" by a guard; `error` is "below_promise" where a low answer that was not believed went out because of
    the deadline. `seq` is filled in by the store: it grows with every row. `source` is "cache" for an answer that was given
    before. `estimated` says that nobody counted the tokens, so that they (and the cost) are a guess. `grounds` is what an
    answer from documents stands on, as JSON; `error` is then "unanswered" where it was "I don't know", and "unsupported"
    where a person is to look at what was left out. `remarks` is what guards said. `conversation` is the caller's, "" where
    there is none; with `confidential` it is kept in a table of its own, and not read back. `subject` is the pseudonym of
    the person whom it is about, where the caller said; `training` is False where the caller does not want it learnt from.
    `tools` says which tools were used, as JSON; `parent` is the question that a plan began with, of all others that it
    asked.
    """

    id: str
    at: float
    tenant: str
    task: str
    model: str
    text: str
    fields: Mapping[str, Field] = field(default_factory=dict)
    turns: tuple[Turn, ...] = ()
    answer: str = ""
    rung: str = ""
    release: str = ""
    ladder_release: str = ""
    confidence: float = 0.0
    top: bool = False
    drawn: bool = False
    low_answer: str | None = None
    low_rung: str | None = None
    low_confidence: float | None = None
    status: str = "ok"
    stream: bool = False
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    latency_ms: float = 0.0
    overhead_ms: float = 0.0
    source: str = "live"
    config_hash: str = ""
    error: str = ""
    key: str = ""
    estimated: bool = False
    grounds: str = ""
    remarks: tuple[Remark, ...] = ()
    subject: str = ""
    training: bool = True
    seq: int = 0
    conversation: str = ""
    confidential: bool = False
    tools: str = ""
    parent: str = ""


@record
class Charge:
    """What an answer costs its tenant: `nanos` are billionths of the currency's unit, `day` is as in 20261121 (UTC).

    `slot` is the worker that charges: see `Spending`.
    """

    day: int
    tenant: str
    key: str
    slot: int
    nanos: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Note:
    """One line of the journal: who changed what."""

    at: float
    who: str
    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class AuditRow:
    """What the top rung said to a drawn question that a low rung had answered; `id` is the request's.

    A request has at most one audit. `status` is "ok", or "failed" where the top could not answer; `agreed`
    then means nothing.
    """

    id: str
    at: float
    task: str
    ladder_release: str
    top_answer: str
    agreed: bool
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    latency_ms: float = 0.0
    status: str = "ok"


@dataclass(frozen=True, slots=True)
class FeedbackRow:
    """What a caller says of an answer: the right one, a `score`, or both. The store fills in `id`.

    `key` is the name of the caller's key; "" is the house's own word (a reviewer's, an import's). `state` says whether it
    may teach (see `Word`).
    A request may get several; the latest that holds an answer is its correction.
    """

    request_id: str
    at: float
    tenant: str
    answer: str | None = None
    score: float | None = None
    source: str | None = None
    comment: str | None = None
    id: int = 0
    key: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class AskedRow:
    """What was asked, whoever answered."""

    seq: int
    text: str
    fields: Mapping[str, Field]


@dataclass(frozen=True, slots=True)
class Source:
    """Whoever sends feedback: a tenant's key, and whom it says that it speaks for."""

    tenant: str
    key: str
    name: str


KEPT_OUT = ("held", "refused")
"""States of feedback that teaches nothing, and is nobody's answer."""


@dataclass(frozen=True, slots=True)
class Word:
    """A right answer that feedback tells, with the question, and what the top said to it (None where it was not asked).

    `state` is "" (not judged yet), "in", "held", or a person's decision: "approved", "refused".
    """

    id: int
    seq: int
    request_id: str
    source: Source
    answer: str
    state: str
    text: str
    given: str
    top_answer: str | None


@dataclass(frozen=True, slots=True)
class LabelledRow:
    """A question to learn from: `top_answer` (None where unknown), and feedback's `correction`, if any."""

    seq: int
    id: str
    at: float
    text: str
    fields: Mapping[str, Field]
    top_answer: str | None
    drawn: bool
    ladder_release: str
    low_answer: str | None
    low_confidence: float | None
    correction: str | None
    top_model: str
    tenant: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A drawn question of a ladder release whose top answer is known.

    `low` says that a low rung answered it, `agreed` that the answer given equals the top's (always so where
    the top gave it). `confidence` is the low rungs', where known. `answer` was given, `top_answer` is the top's,
    and `correction` a trusted label, where there is one.
    """

    seq: int
    at: float
    low: bool
    agreed: bool
    confidence: float
    answer: str = ""
    top_answer: str = ""
    correction: str | None = None
    tenant: str = ""


@dataclass(frozen=True, slots=True)
class Latency:
    """Latencies of one rung's answers, in milliseconds (nearest rank)."""

    answers: int
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class TaskSummary:
    """A task's figures over a span of time.

    `answers` counts ok and partial ones, `top_calls` the top's answers and the audits, `avoided` is the share
    of answers for which the top was not called. `agreement` estimates the share of all answers that equal the
    top's from the `drawn` ones, weighting each ladder release by its answers (they are drawn at different
    rates). `cost_if_top` is what all answers would have cost at the mean cost of a top answer. None stands
    for "not known yet".
    """

    task: str
    answers: int
    by_rung: Mapping[str, int]
    top_calls: int
    avoided: float | None
    drawn: int
    agreed: int
    agreement: float | None
    cost: float
    cost_if_top: float | None
    latency: Mapping[str, Latency]
    failed: int
    partial: int


@dataclass(frozen=True, slots=True)
class Key:
    """A key, without its secret: only `last4` of it is known. `admin` says that it has a role, `person` whose it is."""

    name: str
    admin: bool
    last4: str
    created_at: float
    revoked_at: float | None
    tenant: str = ""
    expires_at: float | None = None
    grant: Grant = CLIENT
    groups: tuple[str, ...] = ()
    person: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a rollout's history."""

    at: float
    who: str
    why: str
    rollout: Rollout


@dataclass(frozen=True, slots=True)
class Entry:
    """The owner's word: `answer` for every question whose text is `key`, "exact" or once "normalised".

    Of a "synonym" `answer` is what the documents call it, of a "fact" what is so; a "term" has none.

    The store does not normalise: a "normalised" entry's key has been by whoever puts it.
    """

    task: str
    key: str
    answer: str
    kind: str
    who: str
    at: float


@dataclass(frozen=True, slots=True)
class EntryChange:
    """One edit of the dictionary: what an entry said before and after it (None: there was none).

    `undoes` is the edit that this one takes back.
    """

    id: int
    task: str
    kind: str
    key: str
    before: str | None
    after: str | None
    undoes: int | None
    who: str
    at: float


@dataclass(frozen=True, slots=True)
class DatasetCard:
    """A frozen dataset without its examples; `sizes` maps each split to its number of them."""

    hash: str
    task: str
    sizes: Mapping[str, int]
    created_at: float


@dataclass(frozen=True, slots=True)
class Stage:
    """How far the flywheel is with a task."""

    task: str
    stage: str
    done: int
    total: int
    message: str
    at: float


@dataclass(frozen=True, slots=True)
class HeldRow:
    """A question or an answer that waits for a person; `id` is the request's.

    `request` is the chat request as it may go on (JSON), `answer` the answer that was held, "" where the question was.
    `state` is "waiting", "taken", "approved", "corrected", "rejected", "asking" (an approved question is with the model,
    until `due` at most), "answered" (it was asked since) or "again" (its answer waits in turn, under the id that is the
    `correction`). Else `correction` is what a person would have said, or what was answered since. After `due`, `fallback`
    ("approve" or "reject") counts; nobody's name is the `reviewer` then. `pictures` is what guards read in the question's.
    """

    id: str
    at: float
    due: float
    tenant: str
    task: str
    model: str
    side: str
    text: str
    request: str
    remarks: tuple[Remark, ...] = ()
    answer: str = ""
    fallback: str = "reject"
    state: str = "waiting"
    reviewer: str = ""
    wanted: int = 1
    correction: str = ""
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """What one person decided about a held request: "approve", "correct" or "reject".

    `reviewer` is the key, account or log-in, and `person` whose that is: one who has several is one. "" is nobody known.
    """

    held: str
    at: float
    reviewer: str
    decision: str
    correction: str = ""
    comment: str = ""
    person: str = ""
