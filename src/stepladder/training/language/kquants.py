"""K-quants (Q4_K_M, Q5_K_M, Q6_K): 256 weights share scales that are packed too. Only the worker imports this.

The numbers are packed by llama.cpp's own function, `ggml_quantize_chunk`, out of the library that also serves the file
(the extra `local`): the package gguf can read these packings and not write them. Which tensor gets how many bits is
llama-quantize's rule for a dense model of Llama's shape: the output's matrix in 6 bit, and of two kinds that errors in
hurt most (values, and the feed-forward layer's last matrix) those of the first and last eighth of the layers and every
third between. A row that is no multiple of 256 is packed in blocks of 32, with the next larger packing.
"""

import ctypes
import re
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stepladder.core import DataError, MissingExtra

KINDS = ("q6_k", "q5_k_m", "q4_k_m")
_BLOCK = 256
_MORE = "Q6_K"
_PLAIN: Mapping[str, str] = {"q6_k": "Q6_K", "q5_k_m": "Q5_K", "q4_k_m": "Q4_K"}
_SMALLER_BLOCKS: Mapping[str, str] = {"Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}
_SENSITIVE = re.compile(r"blk\.(\d+)\.(attn_v|ffn_down)\.weight")


def packing(name: str, width: int, kind: str, layers: int, tied: bool) -> str:
    """ggml's name for the packing of the matrix `name` whose rows have `width` numbers, in a model of so many `layers`.

    `tied`: the words' vectors are the output's matrix too.
    """
    chosen = _PLAIN[kind]
    found = _SENSITIVE.fullmatch(name)
    if name == ("token_embd.weight" if tied else "output.weight") or (
        found and _gets_more(int(found[1]), layers)
    ):
        chosen = _MORE
    if width % _BLOCK:
        chosen = _SMALLER_BLOCKS[chosen]
    return chosen if width % 32 == 0 else "F16"


def _gets_more(layer: int, layers: int) -> bool:
    eighth = layers // 8
    return layer < eighth or layer >= 7 * layers // 8 or (layer - eighth) % 3 == 2


def pack(tensor: NDArray[np.float32], wanted: str) -> NDArray[np.uint8]:
    """A matrix (rows, width) as (rows, bytes). Raises MissingExtra, DataError."""
    import gguf

    block, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[wanted]]
    rows, width = tensor.shape
    plain = np.ascontiguousarray(tensor, np.float32)
    out = np.empty((rows, width // block * size), np.uint8)
    written = _chunk()(
        int(gguf.GGMLQuantizationType[wanted]),
        plain.ctypes.data,
        out.ctypes.data,
        0,
        rows,
        width,
        None,
    )
    if written != out.nbytes:
        raise DataError(
            f"llama.cpp packed {written} bytes where {out.nbytes} are right.",
            remedy="Take q8_0, and tell us the version of xllamacpp.",
        )
    return out


@cache
def _chunk() -> Any:
    """`size_t ggml_quantize_chunk(type, float *from, void *to, start, rows, width, importance)`."""
    spec = find_spec("xllamacpp")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtra("Packing K-quants", "local")
    inside = Path(next(iter(spec.submodule_search_locations)))
    for path in sorted(
        path for ending in ("so", "pyd", "dylib") for path in inside.glob(f"xllamacpp*.{ending}")
    ):
        function = getattr(ctypes.CDLL(str(path)), "ggml_quantize_chunk", None)
        if function is not None:
            function.restype = ctypes.c_size_t
            function.argtypes = [
                ctypes.c_int,
                ctypes.c_void_p,
                ctypes.c_void_p,
                ctypes.c_int64,
                ctypes.c_int64,
                ctypes.c_int64,
                ctypes.c_void_p,
            ]
            return function
    raise DataError(
        "This build of xllamacpp does not lend llama.cpp's quantiser.",
        remedy="Take q8_0, or a wheel from PyPI: pip install 'stepladder[local]'.",
    )
