"""A rung's recipe by hand: `stepladder train linear`."""

import json

from stepladder.testing.recipes import opinions


def test_a_rung_is_foretold_then_fitted(shell, tmp_path):
    lines = [json.dumps({"input": one.text, "answer": one.label}) for one in opinions(90)]
    (tmp_path / "log.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    out = tmp_path / "run"
    asked = ["train", "linear", "log.jsonl", "--out", "run", "--set", "costs=[1.0]", "--price", "2"]
    assert shell(*asked, "--dry-run") == 0
    for name in ("memory", "disk", "time", "money", "at 2 an hour"):
        assert name in shell.out
    assert not out.exists()
    assert shell(*asked, "-c", "stepladder.toml") == 0
    made = json.loads((out / "made.json").read_bytes())
    assert made["metrics"]["out_of_fold_accuracy"] > 0.8
    assert made["record"]["settings"] == {"costs": [1.0]}
    assert shell(*asked) == 0
    assert "is there already" in shell.out
    assert shell("runs", "--json") == 0
    (kept,) = json.loads(shell.out)["runs"]
    assert kept["name"] == "linear run"
    assert kept["figures"]["out_of_fold_accuracy"] == made["metrics"]["out_of_fold_accuracy"]


def test_an_unknown_method_lists_recipes_too(shell):
    assert shell("train", "lineer", "log.jsonl", "--out", "run") != 0
    assert "lineer" in shell.err
    assert "linear" in shell.err
    assert "orpo" in shell.err


def test_shares_and_prices_that_cannot_be_are_refused(shell):
    assert shell("train", "lora", "log.jsonl", "--out", "run", "--held", "0.9") != 0
    assert "--held is 0.9" in shell.err
    assert shell("train", "linear", "log.jsonl", "--out", "run", "--price", "-1") != 0
    assert "--price is -1" in shell.err
