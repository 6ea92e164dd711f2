"""An endpoint that says how well each of some passages answers a query: `POST {base_url}/rerank`, as Jina, Cohere, vLLM,
TEI and llama.cpp's server speak it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from stepladder.core import ConfigError, config
from stepladder.models.posting import Poster, sendable

_MOST_TEXT = 8000
"""Characters of a passage: a re-ranker reads a few hundred tokens."""


@dataclass(frozen=True, slots=True)
class RerankerSettings:
    """`[knowledge.reranker]`. `api_key` is "env:NAME" or "file:PATH"; `candidates` are the passages that it puts in order."""

    base_url: str
    model: str
    api_key: str = ""
    candidates: int = 30
    timeout: float = 5.0


class EndpointReranker:
    """Asks the endpoint once a query."""

    def __init__(self, label: str, settings: RerankerSettings) -> None:
        """Raises ConfigError."""
        if not 2 <= settings.candidates <= 200:
            raise ConfigError(
                f"{label}.candidates is {settings.candidates}.",
                param=f"{label}.candidates",
                remedy="Give 2 to 200.",
            )
        self._poster = Poster(label, settings.base_url, "rerank", settings.api_key, settings.timeout)
        self._model = settings.model
        self.candidates = settings.candidates

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> "EndpointReranker":
        """Check the settings and resolve the key. Raises ConfigError."""
        return cls(name, config.settings(settings, RerankerSettings, name))

    def scores(self, query: str, texts: Sequence[str]) -> Sequence[float]:
        """One score a text, the higher the better. Raises UpstreamFailed where the endpoint is down or answers garbage."""
        if not texts:
            return ()
        documents = [sendable(text[:_MOST_TEXT]) for text in texts]
        asked = {"model": self._model, "query": sendable(query), "documents": documents}
        data = self._poster.post({**asked, "top_n": len(documents)})
        try:
            rows = msgspec.json.decode(data, type=_Answer).results
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._poster.failed("answered with what is no list of scores") from error
        found = {row.index: row.relevance_score for row in rows}
        if found.keys() != set(range(len(texts))) or not all(map(math.isfinite, found.values())):
            raise self._poster.failed("answered with scores that are missing or not finite")
        return [found[place] for place in range(len(texts))]


class _Row(msgspec.Struct):
    index: int
    relevance_score: float


class _Answer(msgspec.Struct):
    results: list[_Row]
