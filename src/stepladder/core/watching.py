"""What a task watches while it serves, and what it does about what it sees."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class OnDrift(StrEnum):
    """What becomes of a live release when other questions are asked than in its training period."""

    OFF = "off"
    """Nobody looks."""
    TELL = "tell"
    """It is shown."""
    CERTIFY = "certify"
    """Its rungs are certified anew on fresh questions; where that fails, it goes."""
    RETRAIN = "retrain"
    """A new turn begins with the labels that a first one takes, and not with `growth` times as many."""


class OnFloor(StrEnum):
    """What becomes of a live release when the audit refutes one of its floors."""

    CLIMB = "climb"
    """Answers of that label, or questions of that tenant, climb; the rest is answered as before."""
    BACK = "back"
    """The release is taken back."""


class Teaching(StrEnum):
    """Whose feedback is learnt from before a person has looked at it."""

    TRUSTED = "trusted"
    """What the top or near examples bear out, and whatever a source says that has earned trust."""
    ALL = "all"
    """Everybody's."""


@dataclass(frozen=True, slots=True)
class TaskWatch:
    """`[tasks.x.watch]`: drift of what is asked, floors in service, and feedback.

    With probability at least 1 - `drift_risk`, a release whose questions stay as they were is never told to have drifted;
    novelty may rise by `drift_tolerance` without being drift. `embedder` is who says what is alike; empty: hashed n-grams.
    """

    drift: OnDrift = OnDrift.TELL
    drift_risk: float = 0.01
    drift_tolerance: float = 0.02
    embedder: Mapping[str, Any] = field(default_factory=dict)
    floors: OnFloor = OnFloor.CLIMB
    feedback: Teaching = Teaching.TRUSTED
