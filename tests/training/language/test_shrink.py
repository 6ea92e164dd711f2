"""Steps of compression on tiny models: what they take away, what they cost, and the gate."""

import json
from importlib.util import find_spec

import pytest

from stepladder.core import BadRequest
from stepladder.models import open_embedder
from stepladder.training.language import (
    Gate,
    Job,
    LanguageSettings,
    Shrunk,
    compress,
    read_rows,
    shrink,
    train,
    write_lines,
)
from tests.training.language.bert import tiny_bert
from tests.training.language.places import tiny_base
from tests.training.language.tiny import write_intents

needed = ("torch", "transformers", "trl", "peft", "datasets", "gguf", "onnx", "onnxruntime", "onnxscript")
missing = [name for name in needed if find_spec(name) is None]
training = pytest.mark.skipif(
    bool(missing), reason=f"needs stepladder[train]: {', '.join(missing)} is not installed"
)
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    return read_rows(write_intents(tmp_path_factory.mktemp("rows") / "rows.jsonl", 90))


@pytest.fixture(scope="module")
def shrunk(tmp_path_factory, asked):
    """A tiny model that has learned its rows, and smaller ones made of it, each asked: all in one process."""
    run = tmp_path_factory.mktemp("model") / "run"
    run.mkdir()
    write_lines(run / "rows.jsonl", asked)
    base = tiny_base(run.parent / "base")
    settings = LanguageSettings(steps=60, batch=16, threads=1, rate=5e-3, save_steps=60)
    steps = {
        "narrow": {"do": "prune", "share": 0.25, "whole": True},
        "sparse": {"do": "prune", "share": 0.3, "whole": False},
        "vocabulary": {"do": "vocabulary", "rows": str(run / "rows.jsonl")},
        "layers": {"do": "layers", "keep": 1, "steps": 60, "rows": str(run / "rows.jsonl")},
    }
    rows = {"judged": str(run / "rows.jsonl"), "seen": str(run / "rows.jsonl")}
    then = [{**step, "folder": str(run / "model"), "out": str(run / name)} for name, step in steps.items()]
    then += [
        {"do": "weigh", "folder": str(run / name), "out": str(run / f"{name}.json"), **rows}
        for name in ("model", *steps)
    ]
    train(Job("sft", str(base), settings), run, lambda event: None, then=then)
    return run


def told(folder):
    return json.loads((folder / "config.json").read_bytes())


def right(run, name):
    """The share of right answers."""
    found = json.loads((run / f"{name}.json").read_bytes())
    return sum(one == other for one, other in zip(found["answers"], found["wanted"], strict=True)) / 90


def size(folder):
    return (folder / "model.safetensors").stat().st_size


@training
def test_neurons_that_weigh_least_go_and_the_model_is_smaller(shrunk):
    assert right(shrunk, "model") == 1.0
    assert told(shrunk / "narrow")["intermediate_size"] == 96
    assert size(shrunk / "narrow") < 0.95 * size(shrunk / "model")
    assert right(shrunk, "narrow") > 0.9


@training
def test_the_smallest_weights_become_nought(shrunk):
    from safetensors.numpy import load_file

    before, after = (load_file(shrunk / name / "model.safetensors") for name in ("model", "sparse"))
    name = "model.layers.0.mlp.up_proj.weight"
    gone = after[name] == 0
    assert gone.mean() == pytest.approx(0.3, abs=0.01)
    assert abs(before[name][gone]).max() <= abs(before[name][~gone]).min()
    assert (before["model.embed_tokens.weight"] == after["model.embed_tokens.weight"]).all()
    assert right(shrunk, "sparse") > 0.9


@training
def test_words_that_are_not_used_go_and_the_answers_stay(shrunk):
    whole, trimmed = (
        json.loads((shrunk / name / "tokenizer.json").read_bytes()) for name in ("model", "vocabulary")
    )
    assert (
        told(shrunk / "vocabulary")["vocab_size"]
        == len(trimmed["model"]["vocab"])
        < len(whole["model"]["vocab"])
    )
    assert size(shrunk / "vocabulary") < size(shrunk / "model")
    assert (shrunk / "vocabulary.json").stat().st_size > 0
    before, after = (json.loads((shrunk / f"{name}.json").read_bytes()) for name in ("model", "vocabulary"))
    assert before["answers"] == after["answers"]
    ids = {one["content"]: one["id"] for one in trimmed["added_tokens"]}
    assert told(shrunk / "vocabulary")["eos_token_id"] == ids["<|im_end|>"]


@training
def test_fewer_layers_learn_what_the_whole_model_says(shrunk):
    assert told(shrunk / "layers")["num_hidden_layers"] == 1
    assert size(shrunk / "layers") < 0.8 * size(shrunk / "model")
    assert right(shrunk, "layers") > 0.9


@training
def test_a_step_that_costs_too_many_answers_is_refused_and_taken_away(shrunk, asked, tmp_path):
    out = tmp_path / "out"
    step = {"do": "prune", "share": 0.97, "whole": False}
    found = shrink(step, shrunk / "model", out, asked, gate=Gate(same=0.9))
    assert "does not show 90.0%" in found.refused
    assert found.packed[1] < 0.6 * found.packed[0]
    assert (found.rows, found.right[0]) == (30, 1.0)
    assert min(found.memory) > 50_000_000
    assert not out.exists()
    with pytest.raises(BadRequest, match="too few"):
        shrink(step, shrunk / "model", out, asked[:3], gate=Gate())


@training
def test_an_encoder_in_8_bit_is_served_without_torch(asked, tmp_path):
    encoder = tiny_bert(tmp_path / "bert")
    texts = [{"text": row["prompt"][0]["content"], "label": row["completion"][0]["content"]} for row in asked]
    out = tmp_path / "out"
    found = shrink({"do": "onnx", "bits": 8}, encoder, out, texts, gate=Gate(same=0.8))
    assert (found.refused, found.right[0]) == ("", 1.0)
    assert found.size[1] < 0.6 * found.size[0]
    assert not list(out.glob("*.safetensors"))
    embedder = open_embedder("e", {"kind": "folder", "path": str(out)})
    assert embedder.embed(["my order"], query=False).shape == (1, 128)
    assert 0 < found.memory[1] < 1.1 * found.memory[0]  # the libraries take most of it, whatever the model
    rows = tmp_path / "rows.jsonl"
    write_lines(rows, texts)
    small = [
        {"do": "prune", "share": 0.5, "whole": True, "folder": str(encoder), "out": str(tmp_path / "narrow")},
        {"do": "layers", "keep": 1, "steps": 5, "rows": str(rows)}
        | {"folder": str(tmp_path / "narrow"), "out": str(tmp_path / "one")},
        {"do": "vocabulary", "rows": str(rows), "folder": str(encoder), "out": str(tmp_path / "words")},
    ]
    compress(small, tmp_path, lambda event: None)
    assert told(tmp_path / "narrow")["intermediate_size"] == 256
    assert size(tmp_path / "one") < size(tmp_path / "narrow") < size(encoder)


def seen(wrong, rows=100, right=1.0):
    return Shrunk((1, 1), (1, 1), (1.0, 1.0), (1, 1), (1.0, right), 1 - wrong / rows, rows)


@pytest.mark.parametrize(
    ("wrong", "rows", "passes"), [(0, 45, True), (0, 44, False), (1, 100, True), (2, 100, False)]
)
def test_the_gate_is_an_exact_test(wrong, rows, passes):
    # .95^45 = .0994, and of 100 rows one error has .0371, two .1183.
    assert (Gate(same=0.95, risk=0.1).refuses(seen(wrong, rows)) == "") is passes
    assert "are right" in Gate(same=0.0, right=0.95).refuses(seen(0, right=0.9))
