"""One record of any known shape -> rows of the one shape.

A row is {"input", "answer"?, "gold"?, "fields"?, "time"?, "system"?, "turns"?}, or {"prompt", "chosen", "rejected"}.

Known are flat records whose names can be mapped, OpenAI's (a request with its response, batch files, rows for fine-tuning
with `messages`, with prompt and completion, or with two answers), ShareGPT's `conversations`, and Alpaca's `instruction`,
`input` and `output`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec

from stepladder.data.log import UNLEARNED, FieldNames, Unusable, chat_of, find, text_of, time_of

Row = dict[str, Any]

_CARRIED: dict[str, type] = {
    "id": str,
    "origin": str,
    "drawn": bool,
    "url": str,
    "title": str,
    "licence": str,
}
_ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "model": "assistant",
    "system": "system",
    "developer": "system",
}


class Shape(StrEnum):
    """How records are shaped. AUTO: each record is looked at."""

    AUTO = "auto"
    FLAT = "flat"
    OPENAI = "openai"
    SHAREGPT = "sharegpt"
    ALPACA = "alpaca"


@dataclass(frozen=True, slots=True)
class Reading:
    """How records are read: their shape, the names in flat ones, further columns that become `fields`.

    `every_turn` makes a row of every answer in a conversation; without it only the last one counts.
    """

    shape: Shape = Shape.AUTO
    names: FieldNames = field(default_factory=FieldNames)
    fields: tuple[str, ...] = ()
    every_turn: bool = False


def rows_of(record: Mapping[str, Any], reading: Reading) -> list[Row]:
    """The rows of a record. Raises Unusable, saying why it holds none."""
    data = dict(record)
    shape = reading.shape if reading.shape is not Shape.AUTO else _shape(data, reading.names)
    if shape is Shape.SHAREGPT:
        return list(_talk(_messages(data.get("conversations")), reading.every_turn))
    if shape is Shape.OPENAI:
        preferred = isinstance(data.get("input"), dict) and "preferred_output" in data
        return [_preferred(data)] if preferred else _openai(data, reading.every_turn)
    return [_alpaca(data) if shape is Shape.ALPACA else _flat(data, reading)]


def _shape(data: Mapping[str, Any], names: FieldNames) -> Shape:
    if isinstance(data.get("conversations"), list):
        return Shape.SHAREGPT
    if isinstance(data.get("messages"), list) or "request" in data or "response" in data:
        return Shape.OPENAI
    if "preferred_output" in data or (names == FieldNames() and data.keys() >= {"prompt", "completion"}):
        return Shape.OPENAI
    if "instruction" in data and "output" in data and names == FieldNames():
        return Shape.ALPACA
    return Shape.FLAT


def _flat(data: dict[str, Any], reading: Reading) -> Row:
    names = reading.names
    row: Row = {"input": text_of(find(data, names.input), names.input)}
    for key, name in (("answer", names.answer), ("gold", names.gold)):
        if (value := find(data, name)) is not None and (said := _said(value)).strip():
            row[key] = said
    fields = find(data, names.fields)
    given = dict(fields) if isinstance(fields, dict) else {}
    given |= {name: find(data, name) for name in reading.fields if find(data, name) is not None}
    if given:
        row["fields"] = {
            name: value if isinstance(value, str | int | float | bool) else _said(value)
            for name, value in given.items()
        }
    row |= {key: data[key] for key, kind in _CARRIED.items() if isinstance(data.get(key), kind)}
    if (at := time_of(find(data, names.time), names.time)) is not None:
        row["time"] = at
    return row


def _said(value: Any) -> str:
    """An answer as text: numbers and objects in JSON's spelling, keys sorted."""
    return (
        value if isinstance(value, str) else msgspec.json.encode(value, order="sorted", enc_hook=str).decode()
    )


def _alpaca(data: Mapping[str, Any]) -> Row:
    asked = text_of(data.get("instruction"), "instruction")
    more = data.get("input")
    row: Row = {
        "input": f"{asked}\n\n{more}" if isinstance(more, str) and more.strip() else asked,
        "answer": text_of(data.get("output"), "output"),
    }
    if isinstance(data.get("system"), str) and data["system"].strip():
        row["system"] = data["system"]
    turns = [
        {"role": role, "content": str(text)}
        for pair in data.get("history") or ()
        for role, text in zip(("user", "assistant"), pair, strict=False)
    ]
    return row | ({"turns": turns} if turns else {})


def _openai(data: dict[str, Any], every_turn: bool) -> list[Row]:
    if "messages" not in data and data.keys() >= {"prompt", "completion"}:
        told = (text_of(data["prompt"], "prompt"), text_of(data["completion"], "completion"))
        return [{"input": told[0].strip(), "answer": told[1].strip()}]
    chat = chat_of(data)
    if chat is None:
        raise Unusable("it has no 'messages'")
    request = data["request"] if isinstance(data.get("request"), dict) else data
    request = request["body"] if isinstance(request.get("body"), dict) else request
    messages = request.get("messages")
    if every_turn and "response" not in data:
        return list(_talk(_messages(messages), every_turn=True))
    if not chat.learned:
        raise Unusable(UNLEARNED)
    row: Row = {"input": text_of(chat.user, "content"), "answer": text_of(chat.answer, "answer")}
    if chat.system:
        row["system"] = chat.system
    if chat.turns and isinstance(messages, list):
        asked = max(at for at, one in enumerate(messages) if one.get("role") == "user")
        if turns := _turns(_messages(messages[:asked])):
            row["turns"] = turns
    return [row]


def _preferred(data: Mapping[str, Any]) -> Row:
    """OpenAI's fine-tuning by preference -> what alignment reads."""
    told = data["input"].get("messages")
    asked = _messages(told)
    if not asked or asked[-1]["role"] != "user":
        raise Unusable("its input does not end with the user")
    sides = [_messages(data.get(name)) for name in ("preferred_output", "non_preferred_output")]
    if not all(side and side[-1]["role"] == "assistant" for side in sides):
        raise Unusable("it has not two answers")
    prompt = [{"role": one["role"], "content": one["content"]} for one in asked]
    return {"prompt": prompt, "chosen": sides[0][-1]["content"], "rejected": sides[1][-1]["content"]}


def _messages(given: Any) -> list[dict[str, Any]]:
    """Messages with OpenAI's roles, out of either spelling; those of tools and without text are left out.

    What OpenAI gives the weight 0 is not `learned`.
    """
    if not isinstance(given, list):
        raise Unusable("it has no list of messages")
    found = []
    for message in given:
        if not isinstance(message, dict):
            raise Unusable("a message is no JSON object")
        role = _ROLES.get(str(message.get("from", message.get("role"))))
        text = _plain(message.get("value", message.get("content")))
        if role is not None and text is not None:
            found.append({"role": role, "content": text, "learned": message.get("weight") != 0})
    return found


def _turns(messages: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    return [{"role": one["role"], "content": one["content"]} for one in messages if one["role"] != "system"]


def _plain(content: Any) -> str | None:
    """A message's text, its parts joined; None where it has none."""
    if isinstance(content, list):
        parts = [one.get("text") for one in content if isinstance(one, dict) and one.get("type") == "text"]
        return "\n".join(part for part in parts if isinstance(part, str)) or None
    return content if isinstance(content, str) else None


def _talk(messages: Sequence[Mapping[str, Any]], every_turn: bool) -> Iterator[Row]:
    """A row for the last answer of a conversation, or for every one. Raises Unusable where nobody answers anybody."""
    system = "\n".join(message["content"] for message in messages if message["role"] == "system")
    turns = [message for message in messages if message["role"] != "system"]
    ends = [
        at
        for at in range(1, len(turns))
        if (turns[at - 1]["role"], turns[at]["role"]) == ("user", "assistant")
        and turns[at - 1]["content"].strip()
        and turns[at]["content"].strip()
        and turns[at]["learned"]
    ]
    if not ends:
        raise Unusable("nobody answers anybody in it")
    for end in ends if every_turn else ends[-1:]:
        row: Row = {"input": turns[end - 1]["content"], "answer": turns[end]["content"]}
        if system:
            row["system"] = system
        if end > 1:
            row["turns"] = _turns(turns[: end - 1])
        yield row
