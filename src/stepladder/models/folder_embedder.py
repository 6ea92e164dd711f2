"""An encoder in a local Hugging Face folder as an embedder: its ONNX form where there is one, else its safetensors.

The ONNX form wants onnxruntime and tokenizers only; safetensors want torch and transformers. Nothing is ever downloaded,
and no code of the folder's is run. Texts are embedded one at a time: in 8 bit, what stands beside a text in a batch would
change its vector.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError

from stepladder.core import ConfigError, DataError, MissingExtra, config

Vectors = NDArray[np.float32]
Tokens = Mapping[str, NDArray[np.int64]]
Forward = Callable[[Tokens], NDArray[np.float32]]
"""Tokens of one text, each (1, tokens), to the last layer's states (1, tokens, dimensions) or a vector (1, dimensions)."""

_ONNX = ("model.onnx", "onnx/model.onnx")
_POOLINGS = ("mean", "cls")
_MODES = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
_MODULES = ("Transformer", "Pooling", "Normalize")
_MOST_TOKENS = 512


@dataclass(frozen=True, slots=True)
class FolderSettings:
    """`kind = "folder"`. `path` is the model's folder; `file` its ONNX file there, where it has several.

    What is empty or 0 is read from the folder: `pooling` ("mean" or "cls"), the prefixes that the model wants before a
    text, and after how many `tokens` a text is cut (512 at most where the folder does not say).
    """

    path: str
    file: str = ""
    pooling: str = ""
    query_prefix: str = ""
    passage_prefix: str = ""
    tokens: int = 0
    threads: int = 1


class FolderEmbedder:
    """A transformer encoder (BERT's kind) and a pooling, as sentence-transformers lays them out."""

    def __init__(self, name: str, tokenizer: Any, forward: Forward, settings: FolderSettings) -> None:
        self.name = name
        self._tokenizer = tokenizer
        self._forward = forward
        self._settings = settings
        self.dimensions = int(self.embed(["1"], query=True).shape[1])

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> "FolderEmbedder":
        """Load the model. Raises ConfigError naming the setting, DataError for a folder that holds none, MissingExtra."""
        chosen = config.settings(settings, FolderSettings, name)
        folder = Path(chosen.path).expanduser()
        if not folder.is_dir():
            raise ConfigError(
                f"{name}.path is {chosen.path!r}, which is no folder.",
                param=f"{name}.path",
                remedy="Give the folder of a Hugging Face encoder (tokenizer.json, and model.onnx or *.safetensors).",
            )
        if chosen.pooling not in ("", *_POOLINGS):
            raise ConfigError(
                f"{name}.pooling is {chosen.pooling!r}.",
                param=f"{name}.pooling",
                remedy=f"One of: {', '.join(_POOLINGS)}.",
            )
        for key, least in (("tokens", 0), ("threads", 1)):
            if getattr(chosen, key) < least:
                raise ConfigError(
                    f"{name}.{key} is {getattr(chosen, key)}.",
                    param=f"{name}.{key}",
                    remedy=f"Give {least} or more.",
                )
        _check_modules(folder)
        full = replace(_told(folder, chosen), pooling=chosen.pooling or _pooling(folder))
        tokenizer = open_tokenizer(folder, full.tokens)
        weights = _weights(folder, chosen.file, f"{name}.file")
        forward = open_onnx(weights, full.threads) if weights.suffix == ".onnx" else _open_torch(folder)
        return cls(f"{folder.name}-{_mark(weights, full)}", tokenizer, forward, full)

    def embed(self, texts: Sequence[str], *, query: bool) -> Vectors:
        """One unit row a text."""
        prefix = self._settings.query_prefix if query else self._settings.passage_prefix
        rows = [self._embed_one(prefix + text) for text in texts]
        return np.stack(rows) if rows else np.empty((0, self.dimensions), np.float32)

    def _embed_one(self, text: str) -> Vectors:
        tokens = tokens_of(self._tokenizer, text)
        states = self._forward(tokens)[0]
        if states.ndim == 2:
            states = states[0] if self._settings.pooling == "cls" else states.mean(axis=0)
        unit: Vectors = (states / max(float(np.sqrt(states @ states)), 1e-12)).astype(np.float32)
        return unit


def most_tokens(folder: Path) -> int:
    """After how many tokens the folder's model wants a text cut (512 at most where it does not say)."""
    return _told(folder, FolderSettings(str(folder))).tokens


def open_tokenizer(folder: Path, most: int) -> Any:
    """The folder's fast tokeniser, or BERT's with its `vocab.txt`, which cuts after `most` tokens.

    Raises DataError, MissingExtra.
    """
    try:
        from tokenizers import Tokenizer
        from tokenizers.implementations import BertWordPieceTokenizer
    except ImportError as error:
        raise MissingExtra("An encoder in a folder", "encoder") from error
    path = next(
        (folder / name for name in ("tokenizer.json", "vocab.txt") if (folder / name).is_file()), None
    )
    if path is None:
        raise DataError(
            f"{folder} holds no tokenizer.json and no vocab.txt.",
            remedy="Save the model with its fast tokeniser.",
        )
    try:
        if path.suffix == ".json":
            tokenizer = Tokenizer.from_file(str(path))
        else:
            said = _json(folder / "tokenizer_config.json")
            tokenizer = BertWordPieceTokenizer(
                str(path),
                lowercase=said.get("do_lower_case", True) is True,
                strip_accents=said.get("strip_accents"),
                handle_chinese_chars=said.get("tokenize_chinese_chars", True) is True,
            )
    except Exception as error:  # the library raises Exception itself
        raise DataError(f"{path} is no tokeniser: {error}", remedy="Save the model again.") from error
    tokenizer.enable_truncation(most)
    tokenizer.no_padding()
    return tokenizer


def tokens_of(tokenizer: Any, text: str) -> Tokens:
    """The arrays that BERT's kind of model reads of one text, each (1, tokens)."""
    found = tokenizer.encode(text.encode("utf-8", "replace").decode("utf-8"))
    ids = found.ids or [0]  # an empty text of a tokeniser without special tokens
    return {
        "input_ids": np.array([ids], np.int64),
        "attention_mask": np.ones((1, len(ids)), np.int64),
        "token_type_ids": np.array([found.type_ids or [0]], np.int64),
    }


def open_onnx(path: Path, threads: int = 1) -> Forward:
    """The forward pass of an ONNX file. Raises DataError, MissingExtra."""
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtra("An encoder in ONNX", "encoder") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # each of its faults has a class of its own
        raise DataError(f"{path} is no ONNX model: {error}", remedy="Export the model again.") from error
    return partial(_run_onnx, session, frozenset(item.name for item in session.get_inputs()))


def _run_onnx(session: Any, wanted: frozenset[str], tokens: Tokens) -> NDArray[np.float32]:
    given = {key: value for key, value in tokens.items() if key in wanted}
    states: NDArray[np.float32] = session.run(None, given)[0]
    return states


def _open_torch(folder: Path) -> Forward:
    try:
        import torch
        from transformers import AutoModel
    except ImportError as error:
        raise MissingExtra("An encoder that is not in ONNX", "train") from error
    try:
        model = AutoModel.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise DataError(f"{folder} holds no encoder: {error}", remedy="Give a whole model folder.") from error
    model.eval()
    wanted = "token_type_ids" if getattr(model.config, "type_vocab_size", 0) else ""

    def forward(tokens: Tokens) -> NDArray[np.float32]:
        given = {
            key: torch.from_numpy(value)
            for key, value in tokens.items()
            if key != "token_type_ids" or key == wanted
        }
        with torch.no_grad():
            states: NDArray[np.float32] = model(**given).last_hidden_state.numpy()
        return states

    return forward


def _weights(folder: Path, file: str, where: str) -> Path:
    if file:
        found = folder / file
        if found.suffix != ".onnx" or not found.is_file():
            raise ConfigError(
                f"{where} is {file!r}, which is no ONNX file in {folder}.",
                param=where,
                remedy="Name one there, such as onnx/model.onnx, or leave it out.",
            )
        return found
    for name in (*_ONNX, "model.safetensors", "model.safetensors.index.json"):
        if (folder / name).is_file():
            return folder / name
    raise DataError(
        f"{folder} holds neither {_ONNX[0]} nor model.safetensors.",
        remedy="Give the folder of a Hugging Face encoder.",
    )


def _told(folder: Path, chosen: FolderSettings) -> FolderSettings:
    """The settings, completed by the folder's own files, which are sentence-transformers' and transformers'."""
    prompts = _json(folder / "config_sentence_transformers.json").get("prompts") or {}
    limits = (
        _json(folder / "sentence_bert_config.json").get("max_seq_length"),
        _json(folder / "tokenizer_config.json").get("model_max_length"),
        _json(folder / "config.json").get("max_position_embeddings"),
    )
    tokens = [limit for limit in limits if isinstance(limit, int) and 2 <= limit <= 1 << 20]
    query, passage = prompts.get("query"), prompts.get("document") or prompts.get("passage")
    return FolderSettings(
        chosen.path,
        chosen.file,
        chosen.pooling,
        chosen.query_prefix or (query if isinstance(query, str) else ""),
        chosen.passage_prefix or (passage if isinstance(passage, str) else ""),
        chosen.tokens or min([*tokens, _MOST_TOKENS]),
        chosen.threads,
    )


def _pooling(folder: Path) -> str:
    """How the folder's states become one vector; "mean" where it does not say. Raises DataError for a way that we have not."""
    given = _json(folder / "1_Pooling" / "config.json")
    modes = [mode for mode, on in given.items() if mode.startswith("pooling_mode_") and on is True]
    if len(modes) > 1 or not set(modes) <= set(_MODES):
        raise DataError(
            f"{folder} pools by {', '.join(modes)}; known are mean and cls.",
            remedy='Serve it at an endpoint (kind = "endpoint").',
        )
    return _MODES[modes[0]] if modes else "mean"


def _check_modules(folder: Path) -> None:
    """Raise DataError where sentence-transformers would do more than pool and scale: the vectors would be others."""
    try:
        found = json.loads((folder / "modules.json").read_bytes())
        names = [str(module["type"]).rpartition(".")[2] for module in found]
    except (OSError, ValueError, TypeError, KeyError):
        return
    more = [name for name in names if name not in _MODULES]
    if more:
        raise DataError(
            f"{folder} has {', '.join(more)} behind its encoder, which is not computed here.",
            remedy='Serve it at an endpoint (kind = "endpoint").',
        )


def _json(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _mark(weights: Path, settings: FolderSettings) -> str:
    """Names the vectors by what makes them: a model that was trained further gives others under the same path."""
    whole = hashlib.sha256()
    parts = sorted(weights.parent.glob("*.safetensors")) if weights.suffix == ".json" else [weights]
    for path in parts:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    said = (settings.pooling, settings.query_prefix, settings.passage_prefix, settings.tokens)
    whole.update(json.dumps(said).encode())
    return whole.hexdigest()[:12]
