"""Models made smaller by taking weights away. Only the worker imports this.

By magnitude (Han et al. 2015, arXiv 1506.02626): the smallest weights of every linear layer become nought; the file keeps
its size and packs better. Structured (Li et al. 2016, 1608.08710): whole neurons of the feed-forward layers go, and the
model is smaller and faster by itself.
"""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from stepladder.core import BadRequest, DataError
from stepladder.training.language.weights import drafted, open_model, writes

_BLOCK = 32  # neurons stay a multiple of this, which is a block of Q8_0
_WEIGHTS = (".safetensors", ".bin", ".onnx", ".gguf", ".index.json")
_LAYERS = (("model", "layers"), ("encoder", "layer"), ("transformer", "layer"))
"""Where Llama's, BERT's and DistilBERT's kinds keep their layers."""


def by_magnitude(folder: Path, out: Path, share: float) -> None:
    """Set this share of each linear layer's weights to nought, the smallest ones. Raises BadRequest, DataError."""
    import torch

    _between(share)
    model = open_either(folder)
    with torch.no_grad():
        for layer in _linear(model):
            weight = layer.weight
            count = int(share * weight.numel())
            if count:
                bound = weight.abs().flatten().kthvalue(count).values
                weight[weight.abs() <= bound] = 0.0
    save(model, folder, out)


def structured(folder: Path, out: Path, share: float) -> None:
    """Take this share of each feed-forward layer's neurons out: those whose weights in and out weigh least.

    Raises BadRequest, DataError for a model whose layers are not known.
    """
    import torch

    _between(share)
    model = open_either(folder)
    wide = int(
        model.config.intermediate_size
        if hasattr(model.config, "intermediate_size")
        else model.config.hidden_dim
    )
    keep = (
        max(1, round(wide * (1 - share) / _BLOCK)) * _BLOCK
        if wide >= 2 * _BLOCK
        else max(1, round(wide * (1 - share)))
    )
    with torch.no_grad():
        for layer in layers_of(model):
            into, outof = _forward_parts(layer)
            weighs = outof.weight.norm(dim=0)
            for part in into:
                weighs = weighs * part.weight.norm(dim=1)
            kept = weighs.topk(keep).indices.sort().values
            for part in into:
                _narrow(part, kept, 0)
            _narrow(outof, kept, 1)
    setattr(
        model.config,
        "intermediate_size" if hasattr(model.config, "intermediate_size") else "hidden_dim",
        keep,
    )
    save(model, folder, out)


def open_either(folder: Path) -> Any:
    """A causal language model, or an encoder. Raises DataError."""
    if writes(folder):
        return open_model(folder)
    import torch
    from transformers import AutoModel

    try:
        return AutoModel.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise DataError(
            f"{folder} holds no model: {error}", remedy="Give a whole Hugging Face folder."
        ) from error


def save(model: Any, folder: Path, out: Path) -> None:
    """Write the model with everything that stood beside the old one's weights."""
    with drafted(out) as draft:
        take_along(folder, draft)
        model.save_pretrained(draft)


def take_along(folder: Path, out: Path) -> None:
    """Copy what stands beside a model's weights: tokeniser, templates, pooling."""
    for path in folder.iterdir():
        if path.is_dir() and path.name != "onnx":
            shutil.copytree(path, out / path.name)
        elif path.is_file() and not path.name.endswith(_WEIGHTS):
            shutil.copyfile(path, out / path.name)


def layers_of(model: Any) -> Any:
    """Its list of layers. Raises DataError."""
    for owner, name in _LAYERS:
        for start in (model, getattr(model, "base_model", model)):
            found = getattr(getattr(start, owner, None), name, None)
            if found is not None:
                return found
    found = getattr(model, "layers", None)
    if found is None:
        raise DataError(
            f"The layers of a {type(model).__name__} are not known.",
            remedy="Give a model of Llama's or BERT's kind.",
        )
    return found


def _forward_parts(layer: Any) -> tuple[Sequence[Any], Any]:
    """The linear parts into a layer's wide middle, and the one out of it."""
    if hasattr(layer, "mlp"):
        return [layer.mlp.gate_proj, layer.mlp.up_proj], layer.mlp.down_proj
    if hasattr(layer, "ffn"):
        return [layer.ffn.lin1], layer.ffn.lin2
    return [layer.intermediate.dense], layer.output.dense


def _narrow(part: Any, kept: Any, side: int) -> None:
    import torch

    part.weight = torch.nn.Parameter(part.weight.index_select(side, kept).contiguous())
    if side == 0 and part.bias is not None:
        part.bias = torch.nn.Parameter(part.bias[kept].contiguous())
    part.out_features, part.in_features = part.weight.shape


def _linear(model: Any) -> Iterator[Any]:
    """Linear layers, but not the one that gives the odds of words: it is often the embedding itself."""
    import torch

    head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    for layer in model.modules():
        if isinstance(layer, torch.nn.Linear) and layer is not head:
            yield layer


def _between(share: float) -> None:
    if not 0 < share < 1:
        raise BadRequest(
            f"The share is {share}.", param="--share", remedy="Give more than 0 and less than 1."
        )
