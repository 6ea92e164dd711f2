"""Rows to train on, in the formats that people have, as one: messages to read and messages to learn to write.

Known are OpenAI's fine-tuning format (chats whose last answer has the `weight` 0 are left out) and ShareGPT's, of both of which
the last answer is learned, prompt and completion, input and answer,
Alpaca's instruction, input and output; for preferences prompt, chosen and rejected; answers that were liked or not (`label`);
prompts alone; and plain texts.
"""

import gzip
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from stepladder.core import DataError
from stepladder.training.language.methods import Kind

Row = dict[str, Any]
"""{"prompt": messages} with "completion", with "chosen" and "rejected" (messages too), with "completion" and a "label"
(whether it was liked), or with the right "answer" as a text; or {"text": text}."""

_SHAREGPT: Mapping[str, str] = {"human": "user", "gpt": "assistant", "system": "system"}


class _Unlearned(Exception):
    """A row whose answer must not be learned."""


def read_rows(
    path: Path, kind: Kind = "answers", tell: Callable[[str], None] = lambda said: None
) -> list[Row]:
    """Every row of a JSONL file, plain or .gz, as `kind` needs it; `tell` is told of those that are left out.

    Raises DataError naming the line.
    """
    found, left = list[Row](), 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    try:
                        found.append(_read(line, f"{path}, line {number}", kind))
                    except _Unlearned:
                        left += 1
    except (OSError, EOFError) as error:
        raise DataError(
            f"Cannot read {path}: {error}.", remedy="Check the path, and that a .gz file is whole."
        ) from error
    if not found:
        why = f" {_left_out(left)}" if left else ""
        raise DataError(f"{path} holds no rows to learn.{why}", remedy="Give a file of JSON lines.")
    if left:
        tell(_left_out(left))
    return found


def _left_out(rows: int) -> str:
    return f"Left out: {rows:,} of the file's chats, whose last answer has the weight 0."


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write JSON lines, whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n")
    draft.replace(path)


def _read(line: bytes, where: str, kind: Kind) -> Row:
    reader, wanted = _KINDS[kind]
    try:
        return reader(json.loads(line))
    except KeyError as error:
        raise DataError(f"{where} has no {error.args[0]!r}.", remedy=f"A row is {wanted}.") from error
    except (ValueError, TypeError) as error:
        raise DataError(f"{where} is no row to train on.", remedy=f"A row is {wanted}.") from error


def _pair(row: Mapping[str, Any]) -> Row:
    prompt = _messages(row["prompt"], "user")
    chosen, rejected = (_messages(row[key], "assistant") for key in ("chosen", "rejected"))
    return {"prompt": prompt, "chosen": chosen[-1:], "rejected": rejected[-1:]}


def _marked(row: Mapping[str, Any]) -> Row:
    if not isinstance(row["label"], bool):
        raise TypeError("a label is true or false")
    key = "completion" if "completion" in row else "answer"
    asked = row["prompt"] if "prompt" in row else row["input"]
    return {**_two(_messages(asked, "user"), row[key]), "label": row["label"]}


def _prompt(row: Mapping[str, Any]) -> Row:
    """A prompt alone, or a row with an answer, whose answer then is the right one."""
    if "prompt" in row and not row.keys() & {"completion", "answer"}:
        return {"prompt": _messages(row["prompt"], "user"), "answer": ""}
    if "prompt" in row and "answer" in row:
        return {"prompt": _messages(row["prompt"], "user"), "answer": _text(row["answer"])}
    found = _single(row)
    return {"prompt": found["prompt"], "answer": found["completion"][-1]["content"]}


def _plain(row: Mapping[str, Any]) -> Row:
    return {"text": _text(row["text"])}


def _single(row: Mapping[str, Any]) -> Row:
    """By the first format whose first key is there."""
    readers: Mapping[str, Callable[[Mapping[str, Any]], Row]] = {
        "messages": _chat,
        "conversations": lambda row: _last_learned(_sharegpt(row)),
        "completion": lambda row: _two(_messages(row["prompt"], "user"), row["completion"]),
        "answer": lambda row: _two(_messages(row["input"], "user"), row["answer"]),
        "instruction": _alpaca,
    }
    key = next((key for key in readers if key in row), "")
    if not key:
        raise KeyError("completion" if "prompt" in row else "answer")
    return readers[key](row)


def _chat(row: Mapping[str, Any]) -> Row:
    """OpenAI's: raises _Unlearned where the last answer has the weight 0."""
    found = _last_learned(_messages(row["messages"], "user"))
    if row["messages"][-1].get("weight") == 0:
        raise _Unlearned
    return found


def _alpaca(row: Mapping[str, Any]) -> Row:
    asked = "\n\n".join(part for part in (row["instruction"], row.get("input", "")) if part)
    return _two(_messages(asked, "user"), row["output"])


def _sharegpt(row: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        {"role": _SHAREGPT[turn["from"]], "content": _text(turn["value"])} for turn in row["conversations"]
    ]


def _two(prompt: list[dict[str, str]], completion: Any) -> Row:
    return {"prompt": prompt, "completion": _messages(completion, "assistant")}


def _last_learned(messages: list[dict[str, str]]) -> Row:
    if len(messages) < 2 or messages[-1]["role"] != "assistant":
        raise ValueError("the last message is no answer")
    return {"prompt": messages[:-1], "completion": messages[-1:]}


def _messages(value: Any, role: str) -> list[dict[str, str]]:
    """A text as one message of `role`, or a list of messages."""
    if isinstance(value, str):
        return [{"role": role, "content": _text(value)}]
    found = [{"role": _text(turn["role"]), "content": _text(turn["content"])} for turn in value]
    if not found:
        raise ValueError("no messages")
    return found


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise TypeError("a text is needed")
    return value


_KINDS: Mapping[Kind, tuple[Callable[[Mapping[str, Any]], Row], str]] = {
    "answers": (
        _single,
        '{"messages": [...]}, {"prompt": ..., "completion": ...} or {"input": ..., "answer": ...}',
    ),
    "pairs": (_pair, '{"prompt": ..., "chosen": ..., "rejected": ...}'),
    "marked": (_marked, '{"prompt": ..., "completion": ..., "label": true or false}'),
    "prompts": (_prompt, '{"prompt": ...}, with "answer" where there is a right one'),
    "texts": (_plain, '{"text": ...}'),
}
