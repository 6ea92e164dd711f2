"""The tracker of `[tracker]`, opened, and kept up to date beside the flywheel."""

import logging
import threading
from dataclasses import replace
from pathlib import Path

from stepladder.core import BadRequest, StepladderError, Tracker, TrackerConfig, plugins
from stepladder.registry import Publisher, Registry
from stepladder.store import Store

_log = logging.getLogger("stepladder.tracker")
_LOOK_SECONDS = 10.0
_MOST_SECONDS = 600.0


def tracker_config(given: TrackerConfig, uri: str = "") -> TrackerConfig:
    """The configured tracker, or MLflow at `uri`. Raises BadRequest where there is neither."""
    found = replace(given, kind="mlflow", uri=uri) if uri else given
    if not found.kind:
        raise BadRequest(
            "There is no tracker.",
            param="tracker",
            remedy='Give --to, or [tracker] kind = "mlflow" and a uri.',
        )
    return found


def open_tracker(given: TrackerConfig) -> Tracker:
    """Raises UnknownPlugin, MissingExtra, TrackerFailed."""
    found: Tracker = plugins.find(plugins.TRACKERS, given.kind).open(given)
    return found


def open_publisher(store: Store, releases: Path, given: TrackerConfig) -> Publisher:
    """Raises as `open_tracker`."""
    return Publisher(
        store, Registry(store.catalogue, releases), open_tracker(given), f"{given.kind} {given.uri}"
    )


class Publishing:
    """A thread that publishes what is new; while the tracker is away it asks less and less often, and nothing is lost."""

    def __init__(self, store: Store, releases: Path, given: TrackerConfig) -> None:
        self._store, self._releases, self._given = store, releases, given
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="tracker", daemon=True)

    def start(self) -> None:
        """Begin, where a tracker is configured."""
        if self._given.kind:
            self._thread.start()

    def stop(self) -> None:
        """End after the look that is being taken."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    def _keep(self) -> None:
        publisher: Publisher | None = None
        pause = _LOOK_SECONDS
        while not self._over.is_set():
            try:
                publisher = publisher or open_publisher(self._store, self._releases, self._given)
                publisher.publish()
                pause = _LOOK_SECONDS
            except StepladderError as error:
                _log.warning("Releases are not published: %s", error)
                pause = min(2 * pause, _MOST_SECONDS)
            self._over.wait(pause)
