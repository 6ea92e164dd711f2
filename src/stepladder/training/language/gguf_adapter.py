"""A low-rank adapter as a GGUF file, for llama.cpp to lay over its base. Only the worker imports this."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stepladder.core import DataError
from stepladder.training.language.gguf_file import ARCHITECTURE, interleaved, named
from stepladder.training.language.weights import ADAPTER, BASE

_PREFIX = "base_model.model."
_PLACES = {".lora_A.weight": "lora_a", ".lora_B.weight": "lora_b"}


def write(folder: Path, out: Path) -> None:
    """Write `out`, whole or not at all, in 32 bit: an adapter is small. Raises DataError for another kind of adapter."""
    import gguf

    told = json.loads((folder / ADAPTER).read_bytes())
    base = json.loads((base_of(folder) / "config.json").read_bytes())
    if told.get("peft_type") != "LORA" or told.get("modules_to_save") or told.get("use_dora"):
        raise DataError(
            f"{folder} holds an adapter of type {told.get('peft_type')}: only plain LoRA is written here.",
            remedy="Merge it: stepladder compress merge.",
        )
    draft = out.with_name(f".{out.name}.draft")
    writer = gguf.GGUFWriter(draft, ARCHITECTURE)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    # PEFT weighs by alpha / rank, or alpha / sqrt(rank) where it is rank-stabilised; llama.cpp by alpha / rank.
    rank, alpha = float(told["r"]), float(told["lora_alpha"])
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, alpha * rank**0.5 if told.get("use_rslora") else alpha)
    for name, tensor in _tensors(folder, base):
        writer.add_tensor(name, tensor, raw_dtype=gguf.GGMLQuantizationType.F32)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(out)


def base_of(folder: Path) -> Path:
    """The folder of the model that the adapter was trained on. Raises DataError where it is gone."""
    kept = folder / BASE
    base = Path(json.loads(kept.read_bytes())["base"]) if kept.exists() else Path()
    if not (base / "config.json").is_file():
        raise DataError(
            f"The model that the adapter in {folder} was trained on is gone.",
            remedy="Put it back, or train again.",
        )
    return base


def _tensors(folder: Path, base: Mapping[str, Any]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    from safetensors import safe_open

    heads = {"q_proj": base["num_attention_heads"]}
    heads["k_proj"] = base.get("num_key_value_heads") or heads["q_proj"]
    with safe_open(folder / "adapter_model.safetensors", framework="pt") as file:
        for name in sorted(file.keys()):
            end = next((end for end in _PLACES if name.endswith(end)), None)
            if end is None:
                raise DataError(
                    f"Tensor {name} is none of LoRA's.", remedy="Merge it: stepladder compress merge."
                )
            inner = name.removeprefix(_PREFIX).removesuffix(end)
            tensor = file.get_tensor(name).float().numpy()
            turned = heads.get(inner.rpartition(".")[2])
            if end == ".lora_B.weight" and turned:
                tensor = interleaved(tensor, turned)
            yield f"{named(f'{inner}.weight')}.{_PLACES[end]}", tensor
