"""Configuration of what is kept: answers to questions that mean the same."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class SemanticCache:
    """`[tasks.x.semantic_cache]`: answers also come back for questions that mean the same, for so many `seconds`; 0: never.

    Their words must differ by nothing but what is known to be harmless (`stepladder.text.gist`), and the cosine of their
    embeddings be at least `likeness`. Questions of more than `most_chars` characters are left out.
    """

    seconds: float = 0.0
    likeness: float = 0.85
    most_chars: int = 300
    embedder: Mapping[str, Any] = field(default_factory=dict)
