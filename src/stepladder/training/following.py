"""A run of training shown in a tracker while it goes on. A tracker in trouble never stops the run."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stepladder.core import Followed, TrackedRun, TrackerFailed

Event = Mapping[str, Any]
_NOT_FIGURES = ("event", "step", "steps")
_EVERY = 1.0  # seconds between two messages to the tracker


class Following:
    """Hands every event on to `tell`, and figures of steps to the tracker, about once a second.

    A run that goes on in the same folder goes on in the same run of the tracker. Used as a context: leaving it closes the
    run there, as failed where an error passes.
    """

    def __init__(
        self,
        tracker: Followed,
        folder: Path,
        job: Any,
        tell: Callable[[Event], None],
        *,
        called: str = "tracker",
    ) -> None:
        """`called`: what people call the tracker; two that follow one run have different names."""
        self._tracker, self._folder, self._tell, self._called = tracker, folder, tell, called
        self._waiting: dict[int, dict[str, float]] = {}
        self._figures: dict[str, float] = {}
        self._said = 0.0
        self._lost = False
        self._run = self._begin(job)

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

    def _begin(self, job: Any) -> str:
        note = self._folder / (
            "tracked.json" if self._called == "tracker" else f"tracked-{self._called}.json"
        )
        if note.exists():
            return str(json.loads(note.read_bytes())["run"])
        told = asdict(job)
        flat = {**told.pop("settings"), **told.pop("more", {}), **told}
        run = TrackedRun(
            f"{job.method} {self._folder.name}",
            {key: str(value) for key, value in flat.items() if value not in ("", None)},
            {"stepladder.folder": str(self._folder)},
        )
        id = ""
        try:
            id = self._tracker.begin(run)
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
