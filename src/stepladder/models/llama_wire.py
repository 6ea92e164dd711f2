"""What we read of the replies of llama.cpp's server. Everything else in them passes by unread."""

import math

import msgspec

from stepladder.core import UpstreamFailed, Usage


class Candidate(msgspec.Struct):
    """A token that could have come, with its probability among the candidates left after sampling."""

    id: int = -1
    prob: float = 0.0


class Token(msgspec.Struct):
    """A token that came. `logprob` is raw: over the whole vocabulary, whatever a grammar forbade."""

    logprob: float = 0.0
    top_probs: list[Candidate] = []


class Logprobs(msgspec.Struct):
    """The tokens of an answer or of a piece of one."""

    content: list[Token] = []


class Message(msgspec.Struct):
    """What was said; null where tools are called."""

    content: str | None = None


class Choice(msgspec.Struct):
    """One of `n` answers: whole (`message`) or the next piece of it (`delta`)."""

    index: int = 0
    finish_reason: str | None = None
    message: Message | None = None
    delta: Message | None = None
    logprobs: Logprobs | None = None


class Spent(msgspec.Struct):
    """Tokens read and written."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


class Reply(msgspec.Struct):
    """A completion, or one chunk of a streamed one."""

    choices: list[Choice] = []
    usage: Spent | None = None

    @classmethod
    def read(cls, name: str, data: bytes) -> "Reply":
        """Raises UpstreamFailed where `data` is something else."""
        try:
            return _decoder.decode(data)
        except msgspec.DecodeError as error:
            raise UpstreamFailed(name, f"{name} answered something that is no completion.") from error

    @property
    def said(self) -> str:
        """The text of the first answer, or of this piece of it."""
        for choice in self.choices:
            if choice.index == 0:
                message = choice.message or choice.delta
                return (message.content or "") if message is not None else ""
        return ""

    @property
    def finish_reason(self) -> str | None:
        """Why the answer ended; None while it goes on."""
        return next((choice.finish_reason for choice in self.choices if choice.finish_reason), None)

    @property
    def spent(self) -> Usage:
        """Tokens read and written."""
        usage = self.usage or Spent()
        return Usage(usage.prompt_tokens, usage.completion_tokens)

    @property
    def tokens(self) -> list[Token]:
        """The tokens with their probabilities, where they were asked for."""
        return [token for choice in self.choices if choice.logprobs for token in choice.logprobs.content]


def mean_probability(tokens: list[Token]) -> float:
    """exp of the mean log-probability, 0 to 1: one over the answer's perplexity. Not calibrated."""
    if not tokens:
        return 0.0
    return min(1.0, math.exp(sum(token.logprob for token in tokens) / len(tokens)))


_decoder = msgspec.json.Decoder(Reply)
