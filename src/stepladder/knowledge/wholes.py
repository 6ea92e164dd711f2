"""Names that count as a whole: each one term of a query, although no index was told of it.

The postings say which passages have all of a name's parts; which of these name it, their text says. So an edit of the
owner's words makes a term of a name with the next question, for that owner's task alone, and nothing is indexed anew.
"""

import json
import sqlite3
from collections.abc import Sequence
from functools import reduce

import numpy as np

from stepladder.knowledge.postings import POSTING, Postings, lookup, lookup_beginning
from stepladder.knowledge.terms import is_character, query_terms
from stepladder.text import find_whole, normalise

MOST = 500
"""So many passages are read for a name at most: those that say its parts most often beside their length."""

_TEXTS = """
SELECT p.number, d.title, p.heading, p.text FROM passages p JOIN documents d ON d.number = p.document
WHERE p.number IN (SELECT value FROM json_each(?))
"""


def term_of(name: str) -> str:
    """What a name is called among a query's terms: like no other term."""
    return f"={name}"


def whole(connection: sqlite3.Connection, segments: Sequence[int], name: str) -> Postings:
    """The postings of a name in normal form (`dictionary_key`), as if it had been indexed as one word."""
    having = _having(connection, segments, name)
    rows = connection.execute(_TEXTS, (json.dumps(having["passage"].tolist()),))
    counts = {row[0]: sum(_times(normalise(part), name) for part in row[1:]) for row in rows}
    having["count"] = [min(counts.get(number, 0), 0xFFFF) for number in having["passage"].tolist()]
    return having[having["count"] > 0]


def _having(connection: sqlite3.Connection, segments: Sequence[int], name: str) -> Postings:
    """The passages that have all the parts of a name, `count` of them together."""
    parts = list(query_terms(name))
    found = lookup(connection, segments, [part for part in parts if not is_character(part)])
    lists = [
        lookup_beginning(connection, segments, part) if is_character(part) else found.get(part)
        for part in parts
    ]
    there = [each for each in lists if each is not None]
    if not there or len(there) < len(parts):
        return np.empty(0, POSTING)
    numbers = reduce(np.intersect1d, (each["passage"] for each in there))
    having = np.zeros(len(numbers), POSTING)
    having["passage"] = numbers
    said = np.zeros(len(numbers))
    for each in there:
        rows = each[np.isin(each["passage"], numbers)]
        rows = rows[np.argsort(rows["passage"], kind="stable")]
        having["length"] = rows["length"]
        said += rows["count"]
    dense = np.argsort(-said / np.maximum(having["length"], 1), kind="stable")[:MOST]
    return having[dense]


def _times(text: str, name: str) -> int:
    count, at = 0, find_whole(text, name)
    while at >= 0:
        count, at = count + 1, find_whole(text, name, at + len(name))
    return count
