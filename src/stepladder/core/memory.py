"""Configuration of what is remembered of conversations, and of how the ledger is kept small."""

from dataclasses import dataclass

from stepladder.core.keeping import SemanticCache
from stepladder.core.ranges import between


@dataclass(frozen=True, slots=True)
class ConversationTerms:
    """`[conversations]`: one that was silent for `keep_days` is over, and its words are erased; 0: none is continued or kept.

    The last `most_turns` questions and their answers come before a new question.
    """

    keep_days: float = 30.0
    most_turns: int = 20


def check_terms(terms: ConversationTerms) -> None:
    """Raise ConfigError naming the key whose value cannot be."""
    between(terms.keep_days, 0, 36_500, "conversations.keep_days", closed=True)
    between(terms.most_turns, 0, 1000, "conversations.most_turns", closed=True)


def check_kept(cache_seconds: float, kept: SemanticCache, where: str) -> None:
    """Raise ConfigError naming the key whose value cannot be."""
    between(cache_seconds, 0, float("inf"), f"{where}.cache_seconds", closed=True)
    for key, most in (("seconds", float("inf")), ("likeness", 1.0), ("most_chars", 2000)):
        between(getattr(kept, key), 0, most, f"{where}.semantic_cache.{key}", closed=True)
