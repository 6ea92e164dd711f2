"""Text as the machine reads it: one normal form, and hashed n-grams of it.

Chinese and English take the same path: a Han character counts as a word of its own, a Latin word is also seen
through its character n-grams. Everything is a pure function of the text: no files, no state, no vocabulary, so
training and serving cannot differ. It knows nothing of labels, weights, tasks or models.
"""

from stepladder.text.fold import Folded, fold
from stepladder.text.gist import gist
from stepladder.text.grams import grams
from stepladder.text.ngrams import Feature, NgramHasher
from stepladder.text.normalise import decode, dictionary_key, encode, normalise
from stepladder.text.sentences import Span, sentences
from stepladder.text.whole import LETTERS, find_whole, is_whole
from stepladder.text.words import words

__all__ = [
    "LETTERS",
    "Feature",
    "Folded",
    "NgramHasher",
    "Span",
    "decode",
    "dictionary_key",
    "encode",
    "find_whole",
    "fold",
    "gist",
    "grams",
    "is_whole",
    "normalise",
    "sentences",
    "words",
]
