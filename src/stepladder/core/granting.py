"""Words from a command line or a request -> a grant."""

from difflib import get_close_matches

from stepladder.core.access import CLIENT, ROLES, Grant, Right, Role
from stepladder.core.errors import BadRequest


def granted(words: str) -> Grant:
    """The grant of `ROLE` or `ROLE:RIGHT,RIGHT`; "" is a client's.

    Raises BadRequest naming the nearest role or right, and for a right that the role has not.
    """
    role, _, scopes = words.partition(":")
    if not role and not scopes:
        return CLIENT
    found = Role(_one_of(role, list(Role), "role"))
    rights = [word.strip() for word in scopes.split(",") if word.strip()]
    grant = Grant(found, frozenset(Right(_one_of(word, list(Right), "right")) for word in rights))
    missing = sorted(grant.scopes - ROLES[found])
    if missing:
        raise BadRequest(
            f"The role {role} has no right '{missing[0]}', so a part of it cannot have it.",
            param="role",
            remedy=f"Its rights: {', '.join(sorted(ROLES[found]))}.",
        )
    return grant


def _one_of(word: str, known: list[str], what: str) -> str:
    if word in known:
        return word
    near = get_close_matches(word, known, n=1)
    remedy = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(known)}."
    raise BadRequest(f"There is no {what} {word!r}.", param=what, remedy=remedy)
