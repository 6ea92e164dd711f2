"""A conversation as one text, so that what is asked for in small steps can be seen as a whole."""

from collections.abc import Sequence

from stepladder.core import Turn

_TURNS = 6
_CHARACTERS = 1500


def together(turns: Sequence[Turn], text: str) -> str:
    """Return the latest messages of the user, oldest first, ending with `text`."""
    said = [turn.content for turn in turns if turn.role == "user"][-_TURNS:]
    return "\n".join([*said, text])[-_CHARACTERS:]
