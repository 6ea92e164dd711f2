"""Configuration of what is remembered of conversations, and of how the ledger is kept small."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Conversations:
    """`[conversations]`: one that was silent for `keep_days` is over, and its words are erased; 0: none is continued or kept.

    The last `most_turns` questions and their answers come before a new question.
    """

    keep_days: float = 30.0
    most_turns: int = 20
