"""The visible label inside an answer's text: written last thing at the door, and taken off again at the door.

So neither models nor the ledger, the cache, conversations or examples ever see it. Only prose is marked: what programs read
(JSON, one of a task's labels, tool calls) stays as it is, and so does what no machine wrote: refusals of ours.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

import msgspec

from stepladder.core import Disclosure, Equal, Task, Text, json_texts
from stepladder.models import text_of
from stepladder.service import ChatRequest, Entry, TaskEntry, texts_of, with_texts

_PLACE = "text"
_UNMARKED = ("content_filter", "tool_calls", "function_call")
_ROUTES = ("chat/completions", "completions")
_FENCE = "```"


def mark_of(disclosure: Disclosure) -> str:
    """The label that texts end with, "" where none is written into texts."""
    return disclosure.wording if disclosure.place == _PLACE else ""


def prose(request: ChatRequest, task: Task | None) -> bool:
    """Whether the answer is for people to read, as far as that is known before it is there."""
    if task is not None:
        return task.equality is Equal.TEXT
    if (
        request.route not in _ROUTES or "suffix" in request.body
    ):  # what fills a gap in a text goes on behind it
        return False
    wished = msgspec.json.decode(request.body.get("response_format", b"null"))
    return not isinstance(wished, dict) or wished.get("type") == "text"


def mark_for(entry: Entry, disclosure: Disclosure) -> str:
    """The label that this question's answer ends with, "" for none."""
    mark = mark_of(disclosure)
    task = entry.served.task if isinstance(entry, TaskEntry) else None
    return mark if mark and prose(entry.asked.request, task) else ""


def unmarked(text: str, mark: str) -> str:
    """The text without the label at its end."""
    bare = text.rstrip()
    if not mark or not bare.endswith(f"\n{mark}"):
        return text
    return bare.removesuffix(mark).rstrip()


def without_marks(request: ChatRequest, mark: str) -> ChatRequest:
    """The request with our own earlier answers as they were: a model that saw the label would learn to write it."""
    if not mark or not request.messages:
        return request
    texts = texts_of(request)
    said = [_answered(text, mark) for text in texts]
    return request if said == [text.text for text in texts] else with_texts(request, said)


def marked(body: bytes, mark: str) -> bytes:
    """A whole completion, with the label at the end of each choice that is prose."""
    said = msgspec.json.decode(body)
    choices = said.get("choices") if isinstance(said, dict) else None
    changed = False
    for choice in choices if isinstance(choices, list) else ():
        message = choice.get("message")
        holder, key = (choice, "text") if message is None else (message, "content")
        more = _more(text_of(holder.get(key)), mark)
        if more and choice.get("finish_reason") not in _UNMARKED and not holder.get("tool_calls"):
            holder[key] = _with(holder[key], more)
            changed = True
    return json_texts.encoded(said) if changed else body


class MarkedStream:
    """OpenAI's events with the label: a chunk of its own before the one with the finish reason."""

    def __init__(self, mark: str) -> None:
        self._mark = mark
        self._said: dict[int, list[str]] = {}
        self._left: set[int] = set()  # choices that call tools, or have their label

    async def events(self, events: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
        """The events of one answer, some of them more."""
        async with aclosing(events) as coming:
            async for data in coming:
                yield self._taken(data) if b'"choices"' in data else data

    def _taken(self, data: bytes) -> bytes:
        return b"\n\n".join(said for event in data.split(b"\n\n") for said in self._events(event))

    def _events(self, event: bytes) -> list[bytes]:
        """An event, and the chunks that go before it. What itself has the last words has the label behind them."""
        if not event.startswith(b"data:") or b'"choices"' not in event:
            return [event]
        chunk = msgspec.json.decode(event[5:])
        before, changed = list[dict[str, Any]](), False
        for choice in chunk.get("choices") or ():
            more = self._heard(choice)
            if not more:
                continue
            if _words(choice):
                holder, key = (choice, "text") if "text" in choice else (choice["delta"], "content")
                holder[key] = _with(holder[key], more)
                changed = True
            else:
                before.append(_chunk(chunk, choice, more))
        last = b"data: " + json_texts.encoded(chunk) if changed else event
        return [*(b"data: " + json_texts.encoded(one) for one in before), last]

    def _heard(self, choice: Mapping[str, Any]) -> str:
        """What is to be said with this choice's chunk, which ends it; "" for none."""
        index, delta = choice.get("index", 0), choice.get("delta") or {}
        said = self._said.setdefault(index, [])
        said.append(_words(choice))
        if delta.get("tool_calls") or delta.get("function_call"):
            self._left.add(index)
        end = choice.get("finish_reason")
        if end is None or index in self._left:
            return ""
        self._left.add(index)
        return "" if end in _UNMARKED else _more("".join(said), self._mark)


def _words(choice: Mapping[str, Any]) -> str:
    delta = choice.get("delta") or {}
    return text_of(choice.get("text")) or text_of(delta.get("content"))


def _chunk(chunk: Mapping[str, Any], choice: Mapping[str, Any], more: str) -> dict[str, Any]:
    """A chunk of the same stream that says the label and nothing else."""
    frame = {key: value for key, value in chunk.items() if key not in ("choices", "usage", "stepladder")}
    usage = {"usage": None} if "usage" in chunk else {}
    said = {"text": more} if "text" in choice else {"delta": {"content": more}}
    told = {"index": choice.get("index", 0), **said, "logprobs": None, "finish_reason": None}
    return {**frame, "choices": [told], **usage}


def _more(text: str, mark: str) -> str:
    """What is to stand behind an answer: "" where it has no words, has the label, or is JSON or code as a whole."""
    bare = text.strip()
    if not bare or bare.endswith(f"\n{mark}") or bare.startswith("{"):
        return ""
    if bare.startswith(_FENCE) and bare.endswith(_FENCE):
        return ""
    return "" if bare.startswith("[") and _is_list(bare) else f"\n\n{mark}"


def _is_list(text: str) -> bool:
    try:
        return isinstance(msgspec.json.decode(text), list)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return text.startswith(('["', "[{"))


def _with(content: Any, more: str) -> Any:
    return [*content, {"type": "text", "text": more}] if isinstance(content, list) else content + more


def _answered(text: Text, mark: str) -> str:
    return unmarked(text.text, mark) if text.role == "assistant" and text.spoken else text.text
