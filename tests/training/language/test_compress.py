"""Merging, GGUF files, 8 bit by torchao and 4 bit for GPUs, weighed by their answers and held to the gate: tiny models."""

import json
from importlib.util import find_spec

import numpy as np
import pytest

from stepladder.core import BadRequest, DataError, MissingExtra
from stepladder.training.language import (
    Gate,
    Job,
    LanguageSettings,
    merged,
    packed,
    read_rows,
    shrink,
    train,
    write_lines,
)
from stepladder.training.language.four_bit import in_4_bit
from stepladder.training.language.kquants import pack, packing
from stepladder.training.language.unpacking import unpacked
from stepladder.training.language.weights import ADAPTER
from tests.training.language.places import tiny_base
from tests.training.language.tiny import write_intents

needed = ("torch", "transformers", "trl", "peft", "datasets", "gguf")
missing = [name for name in needed if find_spec(name) is None]
training = pytest.mark.skipif(
    bool(missing), reason=f"needs stepladder[train]: {', '.join(missing)} is not installed"
)
served = pytest.mark.skipif(
    find_spec("xllamacpp") is None, reason="needs stepladder[local]: xllamacpp is not installed"
)
pytestmark = pytest.mark.timeout(900)
WIDE = 256  # a K-quant's block
EASY = Gate(same=0.8, right=0.8)


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    return read_rows(write_intents(tmp_path_factory.mktemp("rows") / "rows.jsonl", 90))


@pytest.fixture(scope="module")
def tuned(tmp_path_factory, asked):
    """A model that has learned its rows, and an adapter that was trained on top of it."""
    place = tmp_path_factory.mktemp("tuned")
    base = tiny_base(place / "base", hidden=WIDE)
    for method, settings in (
        ("sft", LanguageSettings(steps=30, batch=16, threads=1, rate=3e-3, save_steps=30)),
        ("lora", LanguageSettings(steps=4, batch=16, threads=1, rate=1e-3, save_steps=4)),
    ):
        run = place / method
        run.mkdir()
        write_lines(run / "rows.jsonl", asked)
        train(Job(method, str(base), settings), run, lambda event: None)
        base = run / "model"
    return place


@training
def test_a_merge_is_weighed_and_says_what_the_adapter_said(tuned, asked, tmp_path):
    out = tmp_path / "merged"
    found = shrink({"do": "merge"}, tuned / "lora" / "model", out, asked, gate=Gate(same=0.9, right=0.9))
    assert (found.refused, found.same, found.right) == ("", 1.0, (1.0, 1.0))
    adapter = (tuned / "lora" / "model" / "adapter_model.safetensors").stat().st_size
    base = (tuned / "sft" / "model" / "model.safetensors").stat().st_size
    assert found.size[0] == adapter + base
    assert found.size[1] == (out / "model.safetensors").stat().st_size < found.size[0]
    assert min(found.memory) > 50_000_000
    assert min(found.seconds) > 0


@training
@served
def test_a_gguf_file_is_weighed_as_llama_cpp_serves_it(tuned, asked, tmp_path):
    out = tmp_path / "model.gguf"
    found = shrink({"do": "gguf", "quantisation": "q4_k_m"}, tuned / "sft" / "model", out, asked, gate=EASY)
    assert found.refused == ""
    assert found.right[0] == 1.0
    assert found.size[1] == out.stat().st_size < 0.25 * found.size[0]
    assert found.memory[1] == 0 or 10_000_000 < found.memory[1] < found.memory[0]  # without torch


@training
@served
def test_an_adapter_of_its_own_is_weighed_on_its_base(tuned, asked, tmp_path):
    out = tmp_path / "adapter.gguf"
    found = shrink({"do": "gguf", "quantisation": "f32"}, tuned / "lora" / "model", out, asked, gate=EASY)
    assert (found.refused, found.same) == ("", 1.0)
    assert (
        found.size[1]
        > (tuned / "sft" / "model" / "model.safetensors").stat().st_size
        > 5 * out.stat().st_size
    )


@training
@served
def test_a_file_that_breaks_the_promise_is_refused_and_taken_away(tuned, asked, tmp_path):
    out = tmp_path / "model.gguf"
    mute = [{**row, "completion": [{"role": "assistant", "content": "thanks"}]} for row in asked]
    found = shrink({"do": "gguf", "quantisation": "q8_0"}, tuned / "sft" / "model", out, mute, gate=EASY)
    assert "does not show 80.0%" in found.refused
    assert found.right[1] == 0
    assert not out.exists()


@training
@served
def test_without_rows_the_odds_may_not_move_far(tuned, tmp_path, monkeypatch):
    out = tmp_path / "merged"
    told = merged(tuned / "lora" / "model", out)
    assert told.farthest < 1e-3
    assert min(told.memory) > 50_000_000
    monkeypatch.setattr("stepladder.training.language.measure.TOLERANCE", 0.0)
    found = packed(tuned / "sft" / "model", tmp_path / "small.gguf", "q4_0")
    assert "probability moved by" in found.refused
    assert found.memory[1] == 0 or 10_000_000 < found.memory[1] < found.memory[0]  # without torch
    assert not (tmp_path / "small.gguf").exists()


@training
@pytest.mark.skipif(find_spec("torchao") is None, reason="needs stepladder[torchao]: it is not installed")
def test_torchao_keeps_matrices_in_8_bit(tuned, asked, tmp_path):
    out = tmp_path / "eight"
    found = shrink({"do": "torchao"}, tuned / "sft" / "model", out, asked, gate=EASY)
    assert (found.refused, found.right[0]) == ("", 1.0)
    assert found.size[1] < 0.4 * found.size[0]


@training
@pytest.mark.skipif(
    find_spec("auto_round") is None, reason="needs stepladder[autoround]: it is not installed"
)
@pytest.mark.parametrize("form", ["gptq", "awq"])
def test_4_bit_for_gpus_is_weighed_here_by_its_unpacked_layers(form, tuned, asked, tmp_path):
    from safetensors.torch import load_file

    out, source = tmp_path / form, tuned / "sft" / "model"
    found = shrink({"do": "four_bit", "form": form, "steps": 3}, source, out, asked, gate=EASY)
    assert (found.refused, found.right[0]) == ("", 1.0)
    assert found.size[1] < 0.25 * found.size[0]
    assert (found.seconds[1], found.memory[1]) == (0, 0)  # a GPU's kernels would tell
    told = json.loads((out / "config.json").read_bytes())["quantization_config"]
    assert (told["quant_method"], told["bits"], told["group_size"], told["sym"]) == (
        form,
        4,
        128,
        form == "gptq",
    )
    whole, kept = load_file(source / "model.safetensors"), load_file(out / "model.safetensors")
    layers = [name.removesuffix(".qweight") for name in kept if name.endswith(".qweight")]
    assert len(layers) == 14
    for name in layers:
        scales = kept[f"{name}.scales"]
        near = unpacked(form, kept[f"{name}.qweight"], kept[f"{name}.qzeros"], scales)
        step = scales.float().abs().repeat_interleave(128, 0).T  # of either sign
        # Rounding up or down is learned, and the ends are cut by a few steps at most.
        assert ((near - whole[f"{name}.weight"]).abs() / step).mean() < 0.5
        assert ((near - whole[f"{name}.weight"]).abs() <= 2 * step).all()


def test_4_bit_says_what_it_needs(tmp_path, monkeypatch):
    monkeypatch.setattr("stepladder.training.language.four_bit.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"stepladder\[autoround\]"):
        in_4_bit(tmp_path, tmp_path / "out", tmp_path / "rows.jsonl", "gptq", 5)
    monkeypatch.setattr("stepladder.training.language.four_bit.find_spec", lambda name: name)
    with pytest.raises(BadRequest, match="in 0 steps"):
        in_4_bit(tmp_path, tmp_path / "out", tmp_path / "rows.jsonl", "gptq", 0)
    (tmp_path / ADAPTER).write_text("{}")
    with pytest.raises(DataError, match="Merge an adapter first"):
        in_4_bit(tmp_path, tmp_path / "out", tmp_path / "rows.jsonl", "awq", 5)


@pytest.mark.parametrize(
    ("name", "width", "kind", "wanted"),
    [
        ("blk.0.attn_q.weight", 256, "q4_k_m", "Q4_K"),
        ("blk.0.attn_q.weight", 576, "q4_k_m", "Q5_0"),  # 576 = 2.25 blocks
        ("blk.5.attn_q.weight", 576, "q5_k_m", "Q5_1"),
        ("blk.0.ffn_down.weight", 1536, "q4_k_m", "Q6_K"),  # the first eighth
        ("blk.3.ffn_down.weight", 1536, "q4_k_m", "Q4_K"),
        ("blk.5.ffn_down.weight", 1536, "q4_k_m", "Q6_K"),  # every third
        ("blk.26.attn_v.weight", 576, "q4_k_m", "Q8_0"),  # the last eighth
        ("token_embd.weight", 512, "q5_k_m", "Q6_K"),
        ("blk.0.attn_q.weight", 40, "q6_k", "F16"),
    ],
)
def test_which_matrix_gets_how_many_bits(name, width, kind, wanted):
    assert packing(name, width, kind, 30, tied=True) == wanted


def test_an_output_of_its_own_gets_more_and_the_words_do_not():
    assert packing("output.weight", 512, "q4_k_m", 30, tied=False) == "Q6_K"
    assert packing("token_embd.weight", 512, "q4_k_m", 30, tied=False) == "Q4_K"


@pytest.mark.skipif(
    find_spec("gguf") is None or find_spec("xllamacpp") is None, reason="needs stepladder[train,local]"
)
def test_packed_weights_are_near_to_what_they_were():
    import gguf

    plain = np.random.default_rng(0).normal(size=(16, 512)).astype(np.float32)
    off = {}
    for name in ("Q8_0", "Q6_K", "Q5_K", "Q5_1", "Q5_0", "Q4_K"):
        kind = gguf.GGMLQuantizationType[name]
        found = pack(plain, name)
        off[name] = float(np.sqrt(((gguf.quants.dequantize(found, kind) - plain) ** 2).mean()))
        if name in ("Q8_0", "Q5_1", "Q5_0"):  # these gguf can write too: the same bytes
            assert (found == gguf.quants.quantize(plain, kind)).all()
    assert off["Q6_K"] < 0.02 < off["Q5_K"] < off["Q5_1"] < off["Q5_0"] < off["Q4_K"] < 0.08
