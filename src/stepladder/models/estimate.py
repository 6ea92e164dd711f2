"""What a request says, and about how many tokens that is: for the bill of an upstream that does not count."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from stepladder.core import ChatCall, Question, Usage

SAYING = (
    "messages",
    "input",
    "prompt",
    "query",
    "documents",
    "system",
    "contents",
    "systemInstruction",
    "tools",
)
"""The fields of a request that hold what is asked, and not how."""
_PICTURE = 765
"""Tokens of a picture: OpenAI's count for one of 1024 x 1024 in high detail."""
_PER_MESSAGE = 4


def estimate_tokens(text: str) -> int:
    """An estimate: a token for each non-ASCII character, and one for every four ASCII ones. No tokenizer is asked."""
    if text.isascii():
        return (len(text) + 3) // 4
    wide = sum(character > "\x7f" for character in text)
    return wide + (len(text) - wide + 3) // 4


def estimate_call(call: ChatCall, text: str, unsaid: int = 0) -> Usage:
    """About what a call took whose answer is `text`, with `unsaid` characters of tool calls and reasoning besides."""
    said = [found for found in (_decoded(call.body[key]) for key in SAYING if key in call.body) if found]
    messages = sum(len(part) for part in said if isinstance(part, list))
    prompt = sum(_tokens(word) for word in strings(said)) + _PER_MESSAGE * messages
    return Usage(prompt, estimate_tokens(text) + (unsaid + 3) // 4, estimated=True)


def estimate_messages(messages: Iterable[Mapping[str, str]], text: str) -> Usage:
    """The same for messages of ours."""
    prompt = sum(estimate_tokens(message["content"]) + _PER_MESSAGE for message in messages)
    return Usage(prompt, estimate_tokens(text), estimated=True)


def estimate_question(question: Question, prompt: str, text: str) -> Usage:
    """The same for a question to a task whose answer broke off at `text`."""
    asked = [prompt, question.text, *(turn.content for turn in question.turns)]
    return Usage(sum(map(estimate_tokens, asked)), estimate_tokens(text), estimated=True)


def strings(value: Any) -> Iterator[str]:
    """Every string in a JSON value, names of fields left out."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item


def _tokens(text: str) -> int:
    return _PICTURE if text.startswith("data:") else estimate_tokens(text)


def _decoded(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
