"""When an answer may be given to a question that was asked in other words: two locks, and both must open."""

from dataclasses import dataclass
from hashlib import blake2b

import msgspec

from stepladder.core import Question, RungFailed, SemanticCache
from stepladder.models import Remembering, off_loop
from stepladder.text import gist

_encode = msgspec.json.Encoder(enc_hook=str).encode


@dataclass(frozen=True, slots=True)
class Likeness:
    """The first lock is `key`: equal keys ask the same of the same, word for word as far as words matter.

    The second is the meaning of the whole, as an embedding has it. Answers are kept for `seconds`.
    """

    key: bytes
    text: str
    seconds: float
    least: float
    embedder: Remembering

    async def holds(self, text: str) -> bool:
        """Whether `text`, which has the same key, is near enough; not so where the embedder cannot be asked."""
        if text == self.text:
            return True
        try:
            one, other = await off_loop(self.embedder.embed, [self.text, text])
        except RungFailed:
            return False
        return float(one @ other) >= self.least


def likeness(question: Question, kept: SemanticCache, embedder: Remembering, version: str) -> Likeness | None:
    """The likeness of a question; None for one that is too long. `version` names what else the answer depends on."""
    said = gist(question.text) if len(question.text) <= kept.most_chars else None
    if said is None:
        return None
    around = (question.turns, question.fields, question.system, question.force_top, question.likely)
    parts = (question.tenant, question.groups, question.task, version, around, said)
    try:
        key = blake2b(_encode(parts), digest_size=24, person=b"likeness").digest()
    except (UnicodeEncodeError, OverflowError, ValueError):  # half a surrogate pair, or no number of ours
        return None
    return Likeness(key, question.text, kept.seconds, kept.likeness, embedder)
