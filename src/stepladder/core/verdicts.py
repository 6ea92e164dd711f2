"""What guards say: which way a text goes, where in it something is wrong, and what becomes of it."""

from dataclasses import dataclass, field
from enum import StrEnum

from stepladder.core.records import record


class Side(StrEnum):
    """Which way a text goes: in to a model (questions, passages, tool results), or out to the asker."""

    IN = "in"
    OUT = "out"
    BOTH = "both"

    def covers(self, side: "Side") -> bool:
        """Whether a guard of this side looks at texts of `side`."""
        return Side.BOTH in (self, side) or self is side


class Action(StrEnum):
    """What becomes of a text, mildest first."""

    PASS = "pass"
    REDACT = "redact"
    """It goes on with its spans replaced."""
    HOLD = "hold"
    """It waits for a person."""
    BLOCK = "block"

    @property
    def severity(self) -> int:
        """0 (pass) to 3 (block): of two actions the severer one holds."""
        return list(Action).index(self)


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text that a guard means: `text[start:end]`, in characters of the text as it was given."""

    start: int
    end: int
    kind: str
    text: str = field(default="", repr=False)


@record
class Verdict:
    """What a guard says of a text. `score` (0 to 1) is how sure it is that something is wrong.

    `reason` is for people and holds nothing of the text. `redacted` is the text that may go on, where the action is
    REDACT; it is None otherwise. `by` is the model that decided, where the guard asked one, and `cost` what that cost.
    `unsure`: the guard's method `closely`, which takes longer, may say something else.
    """

    action: Action = Action.PASS
    categories: tuple[str, ...] = ()
    score: float = 0.0
    spans: tuple[Span, ...] = ()
    reason: str = ""
    redacted: str | None = field(default=None, repr=False)
    by: str = ""
    cost: float = 0.0
    unsure: bool = False


@record
class Text:
    """One text of a request. `role` is that of the message it is in; "" for what stands beside the messages.

    `spoken` marks a message's own words, in contrast to a name, an argument or a description; `last` those of the last
    message of the user.
    """

    role: str
    text: str = field(repr=False)
    spoken: bool = True
    last: bool = False


@record
class Shown:
    """One picture of a request: `url` holds it (`data:image/png;base64,...`) or says where it is, "" where that is said in a
    way that is not known here. `role` is that of the message it is in.

    Where it stands there: `message` is the message's number (-1: in none), `last` says that it is the user's last; `before`
    are the words since the picture before it, and `after` those behind the message's last one. Two that differ in nothing else
    are the same picture.
    """

    role: str
    url: str = field(repr=False)
    message: int = field(default=-1, compare=False)
    last: bool = field(default=False, compare=False)
    before: str = field(default="", compare=False, repr=False)
    after: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Remark:
    """What a guard said of a question, for the ledger: nothing of the text. `observed`: it only looked, and let it pass.

    `side` is "in" or "out", or where the text came from: "passage", "tool", "picture". `by` is the model that decided, where
    the guard asked one: its "pass" is remarked too.
    """

    guard: str
    side: str
    action: str
    categories: tuple[str, ...]
    score: float
    observed: bool = False
    by: str = ""
