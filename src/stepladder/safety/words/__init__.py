"""Sensitive words: lists, matching that sees through disguises, and an importer that makes a raw list usable."""

from stepladder.safety.words.familiar import Bloom
from stepladder.safety.words.guard import WordsGuard, WordsSettings, shipped_words
from stepladder.safety.words.importer import Imported, Tier, import_lists, tier
from stepladder.safety.words.lexicon import Lexicon, Word, read_lexicon, write_lexicon
from stepladder.safety.words.matcher import Match, Matcher

__all__ = [
    "Bloom",
    "Imported",
    "Lexicon",
    "Match",
    "Matcher",
    "Tier",
    "Word",
    "WordsGuard",
    "WordsSettings",
    "import_lists",
    "read_lexicon",
    "shipped_words",
    "tier",
    "write_lexicon",
]
