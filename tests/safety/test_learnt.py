"""A guard that its owner taught flags what it was taught, and says clearly what is wrong with its settings."""

import json
import tomllib

import pytest
from typer.testing import CliRunner

from stepladder.core import Action, ConfigError, DataError
from stepladder.interaction.cli.app import app
from stepladder.safety import LinearGuard, open_guard

TRIPS = ["a train to {}", "book me a hotel in {}", "去{}的机票多少钱", "which museum in {} is open"]
OTHERS = ["my loan for the {} car", "bake a cake like in {}", "{}股票怎么样", "fix the tap in my {} kitchen"]
PLACES = [f"{name} {number}" for name in ("Paris", "Rome", "上海", "Oslo", "Lima") for number in range(20)]


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    folder = tmp_path_factory.mktemp("taught")
    lines = [{"text": text.format(place), "label": 0} for text in TRIPS for place in PLACES]
    lines += [{"text": text.format(place), "label": True} for text in OTHERS for place in PLACES]
    file = folder / "rows.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    told = CliRunner().invoke(app, ["guard", "fit", str(file), "--out", str(folder / "off_topic")])
    assert told.exit_code == 0, told.output
    return told.stdout


def settings(taught):
    table = tomllib.loads(taught)["guards"]["off_topic"]
    assert (table.pop("kind"), table.pop("mode")) == ("linear", "enforce")
    return table


def test_it_flags_what_it_was_taught_and_nothing_else(taught):
    guard = LinearGuard.open("off_topic", settings(taught))
    for text in ("book me a hotel in Kyoto", "去北京的机票多少钱"):
        assert guard.check(text).action is Action.PASS
    for text in ("my loan for the red car", "广州股票怎么样"):
        verdict = guard.check(text)
        assert (verdict.action, verdict.categories) == (Action.BLOCK, ("off_topic",))
        assert verdict.score >= settings(taught)["threshold"]
    assert guard.check(" \n").action is Action.PASS
    assert "# Each text judged by a model that had not seen it: 400 of 400 bad ones flagged" in taught


def test_it_is_opened_by_its_kind_and_another_model_is_another_policy(taught, tmp_path):
    from stepladder.training import fit_linear

    guard = open_guard("x", "linear", settings(taught))
    assert (guard.quick, guard.window) == (True, None)
    fit_linear(["ab cd", "ef gh"] * 8, ["flag", "pass"] * 8).model.save(tmp_path / "other")
    assert guard.digest != LinearGuard.open("x", {"model": str(tmp_path / "other")}).digest


@pytest.mark.parametrize(
    ("key", "value", "remedy"),
    [
        ("bad", ["flog"], "Labels of the model: flag, pass."),
        ("bad", [], "Labels of the model"),
        ("threshold", 0, "Choose above 0"),
        ("action", "redact", "names no part"),
    ],
)
def test_wrong_settings_are_named(taught, key, value, remedy):
    with pytest.raises(ConfigError) as caught:
        LinearGuard.open("x", {**settings(taught), key: value})
    assert caught.value.param == f"guards.x.{key}"
    assert remedy in str(caught.value)


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(DataError, match="nowhere"):
        LinearGuard.open("x", {"model": str(tmp_path / "nowhere")})
    with pytest.raises(ConfigError, match="model"):
        LinearGuard.open("x", {})


def test_rows_of_one_kind_teach_nothing(tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text('{"text": "a", "label": 1}\n' * 9, encoding="utf-8")
    told = CliRunner().invoke(app, ["guard", "fit", str(file), "--out", str(tmp_path / "x")])
    assert told.exit_code != 0
    assert "same label" in str(told.exception)
    assert not (tmp_path / "x").exists()
