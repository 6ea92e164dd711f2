"""What a rung will take, told before it starts."""

import pytest

from stepladder.core import ConfigError, DataError, Dataset, Example, Task, UnknownPlugin
from stepladder.testing.recipes import opinions
from stepladder.training import LinearRecipe, carried, foretell
from stepladder.training.pilot import Fit

TASK = Task("mood", "top", labels=("good", "bad"))
MB = 1_000_000


def test_time_goes_on_by_the_power_law_of_the_processors():
    # Four times the work for twice the rows; that the clock said ten times is others' doing.
    fits = [Fit(100, 0.1, 1.0, 50 * MB, 10), Fit(200, 1.0, 4.0, 60 * MB, 10)]
    found = carried(fits, 800)
    assert (found.rows, found.tried) == (800, 200)
    assert found.seconds == pytest.approx(16.0)
    assert found.memory == 120 * MB
    assert found.disk == 10
    assert found.money(3600.0) == pytest.approx(16.0)


def test_what_was_fitted_whole_is_told_as_it_was():
    found = carried([Fit(64, 0.1, 0.1, 50 * MB, 10), Fit(80, 0.3, 0.3, 51 * MB, 12)], 80)
    assert (found.seconds, found.memory, found.disk) == (0.3, 51 * MB, 12)


def test_a_pilot_is_a_fit_of_the_recipe_itself(tmp_path):
    examples = opinions(150)
    found = foretell(TASK, "linear", examples, {"costs": [1.0]})
    assert found.rows == 150
    assert 64 <= found.tried <= 150
    assert 30 * MB < found.memory < 2_000 * MB
    LinearRecipe().fit(
        TASK,
        Dataset("", "mood", {"train": tuple(examples)}),
        tmp_path,
        settings={"costs": [1.0]},
        seed=0,
        progress=lambda done, total, what: None,
    )
    written = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert found.disk == pytest.approx(written, rel=0.2)


@pytest.mark.parametrize(
    ("recipe", "rows", "settings", "error", "said"),
    [
        ("lineer", 80, {}, UnknownPlugin, "lineer"),
        ("linear", 80, {"bitz": 3}, ConfigError, "bitz"),
        ("linear", 1, {}, DataError, "two classes"),
    ],
)
def test_what_cannot_be_fitted_is_said_at_once(recipe, rows, settings, error, said):
    with pytest.raises(error, match=said) as caught:
        foretell(TASK, recipe, opinions(rows), settings)
    assert caught.value.remedy


def test_rows_of_spans_are_for_the_tagger():
    examples = [Example(name, "call 555", "no json") for name in "ab"]
    with pytest.raises(DataError, match="no JSON"):
        foretell(Task("spans", "top"), "tagger", examples, {})
