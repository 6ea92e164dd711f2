"""What a model answers, how long it takes and how much memory: asked in a process of its own. Only the worker imports this."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stepladder.training.language import weights
from stepladder.training.language.layering import chat_tokens

Row = Mapping[str, Any]


def weigh(folder: Path, judged: Path, seen: Path, out: Path) -> None:
    """Write what the model says to the judged rows: words and whether they are the wanted ones, or vectors of texts."""
    asked = _read(judged)
    told = _written(folder, asked) if weights.writes(folder) else _vectors(folder, asked, _read(seen))
    out.write_text(json.dumps({**told, "memory": _memory()}), encoding="utf-8")


def _written(folder: Path, asked: Sequence[Row]) -> dict[str, Any]:
    """The likeliest word at each place of the wanted answer: all are it where the model would write just that."""
    import torch

    model, tokenizer = weights.open_any(folder).eval(), weights.open_tokenizer(folder)
    answers, wanted, seconds = [], [], []
    for row in asked:
        told, answer = chat_tokens(tokenizer, row)
        answer = answer or [tokenizer.eos_token_id]
        ids = torch.tensor([told + answer[:-1]])
        began = time.perf_counter()
        with torch.no_grad():
            said = model(input_ids=ids).logits[0, len(told) - 1 :].argmax(-1).tolist()
        seconds.append(time.perf_counter() - began)
        answers.append(" ".join(tokenizer.convert_ids_to_tokens(said)))
        wanted.append(" ".join(tokenizer.convert_ids_to_tokens(answer)))
    return {"answers": answers, "wanted": wanted, "seconds": seconds}


def _vectors(folder: Path, asked: Sequence[Row], seen: Sequence[Row]) -> dict[str, Any]:
    from stepladder.models.folder_embedder import FolderEmbedder

    embedder = FolderEmbedder.open("model", {"path": str(folder)})
    found, seconds = [], []
    for row in asked:
        began = time.perf_counter()
        found.append(embedder.embed([row["text"]], query=False)[0].tolist())
        seconds.append(time.perf_counter() - began)
    others = embedder.embed([row["text"] for row in seen], query=False).tolist()
    return {"judged": found, "seen": others, "seconds": seconds}


def _memory() -> int:
    """The most bytes that this process has held."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
