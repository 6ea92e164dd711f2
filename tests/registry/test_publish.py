"""Releases and runs in a real MLflow: its own SQLite store, read back with its own client."""

import json
import warnings
from dataclasses import dataclass
from importlib.util import find_spec

import pytest

from stepladder.core import (
    LadderRelease,
    Release,
    Rollout,
    TrackedRun,
    TrackedVersion,
    TrackerConfig,
    TrackerFailed,
)
from stepladder.registry import Publisher, Registry
from stepladder.registry.mlflow import MlflowTracker
from stepladder.store import Store
from stepladder.training import Following

needed = pytest.mark.skipif(find_spec("mlflow") is None, reason="needs stepladder[mlflow]")


@dataclass
class Noted:
    """A tracker that remembers, and is away when it is told to be."""

    away: bool = False

    def __post_init__(self):
        self.said = []

    def begin(self, run):
        return self._say("begin", run.name, f"run {run.name}")

    def steps(self, run, told):
        self._say("steps", dict(told))

    def end(self, run, figures, *, failed=False):
        self._say("end", failed)

    def register(self, run, version):
        return self._say("register", version.model, str(len(self.said)))

    def point(self, model, alias, version):
        self._say("point", (model, alias, version))

    def _say(self, what, which, back=""):
        if self.away:
            raise TrackerFailed("It is away.")
        self.said.append((what, which))
        return back


@pytest.fixture
def store(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path / 'stepladder.db'}")
    yield store
    store.close()


@pytest.fixture
def releases(store):
    """Two releases of a task, the first live."""
    for k in (1, 2):
        store.catalogue.add_release(
            Release(
                f"linear-{k}",
                "mood",
                "linear",
                "linear",
                "d" * 64,
                "f" * 64,
                {"accuracy": 0.5 + k / 10},
                float(k),
            )
        )
        store.catalogue.add_ladder_release(
            LadderRelease(f"mood-{k}", "mood", k, {"linear": f"linear-{k}"}, {"linear": 0.6}, None, "top")
        )
    store.rollouts.put(Rollout("mood", live="mood-1"), "a test")
    return store


def go_on(store):
    """The second release takes the place of the first."""
    held = store.rollouts.get("mood")
    store.rollouts.put(Rollout("mood", live="mood-2", previous="mood-1", version=held.version), "a test")


def test_what_is_new_is_published_once_and_aliases_follow_the_rollout(releases, tmp_path):
    tracker = Noted()
    publisher = Publisher(releases, Registry(releases.catalogue, tmp_path), tracker, "somewhere")
    assert publisher.publish() == ["linear-1", "linear-2"]
    assert ("point", ("stepladder.mood.linear", "live", publisher.version("linear-1"))) in tracker.said
    tracker.said.clear()
    assert publisher.publish() == []
    assert tracker.said == []
    go_on(releases)
    publisher.publish()
    assert {said for _, said in tracker.said} == {
        ("stepladder.mood.linear", "live", publisher.version("linear-2")),
        ("stepladder.mood.linear", "previous", publisher.version("linear-1")),
    }


def test_what_could_not_be_said_is_said_when_the_tracker_is_back(releases, tmp_path):
    tracker = Noted(away=True)
    publisher = Publisher(releases, Registry(releases.catalogue, tmp_path), tracker, "somewhere")
    with pytest.raises(TrackerFailed):
        publisher.publish()
    tracker.away = False
    assert publisher.publish() == ["linear-1", "linear-2"]


@dataclass(frozen=True)
class Job:
    method: str
    settings: dict


def test_a_tracker_in_trouble_does_not_stop_a_run(tmp_path):
    tracker, heard = Noted(), []
    with Following.beside(tracker, tmp_path, Job("lora", {"rank": 8}), heard.append) as following:
        following({"event": "step", "step": 1, "loss": 2.0})
        tracker.away = True
        for step in range(2, 5):
            following({"event": "step", "step": step, "loss": 2.0})
    assert [one["step"] for one in heard if one["event"] == "step"] == [1, 2, 3, 4]
    assert [one["kind"] for one in heard if one["event"] == "advice"] == ["tracker"]
    assert json.loads((tmp_path / "tracked.json").read_bytes())["run"].startswith("run lora")


@needed
def test_mlflow_holds_runs_versions_and_aliases(releases, tmp_path):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    tracker = MlflowTracker.open(TrackerConfig("mlflow", uri, "house"))
    publisher = Publisher(releases, Registry(releases.catalogue, tmp_path), tracker, uri)
    publisher.publish()
    go_on(releases)
    publisher.publish()
    with Following.beside(tracker, tmp_path, Job("lora", {"rank": 8}), lambda event: None) as following:
        for step in (1, 2, 3):
            following({"event": "step", "step": step, "loss": 3.0 / step, "rate": 0.1})
        following({"event": "held", "step": 3, "loss": float("nan")})
        following.done({"steps": 3})

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        live = client.get_model_version_by_alias("stepladder.mood.linear", "live")
        assert (str(live.version), live.tags["stepladder.release"]) == (
            publisher.version("linear-2"),
            "linear-2",
        )
        made = client.get_run(live.run_id)
        assert (made.data.metrics["accuracy"], made.info.status) == (0.7, "FINISHED")
        run = client.get_run(json.loads((tmp_path / "tracked.json").read_bytes())["run"])
        assert (run.data.params["rank"], run.data.metrics["loss"]) == ("8", 1.0)
        assert [one.value for one in client.get_metric_history(run.info.run_id, "loss")] == [3.0, 1.5, 1.0]
        assert "held_loss" not in run.data.metrics


@needed
def test_an_mlflow_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    tracker = MlflowTracker.open(TrackerConfig("mlflow", "http://127.0.0.1:9"))
    with pytest.raises(TrackerFailed, match="MLflow"):
        tracker.begin(TrackedRun("x"))
    with pytest.raises(TrackerFailed):
        tracker.register("x", TrackedVersion("m", "file:///m"))
