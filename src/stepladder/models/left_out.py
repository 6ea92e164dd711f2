"""Which words an answer stands on, for models whose insides say nothing: each word is left out in turn.

(Occlusion; Zeiler and Fergus 2014, Li et al. 2016, arXiv 1612.08220, "representation erasure".)
"""

import re
from collections.abc import Callable, Sequence

import numpy as np

from stepladder.models.linear import Evidence
from stepladder.models.look import Array

_WORD = re.compile(r"[^\W\u3040-\u9fff]+|[\u3040-\u9fff]")
_MOST = 64  # words that are tried: each is one more question
_LEAST = 1e-6

Probabilities = Callable[[Sequence[str]], Array]
"""Texts to the probability of each class, (texts, classes)."""


def left_out(probabilities: Probabilities, text: str, limit: int = 5) -> list[Evidence]:
    """The words (of Chinese: characters) among the first 64 without which the answer would lose, or gain, most.

    The weight is what a word adds to the log odds of the answer over all others. Raises what `probabilities` raises.
    """
    words = [match.span() for match in _WORD.finditer(text)][:_MOST]
    if not words:
        return []
    rest = [f"{text[:start]} {text[end:]}" for start, end in words]
    seen = np.clip(probabilities([text, *rest]), _LEAST, 1 - _LEAST)
    of_answer = seen[:, int(seen[0].argmax())]
    odds = np.log(of_answer / (1 - of_answer))
    moved = odds[0] - odds[1:]
    order = np.argsort(-np.abs(moved), kind="stable")[:limit]
    return [Evidence(text[slice(*words[k])], float(moved[k]), *words[k]) for k in order]
