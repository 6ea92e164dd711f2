"""Recipes are found by name, and what they made is the rung that is loaded."""

import pytest

from stepladder.core import ConfigError, Example, Question, Task
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
