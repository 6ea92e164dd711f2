"""An encoder in ONNX, its matrices in 8 bit or 32. Only the worker imports this."""

import warnings
from pathlib import Path
from typing import Any

from stepladder.core import BadRequest, DataError
from stepladder.training.language.pruning import open_either, take_along
from stepladder.training.language.weights import drafted, writes


def to_onnx(folder: Path, out: Path, bits: int) -> None:
    """Write a folder with `model.onnx` in the place of the weights: an embedder of `kind = "folder"` reads it.

    Raises BadRequest, DataError for what is no encoder.
    """
    import onnx
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic

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

    shape = {0: torch.export.Dim("rows", min=1), 1: torch.export.Dim("tokens", min=1)}
    example = (torch.ones((2, 7), dtype=torch.long), torch.ones((2, 7), dtype=torch.long))
    with drafted(out) as draft, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        take_along(folder, draft)
        torch.onnx.export(
            States(),
            example,
            str(draft / "model.onnx"),
            dynamo=True,
            external_data=False,
            dynamic_shapes=(shape, shape),
            input_names=["input_ids", "attention_mask"],
            output_names=["states"],
        )
        if bits == 8:
            plain = onnx.load(draft / "model.onnx")
            # Shapes of transposed weights, which the quantiser would read the other way round.
            del plain.graph.value_info[:]
            quantize_dynamic(plain, draft / "model.onnx", weight_type=QuantType.QInt8)
