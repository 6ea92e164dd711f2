"""The set of a text's character n-grams, for comparing whole texts with each other."""

import numpy as np
from numpy.typing import NDArray

from stepladder.text.normalise import encode, normalise

_LETTERS = 4
_HAN = 2  # two Chinese characters say about as much as four letters
_BASE = np.uint64(0x9E3779B97F4A7C15)


def grams(text: str) -> NDArray[np.uint64]:
    """Return the hashes of the different n-grams of ``normalise(text)`` without its marks, sorted, shape (n-grams,).

    Four characters make a gram, two where a third of the text or more is Chinese; a shorter text is one gram.
    """
    normal = "".join(character for character in normalise(text) if character.isalnum() or character == " ")
    codes = encode(normal.strip()).astype(np.uint64)
    if codes.size == 0:
        return np.empty(0, np.uint64)
    order = min(_HAN if np.count_nonzero(codes >= 0x3040) * 3 >= codes.size else _LETTERS, codes.size)
    windows = codes[: codes.size - order + 1] + np.uint64(1)
    for step in range(1, order):
        windows = windows * _BASE + codes[step : codes.size - order + 1 + step]
    mixed = (windows ^ (windows >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.unique(mixed ^ (mixed >> np.uint64(31)))
