"""Who may do what in the admin API: rights, the roles that hold them, and what a key or a session was granted."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Right(StrEnum):
    """What an endpoint asks for. Nothing implies another: a role lists what it holds."""

    ASK = "ask"
    """Put questions to tasks and models, which costs money."""
    SEE = "see"
    """Figures, names and states, but no text of a caller's."""
    OPERATE = "operate"
    """Modes, roll backs, the dictionary, documents: what changes how questions are answered."""
    READ = "read"
    """Texts of callers and of documents; each reading names its purpose and is written into the journal."""
    REVIEW = "review"
    """Decide what waits for a person, and give feedback on others' answers."""
    AUDIT = "audit"
    """The journal."""
    PEOPLE = "people"
    """Find, export and erase what is kept of a person."""
    OWN = "own"
    """Keys, accounts and whatever no other right is made for."""


class Role(StrEnum):
    """What a person or a program is here for. A client's key has none."""

    OWNER = "owner"
    OPERATOR = "operator"
    REVIEWER = "reviewer"
    AUDITOR = "auditor"
    VIEWER = "viewer"


ROLES: Mapping[Role, frozenset[Right]] = {
    Role.OWNER: frozenset(Right),
    Role.OPERATOR: frozenset({Right.ASK, Right.SEE, Right.OPERATE}),
    Role.REVIEWER: frozenset({Right.SEE, Right.READ, Right.REVIEW}),
    Role.AUDITOR: frozenset({Right.SEE, Right.AUDIT}),
    Role.VIEWER: frozenset({Right.SEE}),
}


@dataclass(frozen=True, slots=True)
class Grant:
    """A role, or a part of it: `scopes` are the only rights left of it, where there are any.

    Without a role it is a client's: it may ask, and nothing else.
    """

    role: Role | None = None
    scopes: frozenset[Right] = frozenset()

    @property
    def rights(self) -> frozenset[Right]:
        """What it allows."""
        held = ROLES[self.role] if self.role is not None else frozenset({Right.ASK})
        return held & self.scopes if self.scopes else held

    def allows(self, right: Right) -> bool:
        """Whether that is among its rights."""
        return right in self.rights

    def __str__(self) -> str:
        """As the journal has it: `operator`, or `operator (see)`."""
        scopes = f" ({', '.join(sorted(self.scopes))})" if self.scopes else ""
        return f"{self.role or 'client'}{scopes}"


OWNER = Grant(Role.OWNER)
CLIENT = Grant()
