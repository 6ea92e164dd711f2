"""A small support inbox in English, written for this project: ten intents of a shop's customers.

How it was made: for each intent twenty sentences were written by hand (`support.json`), with places for what differs from
customer to customer. A row is a sentence with its places filled by a coin, an opening and a closing that say nothing of the
intent, and now and then the slips of people who type in a hurry. Every fourth sentence never occurs in the log: the
held-out rows are made of these alone, so they are asked in words that no model has been trained on.
"""

import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

_SLIP = 0.15  # share of rows with a slip
_BROKEN = 0.02  # share of log rows that a real log would also hold: nearly the same message again
_EVERY = 4  # of the sentences, one in so many is kept for the held-out rows

PROMPT = "Which intent does the customer's message have?"


@dataclass(frozen=True, slots=True)
class Message:
    """What a customer wrote, and what they want."""

    text: str
    intent: str


@dataclass(frozen=True, slots=True)
class Inbox:
    """The `log`, in its order, with near-copies as real logs have them, and `held`, in words that the log has not."""

    intents: tuple[str, ...]
    log: tuple[Message, ...]
    held: tuple[Message, ...]


def inbox(log: int, held: int, *, seed: int = 7) -> Inbox:
    """So many messages; the same numbers and seed give the same ones."""
    written = json.loads(resources.files(__package__).joinpath("support.json").read_text(encoding="utf-8"))
    coin = random.Random(seed)
    common: list[tuple[str, str]] = []
    rare: list[tuple[str, str]] = []
    for intent, sentences in written["intents"].items():
        for number, sentence in enumerate(sentences):
            (rare if number % _EVERY == _EVERY - 1 else common).append((intent, sentence))
    return Inbox(
        tuple(sorted(written["intents"])),
        tuple(_messages(common, log, written, coin)),
        tuple(_messages(rare, held, written, coin, copies=False)),
    )


def _messages(
    sentences: Sequence[tuple[str, str]],
    count: int,
    written: dict[str, dict[str, list[str]]],
    coin: random.Random,
    *,
    copies: bool = True,
) -> list[Message]:
    found: list[Message] = []
    seen: set[str] = set()
    while len(found) < count:
        if copies and found and coin.random() < _BROKEN:
            again = coin.choice(found)
            found.append(Message(again.text + coin.choice(("!", " ", " ??")), again.intent))
            continue
        intent, sentence = coin.choice(sentences)
        text = _filled(sentence, written, coin)
        if text not in seen:
            seen.add(text)
            found.append(Message(text, intent))
    return found


def _filled(sentence: str, written: dict[str, dict[str, list[str]]], coin: random.Random) -> str:
    body = re.sub(r"\{(\w+)\}", lambda slot: coin.choice(written["slots"][slot[1]]), sentence)
    opener, closer = coin.choice(list(written["openers"])), coin.choice(list(written["closers"]))
    if not opener or opener.endswith("."):
        body = body[0].upper() + body[1:]
    if closer and not body.endswith("?"):
        body += "."
    text = " ".join(part for part in (opener, body, closer) if part)
    return _slipped(text, coin) if coin.random() < _SLIP else text


def _slipped(text: str, coin: random.Random) -> str:
    """One letter left out, or two the wrong way round, or everything in small letters."""
    at = coin.randrange(1, len(text) - 1)
    return coin.choice(
        (text[:at] + text[at + 1 :], text[: at - 1] + text[at] + text[at - 1] + text[at + 1 :], text.lower())
    )
