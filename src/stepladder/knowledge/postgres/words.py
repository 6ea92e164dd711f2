"""Our terms in PostgreSQL's own types: no dictionary of the database has a say, so Chinese is found as well as English."""

from collections.abc import Mapping, Sequence

from stepladder.knowledge.terms import is_character

_MOST_POSITION = 16_383  # PostgreSQL's own bound, as are 256 places of a word
_MOST_PLACES = 255
_MOST_TERMS = 20_000  # about half of the megabyte that a tsvector may have


def tsvector(terms: Sequence[str]) -> str:
    """Terms with their places, as the text form of a tsvector."""
    places: dict[str, list[int]] = {}
    for place, term in enumerate(terms[:_MOST_TERMS], 1):
        known = places.setdefault(term, [])
        if len(known) < _MOST_PLACES:
            known.append(min(place, _MOST_POSITION))
    return " ".join(f"{_quoted(term)}:{','.join(map(str, at))}" for term, at in places.items())


def tsqueries(asked: Mapping[str, int]) -> list[str]:
    """A tsquery for each of a query's terms; a single character of a spaceless script is a beginning."""
    return [_quoted(term) + (":*" if is_character(term) else "") for term in asked]


def _quoted(term: str) -> str:
    escaped = term.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
