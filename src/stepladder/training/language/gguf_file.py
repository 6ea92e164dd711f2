"""A Hugging Face folder as a GGUF file for llama.cpp, written with llama.cpp's own package. Only the worker imports this.

For models of Llama's shape (Llama, SmolLM2, TinyLlama ...) with a byte-pair tokeniser; others have llama.cpp's own
converter. Weights may be packed in 8, 6, 5 or 4 bit; what is no matrix, or no multiple of a block, stays in 32 bit.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stepladder.core import BadRequest, DataError
from stepladder.training.language import kquants

ARCHITECTURE = "llama"
KINDS = ("f32", "f16", "q8_0", "q5_0", "q4_0", *kquants.KINDS)
_NAMES: Mapping[str, str] = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_DIGITS_ALONE = "smollm"
_PLAIN = "gpt-2"


def write(folder: Path, out: Path, kind: str) -> None:
    """Write `out`, whole or not at all.

    Raises BadRequest for another `kind`, DataError for another kind of model, MissingExtra for K-quants without llama.cpp.
    """
    import gguf

    if kind not in KINDS:
        raise BadRequest(f"There is no quantisation {kind!r}.", remedy=f"One of: {', '.join(KINDS)}.")
    told = json.loads((folder / "config.json").read_bytes())
    if told.get("architectures") != ["LlamaForCausalLM"]:
        raise DataError(
            f"{folder} holds a {told.get('architectures')}: only models of Llama's shape are written here.",
            remedy="Convert it with llama.cpp's convert_hf_to_gguf.py, and give the file as a local model's path.",
        )
    draft = out.with_name(f".{out.name}.draft")
    writer = gguf.GGUFWriter(draft, ARCHITECTURE)
    _describe(writer, told, kind)
    _tokens(writer, folder, told)
    for name, tensor in _tensors(folder, told):
        packed, packing = _packed(name, tensor, kind, told)
        writer.add_tensor(name, packed, raw_dtype=packing)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(out)


def _describe(writer: Any, told: Mapping[str, Any], kind: str) -> None:
    import gguf

    heads = told["num_attention_heads"]
    width = told.get("head_dim") or told["hidden_size"] // heads
    rope = told.get("rope_parameters") or {}
    writer.add_name(str(told.get("_name_or_path") or "model"))
    writer.add_context_length(told["max_position_embeddings"])
    writer.add_embedding_length(told["hidden_size"])
    writer.add_block_count(told["num_hidden_layers"])
    writer.add_feed_forward_length(told["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(told.get("num_key_value_heads") or heads)
    writer.add_key_length(width)
    writer.add_value_length(width)
    writer.add_rope_dimension_count(width)
    writer.add_rope_freq_base(float(rope.get("rope_theta") or told.get("rope_theta") or 10_000.0))
    writer.add_layer_norm_rms_eps(told["rms_norm_eps"])
    writer.add_vocab_size(told["vocab_size"])
    names = {"f32": "ALL_F32", "f16": "MOSTLY_F16"}
    writer.add_file_type(getattr(gguf.LlamaFileType, names.get(kind, f"MOSTLY_{kind.upper()}")))
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)


def _tokens(writer: Any, folder: Path, told: Mapping[str, Any]) -> None:
    import gguf

    read = json.loads((folder / "tokenizer.json").read_bytes())
    if read["model"]["type"] != "BPE":
        raise DataError(
            f"{folder} has a tokeniser of type {read['model']['type']}: only byte-pair ones are written here.",
            remedy="Convert it with llama.cpp's convert_hf_to_gguf.py.",
        )
    known = {id: text for text, id in read["model"]["vocab"].items()}
    added = {one["id"]: one for one in read["added_tokens"]}
    texts, types = [], []
    for id in range(told["vocab_size"]):
        if id in added:
            texts.append(added[id]["content"])
            types.append(gguf.TokenType.CONTROL if added[id]["special"] else gguf.TokenType.USER_DEFINED)
        else:
            texts.append(known.get(id, f"[PAD{id}]"))
            types.append(gguf.TokenType.NORMAL if id in known else gguf.TokenType.UNUSED)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(_splitting(read.get("pre_tokenizer"), folder))
    writer.add_token_list(texts)
    writer.add_token_types(types)
    merges = read["model"]["merges"]
    writer.add_token_merges([one if isinstance(one, str) else " ".join(one) for one in merges])
    writer.add_add_bos_token(False)
    for add, key in ((writer.add_bos_token_id, "bos_token_id"), (writer.add_eos_token_id, "eos_token_id")):
        if isinstance(told.get(key), int):
            add(told[key])
    template = folder / "chat_template.jinja"
    if template.exists():
        writer.add_chat_template(template.read_text(encoding="utf-8"))


def _splitting(found: Any, folder: Path) -> str:
    """llama.cpp's name for how texts are split before byte pairs are merged. Raises DataError for an unknown way."""
    steps = found["pretokenizers"] if found and found["type"] == "Sequence" else [found]
    kinds = [step["type"] if step else None for step in steps]
    if kinds == ["ByteLevel"] and steps[0].get("use_regex", True):
        return _PLAIN
    if kinds == ["Digits", "ByteLevel"] and steps[0].get("individual_digits"):
        return _DIGITS_ALONE
    raise DataError(
        f"{folder} splits texts in a way that is not written here ({kinds}).",
        remedy="Convert it with llama.cpp's convert_hf_to_gguf.py.",
    )


def _tensors(folder: Path, told: Mapping[str, Any]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    from safetensors import safe_open

    heads = told["num_attention_heads"]
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            for name in sorted(file.keys()):
                tensor = file.get_tensor(name).float().numpy()
                if name.endswith("q_proj.weight"):
                    tensor = interleaved(tensor, heads)
                elif name.endswith("k_proj.weight"):
                    tensor = interleaved(tensor, told.get("num_key_value_heads") or heads)
                yield named(name), tensor


def interleaved(weight: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Rotary halves side by side, as llama.cpp turns them: (heads, 2, half, in) -> (heads, half, 2, in)."""
    rows, columns = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def named(name: str) -> str:
    """llama.cpp's name for a tensor of Llama's. Raises DataError."""
    stem, _, kind = name.rpartition(".")
    block, inner = "", stem
    if stem.startswith("model.layers."):
        number, _, inner = stem.removeprefix("model.layers.").partition(".")
        block = f"blk.{number}."
    if inner not in _NAMES:
        raise DataError(f"Tensor {name} is none of Llama's.", remedy="Convert it with llama.cpp's converter.")
    return f"{block}{_NAMES[inner]}.{kind}"


def _packed(
    name: str, tensor: NDArray[np.float32], kind: str, told: Mapping[str, Any]
) -> tuple[NDArray[Any], Any]:
    import gguf

    types = gguf.GGMLQuantizationType
    if kind in kquants.KINDS and tensor.ndim == 2:
        tied = bool(told.get("tie_word_embeddings"))
        chosen = kquants.packing(name, tensor.shape[1], kind, told["num_hidden_layers"], tied)
        if chosen != "F16":
            return kquants.pack(tensor, chosen), types[chosen]
        return gguf.quants.quantize(tensor, types.F16), types.F16
    wanted = types.F32 if kind in kquants.KINDS else types[kind.upper()]
    block = gguf.GGML_QUANT_SIZES[wanted][0]
    if tensor.ndim != 2 or tensor.shape[-1] % block:
        wanted = types.F32
    return gguf.quants.quantize(tensor, wanted), wanted
