"""What an answer took, in tokens."""

from stepladder.core.records import record


@record
class Usage:
    """Tokens read and written, as the answerer counted them; `estimated` where it did not tell and we had to guess."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated: bool = False

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.estimated or other.estimated,
        )
