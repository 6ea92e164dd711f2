"""A method for language models in a study: its figure is the loss on held rows, and it ends where it is pruned."""

from dataclasses import replace
from importlib.util import find_spec

import pytest

from stepladder.training import Pruned
from stepladder.training.language import Job, LanguageSettings, language_attempt, read_rows, write_lines
from tests.training.language.places import tiny_base
from tests.training.language.tiny import write_intents

pytestmark = [
    pytest.mark.skipif(find_spec("trl") is None, reason="needs stepladder[train]"),
    pytest.mark.timeout(300),
]


def test_it_is_judged_by_held_rows_and_ends_where_it_is_pruned(tmp_path):
    base = tiny_base(tmp_path / "base")
    rows = tmp_path / "rows"
    rows.mkdir()
    found = read_rows(write_intents(tmp_path / "rows.jsonl", 24))
    write_lines(rows / "rows.jsonl", found[8:])
    write_lines(rows / "held.jsonl", found[:8])
    settings = LanguageSettings(steps=6, batch=4, threads=1, save_steps=2, rank=4)
    attempt = language_attempt(lambda one: Job("lora", str(base), replace(settings, **one)), rows)
    told = []
    place = tmp_path / "whole"
    place.mkdir()
    value = attempt({"rate": 1e-2}, place, lambda step, figure: told.append((step, figure)))
    assert [step for step, _ in told] == [2, 4, 6]
    assert value == min(figure for _, figure in told)
    assert (place / "model" / "adapter_model.safetensors").exists()

    def prune(step, figure):
        raise Pruned

    place = tmp_path / "pruned"
    place.mkdir()
    with pytest.raises(Pruned):
        attempt({"rate": 1e-2}, place, prune)
    assert not (place / "model").exists()
