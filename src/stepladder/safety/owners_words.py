"""Words of the live dictionary that guards look for, in every task and model."""

from stepladder.core import BadRequest
from stepladder.safety.words import Word
from stepladder.safety.words.lexicon import LONGEST
from stepladder.store import EVERYWHERE, WORD, Store

DEEDS = ("watch", "redact", "hold", "block")
"""What a guard of words does where it finds one; "watch" leaves it to the guard's own settings."""
_CATEGORY = "owner"


def owners_words(store: Store) -> tuple[Word, ...]:
    """The words that are in force."""
    return tuple(
        Word(entry.key, _CATEGORY, frozenset({entry.answer} - {"watch"}))
        for entry in store.entries.list(EVERYWHERE)
        if entry.kind == WORD
    )


def checked_word(text: str, deed: str) -> tuple[str, str]:
    """A word and its deed as they are kept. Raises BadRequest."""
    word = text.strip()
    if not word or len(word) > LONGEST:
        raise BadRequest(
            f"A word has 1 to {LONGEST} characters.",
            param="text",
            remedy="Give another, or a pattern of a list.",
        )
    if deed not in DEEDS:
        raise BadRequest(f"deed is {deed!r}.", param="deed", remedy=f"Deeds: {', '.join(DEEDS)}.")
    return word, deed
