"""What a model answers, how long it takes and how much memory: asked in a process of its own. Only the worker imports this."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from stepladder.training.language import weights
from stepladder.training.language.layering import chat_tokens
from stepladder.training.language.unpacking import layout

Row = Mapping[str, Any]
_WINDOW = 1024


def weigh(folder: Path, judged: Path, seen: Path, out: Path) -> None:
    """Write what the model says to the judged rows: words and whether they are the wanted ones, or vectors of texts."""
    asked = _read(judged)
    told = _written(folder, asked) if weights.writes(folder) else _vectors(folder, asked, _read(seen))
    told["memory"] = held(folder)
    if layout(folder):
        told["seconds"] = [0.0]
    out.write_text(json.dumps(told), encoding="utf-8")


def _written(folder: Path, asked: Sequence[Row]) -> dict[str, Any]:
    """The likeliest word at each place of the wanted answer: all are it where the model would write just that."""
    import torch

    model, tokenizer = weights.open_any(folder).eval(), weights.open_tokenizer(folder)
    answers, wanted, seconds, tokens = [], [], [], []
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
        tokens.append((told, answer))
    return {"answers": answers, "wanted": wanted, "seconds": seconds, "tokens": tokens}


def surprised(folder: Path, rows: Path, out: Path) -> None:
    """Write nats, tokens, bytes and seconds of each row's answer or text. Long ones are read in windows without overlap."""
    import torch

    model, tokenizer = weights.open_any(folder).eval(), weights.open_tokenizer(folder)
    longest = min(_WINDOW, int(model.config.max_position_embeddings))
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    told: dict[str, list[float]] = {"nats": [], "tokens": [], "sizes": [], "seconds": []}
    for row in _read(rows):
        before, counted, text = _counted(tokenizer, row, start)
        nats, began = 0.0, time.perf_counter()
        for ids, first in _windows(before, counted, longest):
            with torch.no_grad():
                odds = torch.log_softmax(
                    model(input_ids=torch.tensor([ids])).logits[0, first - 1 : -1].float(), -1
                )
            nats -= float(odds.gather(-1, torch.tensor(ids[first:])[:, None]).sum())
        for key, value in zip(
            told, (nats, len(counted), len(text.encode()), time.perf_counter() - began), strict=True
        ):
            told[key].append(value)
    out.write_text(json.dumps(told), encoding="utf-8")


def _counted(tokenizer: Any, row: Row, start: int) -> tuple[list[int], list[int], str]:
    """Tokens that are given, tokens that count, and the text of the latter."""
    if "text" in row:
        return [start], list(tokenizer(row["text"], add_special_tokens=False)["input_ids"]), row["text"]
    told, answer = chat_tokens(tokenizer, row)
    return told, answer, "".join(one["content"] for one in row["completion"])


def _windows(before: list[int], counted: list[int], longest: int) -> Iterator[tuple[list[int], int]]:
    """Runs of tokens that fit into the model, and the place of the first of each that counts."""
    given = before[-(longest // 2) :]
    at = 0
    while at < len(counted):
        run = counted[at : at + longest - len(given)]
        yield [*given, *run], len(given)
        at, given = at + len(run), run[-1:]


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


def held(folder: Path) -> int:
    """The most bytes that this process has held; 0 where the folder's model is unpacked here: neither time nor memory is then
    that of the kernels that will serve it."""
    import resource

    return 0 if layout(folder) else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
