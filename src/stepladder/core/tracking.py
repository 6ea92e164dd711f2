"""What a house tells others: where releases go beside our own folder (`[artefacts]`), where people watch runs and versions
(`[tracker]`), and what a plug-in of `stepladder.trackers` can do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class TrackerConfig:
    """`[tracker]`: the `kind` of tracker (a plug-in; "": none), its address `uri`, and the `experiment` that runs go into."""

    kind: str = ""
    uri: str = ""
    experiment: str = "stepladder"


@dataclass(frozen=True, slots=True)
class ArtefactsConfig:
    """`[artefacts]`: an address (`url`) where copies of all releases lie, and others' releases come from; "": none."""

    url: str = ""


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """A run as it begins: its name, what it was set to, and whatever else people look for it by."""

    name: str
    settings: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrackedVersion:
    """One version of a model: the `source` is where its files are."""

    model: str
    source: str
    tags: Mapping[str, str] = field(default_factory=dict)


class Followed(Protocol):
    """Who is told of runs. Everything raises TrackerFailed where it cannot be reached or refuses."""

    def begin(self, run: TrackedRun) -> str:
        """Start a run; its id."""
        ...

    def steps(self, run: str, told: Mapping[int, Mapping[str, float]]) -> None:
        """Figures by step."""
        ...

    def end(self, run: str, figures: Mapping[str, float], *, failed: bool = False) -> None:
        """The last figures of a run that is over."""
        ...


class Tracker(Followed, Protocol):
    """One that knows models and their versions too."""

    def register(self, run: str, version: TrackedVersion) -> str:
        """Register what a run made; the version's name there."""
        ...

    def point(self, model: str, alias: str, version: str) -> None:
        """Let an alias (`live`, `previous`) name a version; "" takes it away."""
        ...
