"""The shapes that plug-ins and rooms fill in. Ours enter by the same door as a stranger's (see `plugins`)."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from stepladder.core.nouns import Dataset, Guess, Part, Question, Task, Turn
from stepladder.core.passages import Hit, Scope
from stepladder.core.records import record
from stepladder.core.usage import Usage
from stepladder.core.verdicts import Side, Verdict

Progress = Callable[[int, int, str], None]
"""Called as progress(done, total, what) from long offline work."""


class Clock(Protocol):
    """Time, so that tests and backtests can own it."""

    def time(self) -> float:
        """Unix seconds."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...


@runtime_checkable
class Rung(Protocol):
    """Anything that can answer a Question and say how sure it is.

    `answer` yields deltas (only where the text is written bit by bit) and then exactly one Answer. It raises
    RungFailed when it cannot answer; being unsure is not a failure but a low confidence.
    """

    @property
    def name(self) -> str: ...

    @property
    def release(self) -> str: ...

    def answer(self, question: Question) -> AsyncIterator[Part]: ...


@runtime_checkable
class Learned(Rung, Protocol):
    """A rung made by a recipe. Sync batch prediction serves judging and calibration; it must equal `answer`.

    `explain` tells what spoke for the answer, at most `limit` of the rung's own kind of reasons (words, columns, examples,
    members), the strongest first.
    """

    def predict(self, questions: Sequence[Question]) -> list[Guess]: ...

    def explain(self, question: Question, limit: int = 5) -> Sequence[object]: ...


class LearnedLoader(Protocol):
    """Entry point in `stepladder.rungs` for rungs that live in a release's folder."""

    @classmethod
    def load(cls, folder: Path, *, name: str, release: str) -> Learned: ...


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a recipe hands back, its artefact already in the folder it was given.

    `out_of_fold` holds, for the training examples in their order, the guess of a model that had not seen them, or None
    where there is none (a model too costly to be fitted more than once hides only some); the flywheel plans the
    calibration with it. `metrics` are plain numbers for the report.
    """

    out_of_fold: Sequence[Guess | None]
    metrics: Mapping[str, float]


class Recipe(Protocol):
    """Entry point in `stepladder.recipes`: how a rung is made from a dataset's `train` split."""

    name: str

    def fit(
        self,
        task: Task,
        dataset: Dataset,
        folder: Path,
        *,
        settings: Mapping[str, Any],
        seed: int,
        progress: Progress,
    ) -> Fitted: ...


@record
class ChatCall:
    """A chat completion on its way to a model: the caller's JSON object with every field it had, known or not.

    `body` values are raw JSON (unparsed bytes), so that fields are forwarded as they came. `route` is the endpoint below
    `/v1/` that was asked: embeddings and the like travel the same way, to models that have `forward`. A `confidential`
    call may only be answered by a private model; calls of one `conversation` are best answered by the same server.
    """

    id: str
    body: Mapping[str, bytes]
    stream: bool
    wants_usage: bool = False
    route: str = "chat/completions"
    confidential: bool = False
    conversation: str = ""


@record
class Piece:
    """What came back from a model: bytes for the caller (a JSON body, or whole SSE events without `[DONE]`).

    `text` is what these bytes say, for the ledger. `last` marks the piece from which on the answer is complete
    (finish reason seen, or a plain body): it is held back until the ledger row is committed. `usage` may come later.
    `unsaid` counts the characters that it wrote besides `text` (tool calls, reasoning), for an estimate where no usage
    is told; `calls` are the first choice's tool calls, or the deltas of them, as raw JSON lists. `idle` marks what only
    keeps the line open: nothing has been said by it. `by` is the model that wrote it, where another one than was asked
    had to.
    """

    data: bytes
    text: str = ""
    last: bool = False
    usage: Usage | None = None
    finish_reason: str | None = None
    unsaid: int = 0
    calls: tuple[bytes, ...] = ()
    idle: bool = False
    by: "Model | None" = None


class Model(Protocol):
    """Entry point in `stepladder.models`: a named upstream. It passes chats through, and becomes a rung for a task.

    A model that may see confidential questions has `private = True` (see `is_private`); one without the attribute is
    taken for public.
    """

    @property
    def name(self) -> str: ...

    @property
    def source(self) -> str:
        """ "live" or "recorded"."""
        ...

    def cost(self, usage: Usage) -> float: ...

    def chat(self, call: ChatCall) -> AsyncIterator[Piece]: ...

    def rung(self, task: Task) -> Rung: ...

    async def close(self) -> None: ...


@runtime_checkable
class Forwards(Protocol):
    """A model that also answers other endpoints than chat completions: embeddings, rerank, completions."""

    def forward(self, call: ChatCall) -> AsyncIterator[Piece]:
        """The bytes for `call.route`. Raises BadRequest for a route that this model has not."""
        ...


def is_private(model: object) -> bool:
    """Whether a model may see confidential questions."""
    return getattr(model, "private", False) is True


class ModelOpener(Protocol):
    """What the entry point names: a class with `open`. It checks its own settings and starts nothing slow."""

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> Model: ...


class Reranker(Protocol):
    """Says how well passages answer a query. It may block: call it in a thread where an event loop runs."""

    candidates: int
    """How many passages it is shown."""

    def scores(self, query: str, texts: Sequence[str]) -> Sequence[float]:
        """One score a text, the higher the better. Raises RungFailed where the model cannot be asked."""
        ...


class Embedder(Protocol):
    """Turns texts into vectors of unit length. It may block for long: call it in a thread where an event loop runs."""

    @property
    def name(self) -> str:
        """Which model made a vector: vectors of different names are never compared."""
        ...

    @property
    def dimensions(self) -> int:
        """The length of a vector."""
        ...

    def embed(self, texts: Sequence[str], *, query: bool) -> Any:
        """One unit row a text, numpy float32, shape (texts, dimensions). `query` is False for what is searched in.

        Raises RungFailed where the model cannot be asked.
        """
        ...


@runtime_checkable
class Retriever(Protocol):
    """Entry point in `stepladder.retrievers`: finds passages for a query. It may block: call it in a thread.

    What it finds is untrusted text. It never finds what the scope does not allow, however it is asked.
    """

    def retrieve(self, query: str, collection: str, scope: Scope, *, top: int = 10) -> Sequence[Hit]:
        """At most `top` hits, best first. Raises BadRequest where the scope has no such collection."""
        ...


class Quotas(Protocol):
    """Counts what may be done only so often, together with other processes. Safe from many threads; it may block."""

    def take(self, what: str, spans: Sequence[tuple[float, int]]) -> bool:
        """Whether one more of `what` is left in each span (seconds, most), which is then taken. Raises StoreError."""
        ...


@runtime_checkable
class Rationed(Protocol):
    """A retriever that may be asked only so often: after `open` it is handed what all workers count by."""

    def ration(self, quotas: Quotas) -> None: ...


class RetrieverOpener(Protocol):
    """What an entry point in `stepladder.retrievers` names: a class with `open`. It checks its own settings, and asks nobody.

    A retriever with `private = True` tells nobody else what is searched for; one without the attribute is taken to.
    """

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> Retriever: ...


@runtime_checkable
class Guard(Protocol):
    """Rules on a text going in or out. `check` is sync, has no side effects, and may be called from many threads.

    `window` is the longest match in characters that `check` can find, where a verdict needs nothing beyond the match
    itself: such a guard can watch a stream while holding back no more than that. None: it needs the whole text. One that
    can tell how much of a text's end may be the beginning of a match has a method `tail(text) -> int` as well.
    `quick` promises time linear in the text without waiting for anything; any other guard runs under a time limit.
    """

    @property
    def name(self) -> str: ...

    @property
    def side(self) -> Side: ...

    @property
    def window(self) -> int | None: ...

    @property
    def quick(self) -> bool: ...

    def check(self, text: str, turns: Sequence[Turn] = ()) -> Verdict:
        """Judge `text`; `turns` are the conversation before it. Raise rather than guess: an error blocks."""
        ...


class Screen(Protocol):
    """Guards on what is found while a question is answered. (Between a model and its tools stands a `ToolScreen`.)"""

    async def __call__(
        self, request: str, name: str, tenant: str, origin: str, texts: Sequence[str]
    ) -> Sequence[str | None]:
        """Each text as a model may see it; None for one that it may not see at all.

        `request` is the request's id, `name` its task or model, `origin` what the policy and the ledger call such texts
        ("passage"). Raises GuardFailed where nobody can say.
        """
        ...


class GuardOpener(Protocol):
    """What an entry point in `stepladder.guards` names: a class with `open`. It checks its own settings."""

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> Guard: ...
