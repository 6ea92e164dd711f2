"""One question on its way: what was asked, what has come back so far, and the ledger row that this makes."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any

import msgspec

from stepladder.core import (
    Answer,
    Answered,
    Blocked,
    Clock,
    Held,
    Part,
    Piece,
    Remark,
    Shown,
    Tenant,
    Text,
    Usage,
    record,
)
from stepladder.service.likeness import Likeness
from stepladder.service.pictures import pictures_of
from stepladder.service.purse import QuestionPurse
from stepladder.service.request import ASKERS, ChatRequest
from stepladder.service.texts import texts_of, with_texts
from stepladder.service.tools import QuestionHands
from stepladder.store import LedgerRow


@record
class Asked:
    """What is known at the door. `at` is Unix seconds, `started` monotonic seconds."""

    id: str
    tenant: Tenant
    request: ChatRequest
    at: float
    started: float
    config_hash: str


class Entry(ABC):
    """A question while it is being answered. The gateway takes the parts in, and makes the row when it is over.

    Of the time since the question came in, what neither the rungs nor the client's reading took is our own overhead.
    """

    __slots__ = (
        "__weakref__",
        "_clock",
        "_elsewhere",
        "_mark",
        "_overhead_ms",
        "answer",
        "approved",
        "asked",
        "begun",
        "cached",
        "hands",
        "held",
        "outcome",
        "purse",
        "remarks",
        "reserve",
        "settled",
        "similar",
        "steps",
        "text",
        "waits",
        "watch",
        "whose",
    )

    task = ""
    arm = ""
    """Of a split: who was drawn for it."""
    top = False
    cache_seconds = 0.0
    drafts = False  # whether its answer may come with a draft for a person

    def __init__(self, asked: Asked, clock: Clock) -> None:
        self.asked = asked
        self.answer: Answer | None = None
        self.approved = ""  # the request that a person looked at, where this is the same again
        self.cached = False
        self.hands: QuestionHands | None = None  # the tools that may be used for it
        self.held: list[Part | Piece] = []
        self.outcome = "ok"
        self.purse: QuestionPurse | None = None  # for what models are asked beside the answer
        self.remarks: tuple[Remark, ...] = ()
        self.reserve: Callable[[float], None] | None = (
            None  # more money than `most` says, until it is settled
        )
        self.settled = False
        self.begun: AsyncGenerator[Part | Piece] | None = (
            None  # its parts, where somebody has begun to ask for them
        )
        self.steps = ""  # of the plan that it is the last one of
        self.similar = False
        self.text = ""
        self.waits: Held | None = None
        self.watch: Any = None  # what the guards keep of this question
        self.whose = ""  # the pseudonym of whom it is about, where only that is known
        self._clock = clock
        self._mark = 0.0
        self._elsewhere = 0.0
        self._overhead_ms: float | None = None

    def fund(self, reserve: Callable[[float], None]) -> None:
        """It has its place; what it needs beyond what `most` says is asked of `reserve`, which raises TooMany."""
        self.reserve = reserve
        if self.purse is not None:
            self.purse.reserve = reserve

    @abstractmethod
    def parts(self) -> AsyncGenerator[Part | Piece]:
        """The answer as it comes. Raises RungFailed or LadderExhausted."""

    @abstractmethod
    def most(self) -> tuple[Usage, float]:
        """The most tokens that it may take to read and to answer this, and what they cost."""

    @abstractmethod
    def again(self, kept: Any) -> AsyncGenerator[Part | Piece]:
        """The parts of an answer that was given before, as `kept` had it."""

    @abstractmethod
    def kept(self) -> tuple[Any, int]:
        """What of this answer is worth keeping, and about how many bytes that takes."""

    @property
    def shareable(self) -> bool:
        """Whether its key means the same to every worker."""
        return True

    @abstractmethod
    def frozen(self, kept: Any) -> bytes:
        """What is worth keeping, as bytes."""

    @abstractmethod
    def thawed(self, data: bytes) -> Any:
        """What was kept, out of these bytes. Raises msgspec.MsgspecError."""

    @abstractmethod
    def refusal(self, said: str, seen: str = "") -> AsyncGenerator[Part | Piece]:
        """An answer that says only why there is none, or no more; `seen` is what had been said by then."""

    @property
    def id(self) -> str:
        """The request's."""
        return self.asked.id

    @property
    def model(self) -> str:
        """The task or model that is asked."""
        return self.asked.request.model

    @property
    def conversation(self) -> str:
        """The conversation that it belongs to, "" for none."""
        request = self.asked.request
        return (request.conversation() or "") if "stepladder" in request.body else ""

    @property
    def asker(self) -> str:
        """The user whom the request names, "" for none."""
        return self.asked.request.asker()

    @property
    def step(self) -> bool:
        """Whether it is a further step of a plan."""
        return bool(self.asked.request.parent)

    @property
    def asks(self) -> tuple[str, str, str, bool]:
        """Task ("" for a plain model), what `model` named, tenant, and whether a stream is wanted."""
        request = self.asked.request
        return self.task, request.model, self.asked.tenant.name, request.stream

    @property
    @abstractmethod
    def question_text(self) -> str:
        """The question, as it may be kept."""

    def body(self) -> str:
        """The request as it may be kept, to be asked later, whole; "" where it is no chat.

        Without the person's id, which nothing keeps, and with what was said of learning from it, be it by a header.
        """
        request = self.asked.request
        if not request.messages:
            return ""
        said = request.body.get("stepladder", msgspec.Raw(b"null"))
        extra: dict[str, Any] = msgspec.json.decode(said, type=dict[str, msgspec.Raw] | None) or {}
        extra = {key: value for key, value in extra.items() if key != "subject"}
        extra["training"] = self.about()[1]
        if request.confidential:
            extra["confidential"] = True
        body = {key: value for key, value in request.body.items() if key not in ASKERS}
        return msgspec.json.encode({**body, "stepladder": extra, "stream": False}).decode()

    def about(self) -> tuple[str, bool]:
        """Whom it is about ("" for nobody), and whether it may be learnt from. Raises BadRequest."""
        subject, training = self.asked.request.about(self.asked.tenant)
        return self.whose or subject, training

    def texts(self) -> list[Text]:
        """Every text of the request. Raises BadRequest for JSON that cannot be read."""
        return texts_of(self.asked.request)

    def pictures(self) -> list[Shown]:
        """Every picture of the request. Raises BadRequest for JSON that cannot be read."""
        return pictures_of(self.asked.request)

    def put(self, texts: Sequence[str]) -> None:
        """From here on the request says this instead: to the models, to the cache and to the ledger."""
        self.asked = replace(self.asked, request=with_texts(self.asked.request, texts))

    def key(self) -> bytes | None:
        """Names everything that the answer depends on; None where answers are not kept."""
        request = self.asked.request
        if not self.cache_seconds or not request.data:
            return None
        tenant, version = _asker(self.asked.tenant), self.version()
        head = f"{len(tenant)} {tenant}\0{len(version)} {version}\0{request.model}\0{request.route}\0".encode(
            "utf-8", "surrogatepass"
        )
        return blake2b(head + request.data, digest_size=24).digest()

    def likeness(self) -> Likeness | None:
        """What finds answers to questions that mean the same; None where only the very same one will do."""
        return None

    @abstractmethod
    def forget(self) -> None:
        """This answer is not to be given again."""

    @property
    def confidential(self) -> bool:
        """Whether only private models may see it."""
        return False

    def confide(self) -> None:
        """From here on only private models and tools may see it. Raises BadRequest where none could answer."""
        self.asked = replace(self.asked, request=replace(self.asked.request, confidential=True))
        self.forget()
        if self.hands is not None:
            self.hands.confide()

    @property
    def guarding_cost(self) -> float:
        """What guards that ask a model have cost so far."""
        return 0.0 if self.watch is None else self.watch.cost

    def version(self) -> str:
        """Names what an answer depends on beside the request: the task or model, and the guards' policy."""
        return self._version() if self.watch is None else f"{self._version()} {self.watch.hash}"

    def _version(self) -> str:
        return self.asked.config_hash

    @abstractmethod
    def take(self, part: Part | Piece) -> bool:
        """Note a part; True from the one on that completes the answer, which waits for the ledger."""

    @abstractmethod
    def row(self, status: str, error: str = "") -> LedgerRow:
        """The ledger row: `status` is ok, partial, failed, blocked or held."""

    def tools_used(self) -> str:
        """For the ledger: which tools were used, how long they took and whether they could; "" for none."""
        return msgspec.json.encode(self.hands.used).decode() if self.hands and self.hands.used else ""

    def receive(self, part: Part | Piece) -> bool:
        """Take a part that has come; True where it is to wait."""
        self.come_back()
        held = self.take(part)
        self.leave()
        return held

    def fate(self, error: BaseException) -> tuple[str, str]:
        """The status and the error of a question that ends so. One that is left or cancelled is partial."""
        gone = isinstance(error, asyncio.CancelledError | GeneratorExit)
        named = {Blocked: "blocked", Held: "held"}
        status = "partial" if gone else named.get(type(error), "failed")
        return status, getattr(error, "code", None) or type(error).__name__

    def over(self) -> bool:
        """It is settled now; True where it had been before."""
        before, self.settled = self.settled, True
        self.reserve = None
        if not before:
            self.come_back()
        return before

    def leave(self) -> None:
        """The question is with a rung, or a part of the answer with the client."""
        self._mark = self._clock.monotonic()

    def come_back(self) -> None:
        """And is here again, if it was away."""
        if self._mark:
            self._elsewhere += self._clock.monotonic() - self._mark
            self._mark = 0.0

    def latency_ms(self) -> float:
        """Milliseconds since the question came in."""
        return (self._clock.monotonic() - self.asked.started) * 1000

    def overhead_ms(self) -> float:
        """Milliseconds of it that were ours: so far, or in the end once the question is settled."""
        if self._overhead_ms is not None:
            return self._overhead_ms
        return max(self.latency_ms() - self._elsewhere * 1000, 0.0)

    def answered(self, status: str) -> Answered:
        """It is over: the event that tells of it."""
        overhead = self._overhead_ms = self.overhead_ms()
        model = self.asked.request.model
        latency, id = self.latency_ms(), self.asked.id
        said, arm = self.answer, self.arm
        return Answered(self.task, model, said, status, latency, overhead, self.top, self.cached, id, arm)


def _asker(tenant: Tenant) -> str:
    """Who may be given an answer again: the same tenant, in the same groups."""
    if not tenant.groups:
        return tenant.name
    return "\0".join([tenant.name, *(f"{len(group)} {group}" for group in tenant.groups)])
