"""A release made again is the same release, and a difference is told."""

from dataclasses import asdict, replace

import pytest

from stepladder.core import ConfigError, Example, Task
from stepladder.data import freeze
from stepladder.registry import Keeping, Registry
from stepladder.store import Store
from stepladder.training import admit, fit, reproduce

SETTINGS = {"folds": 2, "bits": 10, "characters": False, "costs": [0.3]}
TASK = Task("mood", "top", labels=("good", "bad"), recipes={"linear": SETTINGS})


def quiet(done, total, what):
    pass


def test_a_release_is_made_again_byte_for_byte(tmp_path):
    examples = [
        Example(str(n), f"{'lovely' if n % 2 else 'awful'} soup {n}", "good" if n % 2 else "bad")
        for n in range(60)
    ]
    dataset = freeze("mood", {"train": examples})
    fitted = fit(TASK, dataset, tmp_path / "staged", quiet)
    store = Store.open("sqlite://")
    try:
        registry = Registry(store.catalogue, tmp_path / "releases")
        release = store.catalogue.get_release(
            admit(registry, dataset, tmp_path / "staged", fitted, TASK)["linear"]
        )
        record = Keeping(store, registry).record(release.id)
        assert (record.settings, record.task_again()) == (SETTINGS, TASK)
        made = reproduce(registry, release, record, quiet)
        assert made.identical
        assert (made.agreement, made.distance, made.questions, dict(made.changes)) == (1.0, 0.0, 60, {})
        assert all(one == other for one, other in made.metrics.values())
        other = reproduce(
            registry, release, replace(record, settings={**SETTINGS, "costs": [30.0]}, code="x"), quiet
        )
        assert not other.identical
        assert other.distance > 0
        assert other.changes.keys() == {"code"}
        with pytest.raises(ConfigError, match="not understood"):
            reproduce(registry, release, replace(record, task={**asdict(record)["task"], "labels": 5}), quiet)
    finally:
        store.close()
