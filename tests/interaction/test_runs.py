"""stepladder runs, and a training that is kept in the ledger."""

import json
from importlib.util import find_spec

import pytest

from tests.interaction.shell import Shell
from tests.training.language.places import tiny_base
from tests.training.language.tiny import write_intents

missing = [name for name in ("torch", "transformers", "trl", "peft", "datasets") if find_spec(name) is None]


def test_what_is_not_there_is_named(shell: Shell):
    assert shell("runs", "--json") == 0
    assert json.loads(shell.out) == {"runs": []}
    assert shell("runs", "run-nobody") == 2
    assert "run-nobody" in shell.err


@pytest.mark.timeout(600)
@pytest.mark.skipif(bool(missing), reason=f"needs stepladder[train]: {', '.join(missing)} is not installed")
def test_a_training_is_kept_in_the_ledger_step_by_step(shell: Shell, tmp_path):
    base = tiny_base(tmp_path / "base")
    write_intents(tmp_path / "rows.jsonl", 24)
    settings = [part for one in ("steps=3", "batch=4", "rank=4", "threads=1") for part in ("--set", one)]
    train = ["train", "lora", "rows.jsonl", "--base", str(base), "--out", "run", *settings]
    assert shell(*train, "-c", str(tmp_path / "stepladder.toml")) == 0
    assert shell("runs", "--json") == 0
    (run,) = json.loads(shell.out)["runs"]
    assert (run["name"], run["failed"], run["settings"]["rank"]) == ("lora run", False, "4")
    assert run["ended_at"] > run["began_at"]
    assert shell("runs", run["id"], "--json") == 0
    steps = json.loads(shell.out)["steps"]
    assert list(steps) == ["1", "2", "3"]
    assert all(figures["loss"] > 0 for figures in steps.values())
    assert shell("runs", run["id"]) == 0
    assert "3 steps" in shell.out
    assert "loss" in shell.out
