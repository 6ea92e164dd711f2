"""Linear layers in 4 bit, as GPTQ and AWQ keep them, read without their kernels: unpacked to 32 bit on any machine.

So a folder for servers on GPUs can be weighed, read and trained on where there is none. Only the worker imports this.
"""

import json
from pathlib import Path
from typing import Any

from stepladder.core import DataError

FORMS = ("gptq", "awq")
_PACKED = 8  # numbers of 4 bit in one of 32
_AWQ_PLACES = (0, 4, 1, 5, 2, 6, 3, 7)  # where AutoAWQ keeps the first, second, ... of eight columns


def layout(folder: Path) -> str:
    """The form of a folder's weights, or ""."""
    try:
        told = json.loads((folder / "config.json").read_bytes()).get("quantization_config") or {}
    except (OSError, ValueError):
        return ""
    method = str(told.get("quant_method", ""))
    return method if method in FORMS and told.get("bits") == 4 else ""


def open_4_bit(folder: Path) -> Any:
    """The model of a folder in one of `FORMS`, unpacked to 32 bit. Raises DataError for a layout that is not read here."""
    import torch
    from safetensors.torch import load_file
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    form, told = layout(folder), config.quantization_config
    if (
        told.get("desc_act")
        or told.get("version", "gemm") != "gemm"
        or told.get("checkpoint_format") == "gptq_v2"
    ):
        raise DataError(
            f"{folder} is in a layout of {form} that is not read here.",
            remedy="Give the model it was made of.",
        )
    del config.quantization_config
    kept: dict[str, Any] = {}
    for path in sorted(folder.glob("*.safetensors")):
        kept |= load_file(path)
    weights = {name: value.float() for name, value in kept.items() if value.is_floating_point()}
    for name in [name.removesuffix(".qweight") for name in kept if name.endswith(".qweight")]:
        del weights[f"{name}.scales"]
        weights[f"{name}.weight"] = unpacked(
            form, kept[f"{name}.qweight"], kept[f"{name}.qzeros"], kept[f"{name}.scales"]
        )
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    missing = [
        name for name in model.load_state_dict(weights, strict=False).missing_keys if "lm_head" not in name
    ]
    if missing:
        raise DataError(f"{folder} lacks {missing[0]}.", remedy="Give a whole folder.")
    model.tie_weights()
    return model


def unpacked(form: str, weights: Any, zeros: Any, scales: Any) -> Any:
    """A linear layer's weights (out, in) in 32 bit, of what the layouts call qweight, qzeros and scales (groups, out).

    GPTQ packs eight rows of (in, out) into a number and keeps zero points less 1; AWQ packs eight columns, interleaved.
    """
    import torch

    if form == "gptq":
        eight = _apart(weights)  # (in / 8, out, 8)
        numbers = eight.permute(0, 2, 1).reshape(-1, eight.shape[1])
        points = _apart(zeros).flatten(1) + 1
    else:
        order = torch.tensor(_AWQ_PLACES)
        numbers, points = (_apart(packed)[..., order].flatten(1) for packed in (weights, zeros))
    group = numbers.shape[0] // scales.shape[0]
    points, scales = (one.repeat_interleave(group, 0) for one in (points, scales.float()))
    return ((numbers - points) * scales).T.contiguous()


def _apart(packed: Any) -> Any:
    """Numbers of 4 bit, the lowest first, on a last axis of eight."""
    import torch

    return (packed.long()[..., None] >> (4 * torch.arange(_PACKED))) & 15
