"""A model with fewer layers, taught by the whole one. Only the worker imports this.

Every so manyth layer is taken over (Sanh et al. 2019, DistilBERT, arXiv 1910.01108), and the student learns, on the user's
own rows, the teacher's odds of each word of the answer (Hinton et al. 2015, 1503.02531); an encoder its states.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from stepladder.core import BadRequest, DataError
from stepladder.training.language.pruning import layers_of, open_either, save
from stepladder.training.language.weights import open_tokenizer, writes

Say = Callable[[Mapping[str, Any]], None]
_BATCH = 8
_LENGTH = 256


def shallower(say: Say, folder: Path, out: Path, *, keep: int, rows: Path, steps: int) -> None:
    """Keep so many layers, and train them for so many steps beside the teacher. Raises BadRequest, DataError."""
    import torch

    torch.manual_seed(0)
    teacher, student = open_either(folder).eval(), open_either(folder)
    layers = layers_of(student)
    if not 1 <= keep < len(layers):
        raise BadRequest(
            f"{keep} of {len(layers)} layers cannot be kept.",
            param="--keep",
            remedy="Give fewer than it has.",
        )
    kept = chosen(len(layers), keep)
    config = student.config
    del layers[:]
    layers.extend(layers_of(open_either(folder))[k] for k in kept)
    name = "num_hidden_layers" if "num_hidden_layers" in config.to_dict() else "n_layers"
    setattr(config, name, keep)
    if getattr(config, "layer_types", None):
        config.layer_types = [config.layer_types[k] for k in kept]
    for number, layer in enumerate(layers):  # where attention keeps what it has read
        if hasattr(layer, "self_attn") and hasattr(layer.self_attn, "layer_idx"):
            layer.self_attn.layer_idx = number
    _teach(say, (teacher, student), _batches(folder, rows), steps)
    save(student.eval(), folder, out)


def chosen(layers: int, keep: int) -> list[int]:
    """Evenly spread, the first and the last among them."""
    return [0] if keep == 1 else [round(k * (layers - 1) / (keep - 1)) for k in range(keep)]


def _teach(say: Say, models: tuple[Any, Any], batches: Sequence[Mapping[str, Any]], steps: int) -> None:
    import torch

    teacher, student = models
    student.train()
    optimiser = torch.optim.AdamW(student.parameters(), lr=3e-4, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / max(1, steps // 20), (steps - step) / steps)
    )
    for step in range(steps):
        batch = batches[step % len(batches)]
        loss = _apart(teacher, student, batch)
        if not bool(torch.isfinite(loss)):
            raise DataError("The loss is no number any more.", remedy="Give fewer steps or keep more layers.")
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        say({"event": "step", "step": step + 1, "steps": steps, "loss": loss.item(), "seconds": 0.0})


def _apart(teacher: Any, student: Any, batch: Mapping[str, Any]) -> Any:
    """How far the two are from each other on the batch's words that count."""
    import torch

    given = {key: batch[key] for key in ("input_ids", "attention_mask")}
    with torch.no_grad():
        wanted = teacher(**given)
    found = student(**given)
    counts = batch["counts"].bool()
    if hasattr(found, "logits"):
        here, there = (torch.log_softmax(one.logits[counts].float(), -1) for one in (found, wanted))
        return (there.exp() * (there - here)).sum(-1).mean()
    here, there = found.last_hidden_state[counts], wanted.last_hidden_state[counts]
    return (1 - torch.nn.functional.cosine_similarity(here, there, dim=-1)).mean()


def _batches(folder: Path, rows: Path) -> list[dict[str, Any]]:
    """Padded batches; what counts are the positions that say the answer, or all of an encoder's."""
    asked = [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]
    encode = _of_chats(folder) if writes(folder) else _of_texts(folder)
    found = [encode(row) for row in asked]
    return [_padded(found[start : start + _BATCH]) for start in range(0, len(found), _BATCH)]


def _of_chats(folder: Path) -> Callable[[Mapping[str, Any]], tuple[list[int], int]]:
    tokenizer = open_tokenizer(folder)

    def encode(row: Mapping[str, Any]) -> tuple[list[int], int]:
        told, answer = chat_tokens(tokenizer, row)
        return (told + answer)[-_LENGTH:], len(answer) or 1

    return encode


def chat_tokens(tokenizer: Any, row: Mapping[str, Any]) -> tuple[list[int], list[int]]:
    """Tokens of a row's prompt, and those of its answer."""
    asked = tokenizer.apply_chat_template(row["prompt"], tokenize=False, add_generation_prompt=True)
    answer = "".join(one["content"] for one in row.get("completion", ()))
    first = tokenizer(asked, add_special_tokens=False)["input_ids"]
    return list(first), list(tokenizer(answer, add_special_tokens=False)["input_ids"]) if answer else []


def _of_texts(folder: Path) -> Callable[[Mapping[str, Any]], tuple[list[int], int]]:
    from stepladder.models.folder_embedder import open_tokenizer as open_fast

    tokenizer = open_fast(folder, _LENGTH)

    def encode(row: Mapping[str, Any]) -> tuple[list[int], int]:
        ids = tokenizer.encode(row["text"]).ids or [0]
        return list(ids), len(ids)

    return encode


def _padded(found: Sequence[tuple[list[int], int]]) -> dict[str, Any]:
    import torch

    wide = max(len(ids) for ids, _ in found)
    batch: dict[str, list[list[int]]] = {"input_ids": [], "attention_mask": [], "counts": []}
    for ids, last in found:
        spare = wide - len(ids)
        batch["input_ids"].append(ids + [0] * spare)
        batch["attention_mask"].append([1] * len(ids) + [0] * spare)
        # The word before an answer's first one says it; an encoder's words all count.
        whole = last == len(ids)
        said = range(len(ids)) if whole else range(len(ids) - last - 1, len(ids) - 1)
        batch["counts"].append([int(k in said) for k in range(wide)])
    return {key: torch.tensor(rows) for key, rows in batch.items()}
