"""Embedding a training set, with progress."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stepladder.core import Progress
from stepladder.models import Remembering


def embed_all(embedder: Remembering, texts: Sequence[str], progress: Progress) -> NDArray[np.float32]:
    """The vectors of all texts, with progress."""
    parts = []
    for start in range(0, len(texts), 64):
        progress(start, len(texts), f"embedding with {embedder.name}")
        parts.append(embedder.embed(texts[start : start + 64]))
    return np.concatenate(parts)
