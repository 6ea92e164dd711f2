"""How much a word is spelled like a person's name: a linear model over its letter n-grams.

It tells "Szöllösy" and "Nakamura" from "Yesterday" and "Invoice", whatever list of names they are missing from. The
weights (32 KB) were fitted by `benchmarks/train_name_spelling.py` on the names and words of permissively licensed packages.
"""

import math
import unicodedata
from functools import lru_cache
from importlib.resources import files
from zlib import crc32

BITS = 15
SCALE = 16.0  # a stored weight of 16 is 1 in log-odds


def buckets(word: str) -> list[int]:
    """Return the bucket of each letter n-gram (2 to 5, and the whole word) of ``word``, its ends marked."""
    plain = unicodedata.normalize("NFKD", word.lower())
    marked = "^" + "".join(c for c in plain if not unicodedata.combining(c)) + "$"
    grams = {marked[i : i + order] for order in (2, 3, 4, 5) for i in range(len(marked) - order + 1)}
    grams.add("=" + marked)
    return [crc32(gram.encode("utf-8", "replace")) & ((1 << BITS) - 1) for gram in sorted(grams)]


@lru_cache(maxsize=1)
def _weights() -> memoryview:
    raw = (files("stepladder.privacy") / "spelling.bin").read_bytes()
    return memoryview(raw).cast("b")


@lru_cache(maxsize=1 << 15)
def like_a_name(word: str) -> float:
    """Return the log-odds that ``word`` is part of a name, as if names and other words were equally many; in [-6, 6]."""
    weights, places = _weights(), buckets(word[:40])
    score = sum(weights[place] for place in places) / SCALE / math.sqrt(len(places))
    return max(-6.0, min(6.0, score))
