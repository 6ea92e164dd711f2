"""A model with the words that are used only: fewer rows in its table of words. Only the worker imports this.

A merge of a byte-pair tokeniser stays where what it makes is in the derivation of a kept token, so the user's rows are cut
into the same tokens as before, which is checked; any other text is cut into smaller ones, down to letters or bytes.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from stepladder.core import DataError
from stepladder.training.language.layering import chat_tokens
from stepladder.training.language.pruning import open_either, save
from stepladder.training.language.weights import open_tokenizer, writes

_BLOCK = 32
_IDS = ("bos_token_id", "eos_token_id", "pad_token_id", "unk_token_id", "decoder_start_token_id")


def trimmed(folder: Path, out: Path, rows: Path) -> None:
    """Keep the tokens of these rows, single letters and bytes, and the special ones. Raises DataError."""
    import torch

    told = json.loads((folder / "tokenizer.json").read_bytes())
    asked = [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]
    used = _used(folder, asked)
    model = open_either(folder)
    kept = _kept(told, used)
    smaller = _renumbered(told, kept)
    with torch.no_grad():
        places = torch.tensor(kept)
        table = model.get_input_embeddings()
        words = table.weight.index_select(0, places).contiguous()
        head = model.get_output_embeddings() if writes(folder) else None
        tied = head is not None and head.weight is table.weight
        odds = None if head is None or tied else head.weight.index_select(0, places).contiguous()
        model.resize_token_embeddings(len(kept))
        model.get_input_embeddings().weight.copy_(words)
        if odds is not None:
            model.get_output_embeddings().weight.copy_(odds)
    at = {old: new for new, old in enumerate(kept)}
    for settings in (model.config, getattr(model, "generation_config", None)):
        _point(settings, at)
    save(model, folder, out)
    (out / "tokenizer.json").write_text(json.dumps(smaller, ensure_ascii=False), encoding="utf-8")
    _check(folder, out, asked, kept)


def _used(folder: Path, asked: Sequence[Mapping[str, Any]]) -> set[int]:
    return {id for row in asked for id in _tokens(folder, row)}


def _tokens(folder: Path, row: Mapping[str, Any], _open: dict[Path, Any] = {}) -> list[int]:  # noqa: B006 kept open
    from stepladder.models.folder_embedder import open_tokenizer as open_fast

    if folder not in _open:
        _open[folder] = open_tokenizer(folder) if writes(folder) else open_fast(folder, 1 << 20)
    if writes(folder):
        told, answer = chat_tokens(_open[folder], row)
        return told + answer
    return list(_open[folder].encode(row["text"]).ids)


def _kept(told: Mapping[str, Any], used: set[int]) -> list[int]:
    """The tokens' old numbers, in order: used, special, of one letter, and all that these are made of."""
    vocabulary = _vocabulary(told)
    names = {id: token for token, id in vocabulary.items()}
    special = {one["id"] for one in told.get("added_tokens", ())}
    short = {id for token, id in vocabulary.items() if len(token.removeprefix("##").removeprefix("▁")) <= 1}
    byte = {id for token, id in vocabulary.items() if token.startswith("<0x")}
    kept = used | special | short | byte
    made_of: dict[str, list[str]] = {}
    for left, right in _merges(told):
        made_of.setdefault(left + right, []).extend((left, right))
    waiting = [names[id] for id in kept if id in names]
    while waiting:
        for part in made_of.get(waiting.pop(), ()):
            id = vocabulary.get(part)
            if id is not None and id not in kept:
                kept.add(id)
                waiting.append(part)
    spare = (id for id in sorted(names) if id not in kept)
    while len(kept) % _BLOCK and (extra := next(spare, None)) is not None:
        kept.add(extra)  # its merges stay away, so it is never made
    return sorted(kept)


def _renumbered(told: Mapping[str, Any], kept: Sequence[int]) -> dict[str, Any]:
    """The tokeniser's file with these tokens."""
    at = {old: new for new, old in enumerate(kept)}
    new: dict[str, Any] = json.loads(json.dumps(told))
    vocabulary = _vocabulary(told)
    stays = {token for token, id in vocabulary.items() if id in at}
    model = new["model"]
    if isinstance(model["vocab"], list):  # Unigram: [token, log-probability], numbered by place
        model["vocab"] = [model["vocab"][old] for old in kept if old < len(model["vocab"])]
        if model.get("unk_id") is not None:
            model["unk_id"] = at[model["unk_id"]]
    else:
        model["vocab"] = {
            token: at[id] for token, id in vocabulary.items() if id in at and token in model["vocab"]
        }
    if "merges" in model:
        model["merges"] = [
            merge
            for merge, (left, right) in zip(model["merges"], _merges(told), strict=True)
            if {left, right, left + right} <= stays
        ]
    for one in new.get("added_tokens", ()):
        one["id"] = at[one["id"]]
    _renumber(new.get("post_processor"), at)
    return new


def _renumber(part: Any, at: Mapping[int, int]) -> None:
    """Numbers of special tokens in a post-processor: `ids`, and [token, number]."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "ids":
                part[key] = [at[id] for id in value]
            elif key in ("sep", "cls") and isinstance(value, list):
                part[key] = [value[0], at[value[1]]]
            else:
                _renumber(value, at)
    elif isinstance(part, list):
        for one in part:
            _renumber(one, at)


def _point(settings: Any, at: Mapping[int, int]) -> None:
    for name in _IDS:
        old = getattr(settings, name, None)
        if isinstance(old, int):
            setattr(settings, name, at[old])
        elif isinstance(old, list):
            setattr(settings, name, [at[id] for id in old])


def _check(folder: Path, out: Path, asked: Iterable[Mapping[str, Any]], kept: Sequence[int]) -> None:
    """Every row must be cut into the same tokens."""
    for row in asked:
        if [kept[id] for id in _tokens(out, row)] != _tokens(folder, row):
            raise DataError(
                "The smaller tokeniser cuts a row into other tokens.",
                remedy="This model's words cannot be trimmed.",
            )


def _vocabulary(told: Mapping[str, Any]) -> dict[str, int]:
    found = told["model"]["vocab"]
    whole = {one[0]: k for k, one in enumerate(found)} if isinstance(found, list) else dict(found)
    return whole | {one["content"]: one["id"] for one in told.get("added_tokens", ())}


def _merges(told: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = told["model"].get("merges") or ()
    return [tuple(one.split(" ", 1)) if isinstance(one, str) else (one[0], one[1]) for one in found]  # type: ignore[misc]
