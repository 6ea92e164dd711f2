"""Models whose linear layers are kept in 4 bit, in the two layouts that servers on GPUs open. Only the worker imports this.

Weights are rounded by auto-round (Cheng et al. 2023, SignRound, arXiv 2309.05516), which learns, block by block, which way to
round by what the block gives on the user's rows; it needs no GPU. *GPTQ* here is the layout of AutoGPTQ (Frantar et al. 2022,
2210.17323), symmetric; *AWQ* that of AutoAWQ's `gemm` (Lin et al. 2023, 2306.00978), with zero points.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from stepladder.core import BadRequest, DataError, MissingExtra
from stepladder.training.language.layering import chat_tokens
from stepladder.training.language.unpacking import FORMS
from stepladder.training.language.weights import ADAPTER, drafted, open_model, open_tokenizer, writes

_GROUPS = (128, 64, 32)  # weights that share a scale; servers' kernels know these
_LENGTH, _RUNS = 256, 128  # tokens of a run of rows, and runs, that rounding learns from
_FEWEST = 8  # runs: fewer rows are cut into shorter ones
_BATCH = 8


def in_4_bit(folder: Path, out: Path, rows: Path, form: str, steps: int) -> None:
    """Write a folder in a form of `FORMS`: layers in 4 bit, a 16 bit scale a group, all else in 16 bit, in safetensors.

    `steps` is how often a block's rounding is bettered on the rows. Raises MissingExtra, BadRequest, DataError.
    """
    if find_spec("auto_round") is None:
        raise MissingExtra("Packing in 4 bit for GPUs", "autoround")
    if form not in FORMS or steps < 1:
        raise BadRequest(f"There is no {form} in {steps} steps.", param="--steps", remedy="Give 1 or more.")
    if (folder / ADAPTER).exists() or not writes(folder):
        raise DataError(
            f"{folder} holds no whole model that writes.",
            remedy="Merge an adapter first; `onnx` is for encoders.",
        )
    import torch
    from auto_round import AutoRound, SignRoundConfig

    model, tokenizer = open_model(folder), open_tokenizer(folder)
    runs = _runs(tokenizer, [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()])
    scheme = {
        "bits": 4,
        "group_size": _group(model),
        "sym": form == "gptq",
        "data_type": "int",
        "act_bits": 16,
    }
    rounding = AutoRound(
        model,
        tokenizer,
        scheme=scheme,
        alg_configs=SignRoundConfig(iters=steps),
        dataset=[torch.tensor(runs[at : at + _BATCH]) for at in range(0, len(runs), _BATCH)],
        seqlen=len(runs[0]),
        nsamples=len(runs),
        batch_size=min(_BATCH, len(runs)),
        device_map=0 if torch.cuda.is_available() else "cpu",
        enable_torch_compile=False,
        seed=0,
    )
    with tempfile.TemporaryDirectory(prefix="stepladder-4-bit-") as work, drafted(out) as draft:
        rounding.quantize_and_save(output_dir=work, format=f"auto_{form}")
        _settle(next(path.parent for path in Path(work).rglob("config.json")), draft)
        tokenizer.save_pretrained(draft)


def _group(model: Any) -> int:
    """The most weights to a scale that divide every layer's rows. Raises DataError where none does."""
    import torch

    outer = model.get_output_embeddings()
    wide = [
        layer.in_features
        for layer in model.modules()
        if isinstance(layer, torch.nn.Linear) and layer is not outer
    ]
    for group in _GROUPS:
        if all(width % group == 0 for width in wide):
            return group
    raise DataError(
        f"The model's layers are {min(wide)} wide, which no group of {_GROUPS[-1]} weights divides.",
        remedy="Take `compress gguf --type q4_0`, which packs what fits.",
    )


def _runs(tokenizer: Any, rows: Sequence[Mapping[str, Any]]) -> list[list[int]]:
    """Rows as the model reads them, one after the other, cut into runs of one length: what is shorter would not be learned."""
    ids: list[int] = []
    for row in rows:
        told, answer = chat_tokens(tokenizer, row)
        ids += [*told, *answer, tokenizer.eos_token_id]
    length = min(_LENGTH, len(ids) // _FEWEST)
    if length < _FEWEST:
        raise BadRequest(f"{len(rows)} rows are too few.", param="--data", remedy="Give some hundreds.")
    return [ids[at : at + length] for at in range(0, len(ids) - length + 1, length)][:_RUNS]


def _settle(made: Path, draft: Path) -> None:
    """Take what was made over, what is left in 32 bit halved, as the configuration says and GPUs' kernels want it."""
    import torch
    from safetensors.torch import load_file, save_file

    for path in sorted(made.glob("*.safetensors")):
        kept = load_file(path)
        halved = {
            name: value.to(torch.float16) if value.is_floating_point() else value
            for name, value in kept.items()
        }
        save_file(halved, draft / path.name, metadata={"format": "pt"})
    for name in ("config.json", "generation_config.json", "model.safetensors.index.json"):
        if (made / name).exists():
            (draft / name).write_bytes((made / name).read_bytes())
