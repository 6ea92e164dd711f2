"""Vectors of a benchmark's texts, made once for all seeds: what a text's vector is does not depend on other texts."""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CACHE = Path(__file__).parent.parent / ".benchmark-vectors"


def known(texts: Iterable[str]) -> Callable[[str], NDArray[np.float32]] | None:
    """What gives these texts their vectors; None where no embedding model is installed."""
    from stepladder.interaction.streaming import embedding

    embed = embedding("auto")
    if embed is None:
        return None
    distinct = sorted(set(texts))
    named = hashlib.sha256("\0".join(distinct).encode("utf-8", "replace")).hexdigest()[:16]
    file = CACHE / f"stream-{named}.npy"
    if not file.exists():
        CACHE.mkdir(exist_ok=True)
        print(f"embedding {len(distinct):,} texts, once", flush=True)
        np.save(file, np.stack([embed(text) for text in distinct]))
    vectors = dict(zip(distinct, np.load(file), strict=True))
    return lambda text: np.asarray(vectors[text])
