"""An encoder and a head on its pooled states, every weight trained to tell classes apart, written as ONNX in 8 bit.

Only the worker imports this. The epoch with the least loss on hidden rows is kept.
"""

import json
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepladder.core import DataError
from stepladder.models import cores
from stepladder.training.language.exporting import pack, write_onnx

Say = Callable[[Mapping[str, Any]], None]
ROWS, TOLD, WHOLE = "rows.json", "told.json", "whole.onnx"
_WARM = 0.1  # of all steps, while the rate rises


@dataclass(frozen=True, slots=True)
class Tuning:
    """What is trained: the folder of the base, how many classes, and how."""

    base: str
    classes: int
    epochs: int
    rate: float
    batch: int
    length: int
    threads: int
    seed: int


def finetune(folder: Path, tuning: Tuning, say: Say) -> None:
    """Train on `rows.json` in `folder` (seen and hidden texts with class numbers), write whole.onnx, model.onnx,
    tokenizer.json there, and told.json: the hidden rows' scores and the loss. Raises DataError for a base of no use."""
    import torch

    torch.set_num_threads(tuning.threads or cores())
    torch.manual_seed(tuning.seed)
    rows = json.loads((folder / ROWS).read_bytes())
    tokenizer = _tokenizer(Path(tuning.base), folder, tuning.length)
    network = _network(tuning)
    seen = _batches(tokenizer, rows["seen"], tuning.batch)
    hidden = _batches(tokenizer, rows["hidden"], tuning.batch)
    best, loss = _train(network, (seen, hidden), tuning, say)
    network.load_state_dict(best)
    network.eval()
    with torch.no_grad():
        scores = [network(batch).tolist() for batch, _ in hidden]
    _export(network, hidden[0][0], folder)
    told = {"loss": loss, "scores": [row for part in scores for row in part]}
    (folder / TOLD).write_text(json.dumps(told), encoding="utf-8")


def _tokenizer(base: Path, folder: Path, length: int) -> Any:
    from stepladder.models.folder_embedder import open_tokenizer

    tokenizer = open_tokenizer(base, length)
    tokenizer.no_padding()
    shutil.copyfile(base / "tokenizer.json", folder / "tokenizer.json")
    return tokenizer


def _network(tuning: Tuning) -> Any:
    """Encoder, mean of its states over the tokens, dropout, one linear layer."""
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModel

    try:
        encoder = AutoModel.from_pretrained(
            tuning.base, local_files_only=True, use_safetensors=True, dtype=torch.float32
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise DataError(
            f"{tuning.base} holds no encoder: {error}", remedy="Give a whole model folder."
        ) from error

    class Classifier(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder
            self.drop = torch.nn.Dropout(0.1)
            self.head = torch.nn.Linear(encoder.config.hidden_size, tuning.classes)

        def forward(self, batch: Any) -> Any:
            ids, mask = batch
            states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
            weight = mask.unsqueeze(-1).to(states.dtype)
            pooled = (states * weight).sum(1) / weight.sum(1).clamp(min=1.0)
            return self.head(self.drop(pooled))

    return Classifier()


def _batches(tokenizer: Any, rows: Sequence[tuple[str, int]], size: int) -> list[tuple[Any, Any]]:
    """((ids, mask) (rows, tokens), labels (rows,)) of `size` rows each, in their order, padded with 0."""
    import torch

    found = []
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        ids = [tokenizer.encode(text).ids or [0] for text, _ in part]
        wide = max(map(len, ids))
        padded = torch.tensor([one + [0] * (wide - len(one)) for one in ids])
        mask = torch.tensor([[1] * len(one) + [0] * (wide - len(one)) for one in ids])
        found.append(((padded, mask), torch.tensor([label for _, label in part])))
    return found


def _train(
    network: Any, parts: tuple[list[tuple[Any, Any]], list[tuple[Any, Any]]], tuning: Tuning, say: Say
) -> tuple[Mapping[str, Any], float]:
    """The weights of the epoch with the least hidden loss, and that loss."""
    import torch

    seen, hidden = parts
    steps = tuning.epochs * len(seen)
    optimiser = torch.optim.AdamW(network.parameters(), lr=tuning.rate, weight_decay=0.01)
    warm = max(1, round(_WARM * steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / warm, max(0.0, (steps - step) / max(1, steps - warm)))
    )
    best, least, done = _copied(network), math.inf, 0
    for _ in range(tuning.epochs):
        network.train()
        for place in torch.randperm(len(seen)).tolist():
            batch, labels = seen[place]
            loss = torch.nn.functional.cross_entropy(network(batch), labels)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            done += 1
            told = {"step": done, "steps": steps, "loss": loss.item(), "rate": schedule.get_last_lr()[0]}
            say({"event": "step", "seconds": 0.0, **told})
            schedule.step()
        found = _hidden_loss(network, hidden)
        say({"event": "held", "step": done, "loss": found})
        if found < least:
            best, least = _copied(network), found
    if not math.isfinite(least):
        raise DataError("The loss is no number any more.", remedy="Lower `rate`.")
    return best, least


def _hidden_loss(network: Any, hidden: Sequence[tuple[Any, Any]]) -> float:
    import torch

    network.eval()
    total = count = 0.0
    with torch.no_grad():
        for batch, labels in hidden:
            total += torch.nn.functional.cross_entropy(network(batch), labels, reduction="sum").item()
            count += len(labels)
    return total / count


def _copied(network: Any) -> dict[str, Any]:
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def _export(network: Any, example: Any, folder: Path) -> None:
    """whole.onnx in 32 bit, and model.onnx with its matrices in 8 bit."""
    import torch

    class Named(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.inner = network

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return self.inner((input_ids, attention_mask))

    write_onnx(Named().eval(), tuple(example), folder / WHOLE, "scores")
    pack(folder / WHOLE, folder / "model.onnx")
