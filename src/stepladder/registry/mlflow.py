"""Runs and versions in the user's MLflow, through the small client (mlflow-skinny). Source: MLflow 3's tracking API.

Nothing of ours waits long for it: where it cannot be reached, that is said within seconds, and the work goes on.
"""

import math
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Self, TypeVar

from stepladder.core import MissingExtra, TrackedRun, TrackedVersion, TrackerConfig, TrackerFailed, config

T = TypeVar("T")
_PARAMS, _METRICS = 100, 1000  # so many does MLflow take at once
_LONGEST = 500  # characters of a value that every server takes
_QUICK = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}


class MlflowTracker:
    """Entry point `mlflow` in `stepladder.trackers`; a `Tracker`."""

    def __init__(self, client: Any, uri: str, experiment: str) -> None:
        self._client, self._uri, self._experiment = client, uri, experiment

    @classmethod
    def open(cls, given: TrackerConfig) -> Self:
        """Connect. Raises MissingExtra, ConfigError for a secret that is missing."""
        uri = config.secret(given.uri, "tracker.uri") if given.uri.startswith("env:") else given.uri
        for name, value in _QUICK.items():
            os.environ.setdefault(name, value)
        with _quiet():
            try:
                from mlflow import MlflowClient
            except ImportError as error:
                raise MissingExtra("Tracking with MLflow", "mlflow") from error
            client = _reached(lambda: MlflowClient(tracking_uri=uri or None, registry_uri=uri or None))
        return cls(client, uri, given.experiment)

    def begin(self, run: TrackedRun) -> str:
        """Start a run in the experiment, which is made where it is not there; its id."""
        from mlflow.entities import Param

        with _quiet():
            found = _reached(lambda: self._client.get_experiment_by_name(self._experiment))
            experiment = found.experiment_id if found else self._client.create_experiment(self._experiment)
            made = _reached(
                lambda: self._client.create_run(experiment, run_name=run.name, tags=dict(run.tags))
            )
            id = str(made.info.run_id)
            params = [Param(_name(key), value[:_LONGEST]) for key, value in sorted(run.settings.items())]
            for some in _parts(params, _PARAMS):
                _reached(partial(self._client.log_batch, id, params=some))
        return id

    def steps(self, run: str, told: Mapping[int, Mapping[str, float]]) -> None:
        """Figures by step; those that are no numbers are left out, for MLflow's stores do not all take them."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [
            Metric(_name(key), float(value), now, step)
            for step, values in told.items()
            for key, value in values.items()
            if math.isfinite(value)
        ]
        with _quiet():
            for some in _parts(metrics, _METRICS):
                _reached(partial(self._client.log_batch, run, metrics=some))

    def end(self, run: str, figures: Mapping[str, float], *, failed: bool = False) -> None:
        """Close the run with its last figures."""
        self.steps(run, {0: figures} if figures else {})
        with _quiet():
            _reached(lambda: self._client.set_terminated(run, status="FAILED" if failed else "FINISHED"))

    def register(self, run: str, version: TrackedVersion) -> str:
        """A version of a registered model, which is made where it is not there; its number."""
        from mlflow.exceptions import MlflowException

        with _quiet():
            try:
                self._client.create_registered_model(version.model)
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise _failed(error) from error
            made = _reached(
                lambda: self._client.create_model_version(
                    version.model, source=version.source, run_id=run, tags=dict(version.tags)
                )
            )
        return str(made.version)

    def point(self, model: str, alias: str, version: str) -> None:
        """Set an alias, or take it away."""
        with _quiet():
            if version:
                _reached(lambda: self._client.set_registered_model_alias(model, alias, version))
            else:
                _reached(lambda: self._client.delete_registered_model_alias(model, alias))


@contextmanager
def _quiet() -> Iterator[None]:
    """Its own libraries' warnings of what will change one day are not for our users."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _reached(ask: Callable[[], T]) -> T:
    from mlflow.exceptions import MlflowException

    try:
        return ask()
    except (MlflowException, OSError) as error:
        raise _failed(error) from error


def _failed(error: Exception) -> TrackerFailed:
    said = str(error).partition("\n")[0][:200]
    return TrackerFailed(f"MLflow: {said}", remedy="Check tracker.uri and that its server runs.")


def _name(key: str) -> str:
    """A name that MLflow takes."""
    return "".join(letter if letter.isalnum() or letter in "_-./ " else "_" for letter in key)[:200]


def _parts(all_: list[Any], most: int) -> Iterator[list[Any]]:
    for at in range(0, len(all_), most):
        yield all_[at : at + most]
