"""Words from a command line or a request -> a grant."""

from collections.abc import Iterable
from difflib import get_close_matches

from stepladder.core.access import Grant, Right, Role
from stepladder.core.errors import BadRequest


def granted(role: str, scopes: Iterable[str] = ()) -> Grant:
    """The grant of these words. Raises BadRequest naming the nearest role or right, and for a scope that the role lacks."""
    found = Role(_one_of(role, list(Role), "role")) if role else None
    grant = Grant(found, frozenset(Right(_one_of(scope, list(Right), "scope")) for scope in scopes))
    missing = sorted(grant.scopes - Grant(found).rights)
    if missing:
        raise BadRequest(
            f"The role {role or 'client'} has no right {missing[0]!r}, so it cannot be a scope of it.",
            param="scope",
            remedy=f"Its rights: {', '.join(sorted(Grant(found).rights))}.",
        )
    return grant


def _one_of(word: str, known: list[str], what: str) -> str:
    if word in known:
        return word
    near = get_close_matches(word, known, n=1)
    remedy = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(known)}."
    raise BadRequest(f"There is no {what} {word!r}.", param=what, remedy=remedy)
