"""Is what is served what was trained? The same words, the same tokens, the same odds, or it is no release.

Merging, converting and packing each have gone wrong silently in other tools, as have chat templates that differ between
training and serving.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from stepladder.core import ConfigError, DataError
from stepladder.models import TunedModel, candidates

ODD = (
    "Order 10045:\tI paid 1,299.50 twice!!",
    "  Two  spaces,\n\nand a blank line. It isn't here\u2019s",
    "\u6211\u7684\u5305\u88f9\u5230\u54ea\u91cc\u4e86\uff1f",
    "na\u00efve caf\u00e9 \U0001f600 <b>bold</b> | {json: [1]}",
)
"""Texts on which templates and tokenisers like to differ."""

LIKELIEST = 20
"""So many next tokens are compared where no codes are."""

TOLERANCE = 0.2
"""The most by which a label's probability may differ. Unpacked files differ by less than .001, 8 bit has moved a text that fits
no label by .09; what goes wrong moves it by more. The confidence is calibrated on what is served, whatever the gap."""


def codes_of(base: Path, labels: Sequence[str]) -> list[tuple[str, int]]:
    """(what is written, its first token) for each label, all tokens different. Raises ConfigError.

    A label is written as it is where its first token tells it from the others: what the model knows of the words then helps
    it to learn (SmolLM2 has to learn what a letter stands for from nothing). Else each label gets a letter.
    """
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    own = [_first(tokenizer, label) for label in labels]
    if None not in own and len(set(own)) == len(labels):
        return [(label, token) for label, token in zip(labels, own, strict=True) if token is not None]
    found: dict[int, str] = {}
    for code in candidates():
        token = _first(tokenizer, code) if len(found) < len(labels) else None
        if token is not None and len(tokenizer.encode(code, add_special_tokens=False).ids) == 1:
            found.setdefault(token, code)
    if len(found) < len(labels):
        raise ConfigError(
            f"The model in {base} has {len(found)} codes of one token for {len(labels)} labels.",
            remedy="Take a base with a larger vocabulary, or group the labels.",
        )
    return [(code, token) for token, code in found.items()]


def _first(tokenizer: Any, text: str) -> int | None:
    """The first token of a text that follows a line's end, as an answer does; None where it depends on what is before."""
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    line = tokenizer.encode("\n", add_special_tokens=False).ids
    return (
        int(ids[0])
        if ids and tokenizer.encode(f"\n{text}", add_special_tokens=False).ids == line + ids
        else None
    )


def check_served(model: TunedModel, probed: Path, *, tolerance: float = TOLERANCE) -> float:
    """The largest difference between a label's probability as served and as trained, over the probed prompts.

    Raises DataError where it is above `tolerance`, or where the words or the tokens differ.
    """
    gap = 0.0
    for number, probe in enumerate(json.loads(probed.read_bytes())):
        messages = probe["messages"]
        said = msgspec.json.decode(model.llama.ask("/apply-template", {"messages": messages})[1])["prompt"]
        if said != probe["text"]:
            raise _differs(f"the chat template says {said!r} and said {probe['text']!r} in training")
        asked = {"content": said, "add_special": False, "parse_special": True}
        read = msgspec.json.decode(model.llama.ask("/tokenize", asked)[1])["tokens"]
        if read != probe["tokens"]:
            raise _differs(f"prompt {number} is read as other tokens")
        logs = model.log_odds(messages[-1]["content"])
        if logs is None:
            raise _differs(f"prompt {number} does not fit into the context")
        gap = max(gap, float(np.abs(np.exp(logs) - np.exp(probe["log_odds"])).max()))
    if gap > tolerance:
        raise _differs(f"a label's probability differs by {gap:.3f}")
    return gap


def _differs(how: str) -> DataError:
    return DataError(
        f"What llama.cpp serves is not what was trained: {how}.",
        remedy="Take another `quantisation` (f16), or another base; this one cannot be a release.",
    )
