"""Labels as codes of one token each: what a model is asked, and how likely it held each label to be.

One token is written, and the confidence is the code's probability among the codes: it does not depend on how many tokens
labels have or share.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Any

from stepladder.core import Question, Task
from stepladder.models.contract import prompt_for
from stepladder.models.logprobs import tokens

_MASS = 100.0
"""Added to the logit of every code: nothing else can come, and the odds among the codes stay the same."""


def candidates() -> list[str]:
    """Codes to try: letters and digits, then pairs of capitals."""
    return [*ascii_uppercase, *ascii_lowercase, *digits, *map("".join, product(ascii_uppercase, repeat=2))]


def with_codes(task: Task, question: Question, codes: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """The contract's prompt, but with a code to answer for each label, in the answers of earlier turns too."""
    bare = replace(task, labels=(), schema=None)
    known = {label: code for code, label in codes}
    listed = "\n".join(f"{code} = {label}" for label, code in known.items())
    turns = tuple(
        replace(turn, content=known.get(turn.content, turn.content)) if turn.role == "assistant" else turn
        for turn in question.turns
    )
    ask = f"Answer with the code of one label and nothing else.\n{listed}"
    prompt = "\n\n".join(part for part in (bare.prompt, ask) if part)
    return prompt_for(replace(bare, prompt=prompt), replace(question, turns=turns))


def code_request(messages: Sequence[Mapping[str, str]], codes: Sequence[int]) -> dict[str, Any]:
    """The fields of a chat completion that writes one of these tokens and tells how likely each was."""
    return {
        "messages": messages,
        "max_tokens": 1,
        "logit_bias": [[token, _MASS] for token in codes],
        "samplers": ["top_k", "temperature"],
        "top_k": len(codes),
        "temperature": 1.0,
        "logprobs": True,
        "top_logprobs": len(codes),
        "post_sampling_probs": True,
    }


def code_odds(reply: bytes, codes: Sequence[int]) -> list[float]:
    """The probability of each of the codes, summing to 1; empty where the reply has none."""
    found = {each.id: each.prob for token in tokens(reply)[:1] for each in token.top_probs}
    total = sum(found.get(token, 0.0) for token in codes)
    return [found.get(token, 0.0) / total for token in codes] if total > 0.0 else []
