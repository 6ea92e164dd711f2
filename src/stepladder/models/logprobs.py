"""How likely a model's tokens were, read from a completion (`logprobs` of OpenAI's and llama.cpp's servers)."""

import math
from collections.abc import Iterable

import msgspec


class Candidate(msgspec.Struct):
    """A token that could have come, with its probability among those that sampling had left."""

    id: int = -1
    prob: float = 0.0


class Token(msgspec.Struct):
    """A token that came. `logprob` is raw: over the whole vocabulary, whatever a grammar forbade."""

    logprob: float = 0.0
    top_probs: list[Candidate] = []


class _Logprobs(msgspec.Struct):
    content: list[Token] | None = None


class _Choice(msgspec.Struct):
    logprobs: _Logprobs | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice] = []


def tokens(data: bytes) -> list[Token]:
    """The tokens of a completion or chunk; none where they were not asked for. Raises msgspec.DecodeError."""
    told = (choice.logprobs for choice in _decoder.decode(data).choices)
    return [token for each in told if each is not None for token in each.content or ()]


def mean_probability(said: Iterable[Token]) -> float:
    """exp of the mean log-probability, 0 to 1: one over the text's perplexity. Not calibrated."""
    logs = [token.logprob for token in said]
    return min(1.0, math.exp(sum(logs) / len(logs))) if logs else 0.0


_decoder = msgspec.json.Decoder(_Completion)
