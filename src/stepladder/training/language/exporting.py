"""An encoder in ONNX, its matrices in 8 bit or 32; a model that writes in 8 bit by torchao. Only the worker imports this."""

import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from stepladder.core import BadRequest, DataError, MissingExtra
from stepladder.training.language.pruning import open_either, take_along
from stepladder.training.language.weights import ADAPTER, drafted, open_tokenizer, writes


def to_onnx(folder: Path, out: Path, bits: int) -> None:
    """Write a folder with `model.onnx` in the place of the weights: an embedder of `kind = "folder"` reads it.

    Raises BadRequest, DataError for what is no encoder.
    """
    import torch

    if bits not in (8, 32):
        raise BadRequest(f"There is no ONNX in {bits} bit here.", param="--bits", remedy="Give 8 or 32.")
    if writes(folder):
        raise DataError(f"{folder} holds a model that writes.", remedy="Take `compress gguf` for it.")
    model = open_either(folder).eval()

    class States(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return self.inner(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    example = (torch.ones((2, 7), dtype=torch.long), torch.ones((2, 7), dtype=torch.long))
    with drafted(out) as draft:
        take_along(folder, draft)
        write_onnx(States(), example, draft / "model.onnx", "states")
        if bits == 8:
            pack(draft / "model.onnx", draft / "model.onnx")


def in_8_bit(folder: Path, out: Path) -> None:
    """Write a folder whose linear layers are in 8 bit with a scale a row (torchao's Int8WeightOnly), in safetensors.

    Words' vectors stay as they are. Raises MissingExtra, DataError for what is no whole model that writes.
    """
    import torch
    from transformers import AutoModelForCausalLM, TorchAoConfig

    if find_spec("torchao") is None:
        raise MissingExtra("Packing in 8 bit by torchao", "torchao")
    if (folder / ADAPTER).exists() or not writes(folder):
        raise DataError(
            f"{folder} holds no whole model that writes.",
            remedy="Merge an adapter first; `onnx` is for encoders.",
        )
    from torchao.quantization import Int8WeightOnlyConfig

    plan = TorchAoConfig(Int8WeightOnlyConfig())
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, local_files_only=True, quantization_config=plan
    )
    with drafted(out) as draft:
        model.save_pretrained(draft)
        open_tokenizer(folder).save_pretrained(draft)


def write_onnx(module: Any, example: tuple[Any, Any], out: Path, gives: str) -> None:
    """A module of (input_ids, attention_mask), each (rows, tokens) of any number, in 32 bit; `gives` names its output."""
    import torch

    shape = {0: torch.export.Dim("rows", min=1), 1: torch.export.Dim("tokens", min=1)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            example,
            str(out),
            dynamo=True,
            external_data=False,
            dynamic_shapes=(shape, shape),
            input_names=["input_ids", "attention_mask"],
            output_names=[gives],
        )


def pack(whole: Path, out: Path) -> None:
    """The same network with its matrices in 8 bit."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    plain = onnx.load(whole)
    # Shapes of transposed weights, which the quantiser would read the other way round.
    del plain.graph.value_info[:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantize_dynamic(plain, out, weight_type=QuantType.QInt8)
