"""How likely a language model thinks held-out answers or texts to be: perplexity, and bits a byte.

Perplexity is exp of the mean of -ln P(token | what is before it), so it compares models of one tokeniser; bits a byte
(-log2 P of the text, by its bytes in UTF-8) compares any. Of a chat only the answer counts, after its prompt.
"""

import json
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stepladder.core import BadRequest
from stepladder.training.language.process import compress
from stepladder.training.language.rows import Row, write_lines


@dataclass(frozen=True, slots=True)
class Surprised:
    """Of each row: nats, tokens, bytes and seconds to read it."""

    nats: tuple[float, ...]
    tokens: tuple[int, ...]
    sizes: tuple[int, ...]
    seconds: tuple[float, ...]

    @property
    def perplexity(self) -> float:
        """Over all rows' tokens."""
        return math.exp(sum(self.nats) / sum(self.tokens))

    @property
    def bits(self) -> float:
        """A byte, over all rows."""
        return sum(self.nats) / math.log(2) / sum(self.sizes)


def surprise(model: Path, rows: Sequence[Row]) -> Surprised:
    """Ask a model (a Hugging Face folder, or an adapter's) in a process of its own; rows are those of `read_rows`, answers or
    texts. Raises MissingExtra, DataError, BadRequest where there is no row.
    """
    if not rows:
        raise BadRequest("There is no row.", remedy="Give a file of held-out rows.")
    with tempfile.TemporaryDirectory(prefix="stepladder-surprise-") as name:
        work = Path(name)
        asked, out = work / "rows.jsonl", work / "found.json"
        write_lines(asked, rows)
        operation = {"do": "surprise", "folder": str(model), "rows": str(asked), "out": str(out)}
        compress([operation], work, lambda event: None)
        told = json.loads(out.read_bytes())
    return Surprised(*(tuple(told[key]) for key in ("nats", "tokens", "sizes", "seconds")))
