"""fastText's weights sometimes run away; then it is learnt again at a lower rate, and the report says at which."""

from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from stepladder.core import DataError, Dataset, Example, Fitted, Task
from stepladder.models import FastTextModel
from stepladder.training import FastTextRecipe, fast_text

pytest.importorskip("fasttext")

TOO_FAST = {"rate": 5.0, "epochs": 200}


def noise(seed: int) -> tuple[Example, ...]:
    """One word and a label that has nothing to do with it: what a high rate never settles on."""
    chance = Random(seed)
    return tuple(Example(str(k), f"w{chance.randrange(50)}", chance.choice("ab")) for k in range(60))


def fit(folder: Path, settings: Mapping[str, Any] = TOO_FAST) -> Fitted:
    return FastTextRecipe().fit(
        Task(name="noise", top="top"),
        Dataset("", "noise", {"train": noise(0)}),
        folder,
        settings=settings,
        seed=0,
        progress=lambda done, total, what: None,
    )


def test_weights_that_run_away_are_learnt_again_at_a_lower_rate(tmp_path: Path) -> None:
    """At 5.0 these rows make a model that cannot answer. Every fold and the model itself come from one lower rate."""
    fitted = fit(tmp_path)
    assert fitted.metrics["rate"] in {2.5, 1.25, 0.625, 0.3125}
    assert len(fitted.out_of_fold) == 60
    (guess,) = FastTextModel.load(tmp_path).predict(["w1"])
    assert guess.text in {"a", "b"} and 0.5 <= guess.confidence <= 1


def test_what_this_process_did_before_is_no_part_of_the_model(tmp_path: Path) -> None:
    """Memory that was used and given back once became weights."""
    clean = fit(tmp_path / "clean", {"epochs": 5})
    for _ in range(2):  # from the second time on, pieces of this size come from the heap
        used = [np.full(2**18, 1e30, np.float32) for _ in range(100)]
        last = used[-1]
        del used
    again = fit(tmp_path / "again", {"epochs": 5})
    assert last.size
    assert again.metrics["rate"] == clean.metrics["rate"] == 0.5
    assert list(again.out_of_fold) == list(clean.out_of_fold)


def test_where_no_rate_helps_the_error_says_which_were_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fast_text, "_HALVINGS", 0)
    with pytest.raises(DataError, match="ran away at a rate of 5") as caught:
        fit(tmp_path)
    assert "recipes.fasttext.rate" in str(caught.value)
