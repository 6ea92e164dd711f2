"""A run of training shown in a tracker while it goes on. A tracker in trouble never stops the run."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stepladder.core import Followed, Progress, TrackedRun, TrackerFailed

Event = Mapping[str, Any]
_NOT_FIGURES = ("event", "step", "steps")
_EVERY = 1.0  # seconds between two messages to the tracker


class Following:
    """Hands every event on to `tell`, and figures of steps to the tracker, about once a second.

    Used as a context: leaving it closes the run there, as failed where an error passes.
    """

    def __init__(
        self,
        tracker: Followed,
        run: TrackedRun,
        tell: Callable[[Event], None],
        *,
        called: str = "tracker",
        note: Path | None = None,
    ) -> None:
        """`called`: what people call the tracker. A run whose `note` is there already is gone on with."""
        self._tracker, self._tell, self._called = tracker, tell, called
        self._waiting: dict[int, dict[str, float]] = {}
        self._figures: dict[str, float] = {}
        self._said = 0.0
        self._lost = False
        self._run = self._begin(run, note)

    @classmethod
    def beside(
        cls,
        tracker: Followed,
        folder: Path,
        job: Any,
        tell: Callable[[Event], None],
        *,
        called: str = "tracker",
    ) -> "Following":
        """A job that goes on in the same folder goes on in the same run of the tracker; two that follow it have different
        names."""
        told = asdict(job)
        flat = {**told.pop("settings"), **told.pop("more", {}), **told}
        run = TrackedRun(
            f"{job.method} {folder.name}",
            {key: str(value) for key, value in flat.items() if value not in ("", None)},
            {"stepladder.folder": str(folder)},
        )
        note = folder / ("tracked.json" if called == "tracker" else f"tracked-{called}.json")
        return cls(tracker, run, tell, called=called, note=note)

    def __enter__(self) -> "Following":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        self._flush()
        self._safely(lambda: self._tracker.end(self._run, self._figures, failed=kind is not None))

    def __call__(self, event: Event) -> None:
        """What the trainer tells."""
        self._tell(event)
        if event["event"] in ("step", "held"):
            prefix = "held_" if event["event"] == "held" else ""
            told = {f"{prefix}{key}": float(value) for key, value in event.items() if key not in _NOT_FIGURES}
            self._waiting.setdefault(int(event["step"]), {}).update(told)
            if time.monotonic() - self._said > _EVERY:
                self._flush()

    def done(self, figures: Mapping[str, float]) -> None:
        """The run's own last figures."""
        self._figures = dict(figures)

    def _begin(self, run: TrackedRun, note: Path | None) -> str:
        if note is not None and note.exists():
            return str(json.loads(note.read_bytes())["run"])
        id = ""
        try:
            id = self._tracker.begin(run)
            if note is not None:
                note.write_text(json.dumps({"run": id}), encoding="utf-8")
        except TrackerFailed as error:
            self._lose(error)
        return id

    def _flush(self) -> None:
        if self._waiting:
            told, self._waiting = self._waiting, {}
            self._safely(lambda: self._tracker.steps(self._run, told))
        self._said = time.monotonic()

    def _safely(self, ask: Callable[[], None]) -> None:
        if self._lost:
            return
        try:
            ask()
        except TrackerFailed as error:
            self._lose(error)

    def _lose(self, error: TrackerFailed) -> None:
        self._lost = True
        message = f"The run is no longer followed by the {self._called}. {error.message}"
        self._tell(
            {"event": "advice", "kind": "tracker", "message": message, "remedy": error.remedy, "stops": False}
        )


class Heard:
    """A fit's `Progress`, by which those who follow the fit hear of its steps too.

    A recipe whose trainer tells of steps hands its events on with `hearing`.
    """

    def __init__(self, progress: Progress, followed: Sequence[Following]) -> None:
        self._progress = progress
        self._followed = followed

    def __call__(self, done: int, total: int, what: str) -> None:
        """How far it got."""
        self._progress(done, total, what)

    def hear(self, event: Event) -> None:
        """What the trainer tells."""
        for one in self._followed:
            one(event)


def hearing(progress: Progress) -> Callable[[Event], None]:
    """Who wants a trainer's events beside `progress`: nobody, unless the fit is followed."""
    return progress.hear if isinstance(progress, Heard) else lambda event: None


def unfollowed(say: Callable[[str], None]) -> Callable[[Event], None]:
    """A `tell` for a `Following` of a recipe, which tells people everything itself but that it is no longer followed."""

    def tell(event: Event) -> None:
        if event.get("kind") == "tracker":
            say(f"{event['message']} {event['remedy']}")

    return tell
