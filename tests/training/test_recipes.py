"""Recipes are found by name, and what they made is the rung that is loaded."""

from dataclasses import replace

import pytest

from stepladder.core import ConfigError, Example, Question, Task, TrackerFailed
from stepladder.data import freeze
from stepladder.registry import Registry
from stepladder.store import Store
from stepladder.training import admit, fit, learned_rungs, load_rungs

SETTINGS = {"folds": 2, "bits": 10, "characters": False, "costs": [0.3]}
TASK = Task("mood", "top", labels=("good", "bad"), recipes={"linear": SETTINGS})


def test_only_rungs_with_a_recipe_are_learned():
    assert learned_rungs(TASK) == ["linear"]
    with pytest.raises(ConfigError, match=r"tasks\.mood\.rungs.*linear"):
        learned_rungs(Task("mood", "top", rungs=("dictionary",)))


def test_fit_admit_and_load_again(tmp_path):
    examples = [
        Example(str(i), f"{'lovely' if i % 2 else 'awful'} soup {i}", "good" if i % 2 else "bad")
        for i in range(40)
    ]
    dataset = freeze("mood", {"train": examples})
    said = []
    fitted = fit(TASK, dataset, tmp_path / "staged", lambda *args: said.append(args))
    assert len(fitted["linear"].out_of_fold) == 40
    assert said and said[-1][2].startswith("linear: ")
    store = Store.open("sqlite://")
    try:
        registry = Registry(store.catalogue, tmp_path / "releases")
        releases = admit(registry, dataset, tmp_path / "staged", fitted)
        release = store.catalogue.get_release(releases["linear"])
        assert (release.dataset, release.recipe) == (dataset.hash, "linear")
        assert registry.dataset(dataset.hash).splits == dataset.splits
        (rung,) = load_rungs(registry, releases)
        assert (rung.name, rung.release) == ("linear", releases["linear"])
        guesses = rung.predict([Question("q", "mood", "lovely soup"), Question("q", "mood", "awful soup")])
        assert [guess.text for guess in guesses] == ["good", "bad"]
    finally:
        store.close()


class Away:
    """A keeper of runs that breaks down once a run has begun."""

    def begin(self, run):
        return "run-1"

    def steps(self, run, told):
        raise TrackerFailed("It is away.", remedy="Wait.")

    def end(self, run, figures, *, failed=False):
        self.steps(run, {})


def test_each_fit_is_kept_as_a_run_and_a_failed_one_as_failed(tmp_path):
    examples = [Example(str(i), f"{'lovely' if i % 2 else 'awful'} {i}", "gb"[i % 2]) for i in range(20)]
    dataset = freeze("mood", {"train": examples})
    store = Store.open("sqlite://")
    try:
        fitted = fit(TASK, dataset, tmp_path / "one", lambda *said: None, store.runs)
        wrong = replace(TASK, recipes={"linear": {"folds": 0}})
        with pytest.raises(ConfigError):
            fit(wrong, dataset, tmp_path / "two", lambda *said: None, store.runs)
        later, first = sorted(store.runs.newest(), key=lambda run: not run.failed)
        assert (first.name, first.settings["rows"], first.settings["bits"]) == ("linear mood", "20", "10")
        assert first.figures == fitted["linear"].metrics
        assert (later.failed, later.figures) == (True, {})
    finally:
        store.close()


def test_a_keeper_of_runs_in_trouble_stops_no_fit(tmp_path):
    examples = [Example(str(i), f"{'lovely' if i % 2 else 'awful'} {i}", "gb"[i % 2]) for i in range(20)]
    said = []
    fitted = fit(TASK, freeze("mood", {"train": examples}), tmp_path, lambda *told: said.append(told), Away())
    assert len(fitted["linear"].out_of_fold) == 20
    assert "no longer followed by the ledger" in said[-1][2]
