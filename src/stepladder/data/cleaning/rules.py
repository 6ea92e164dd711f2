"""The rules of cleaning: each looks at texts and leaves them, changes them, or says that their row must go."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from html import unescape
from typing import Protocol

from stepladder.core import Action as Verdicted
from stepladder.core import Guard
from stepladder.data.cleaning.language import Language, language_of
from stepladder.data.cleaning.repair import repair
from stepladder.data.cleaning.surprise import Surprise, outlying
from stepladder.knowledge import html_text
from stepladder.privacy import Finding, find, mask, redact
from stepladder.text import normalise

_TAG = re.compile(
    r"</?(?:p|div|br|span|a|b|i|u|em|strong|ul|ol|li|h[1-6]|table|tr|td|th|tbody|img|font|script|style|html|body|head|pre|"
    r"blockquote|section|article|nav|footer|header)(?:\s[^<>]{0,500})?/?>",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:[a-z]{2,8}|#\d{1,6}|#x[0-9a-f]{1,5});", re.IGNORECASE)
_WINDOW = 2_000
_GRAM = 4
_FEWEST_TO_JUDGE = 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule makes of one text: the text after it, None where the row must go, and why; what was `found` by kind."""

    text: str | None
    reason: str = ""
    found: Mapping[str, int] = field(default_factory=dict)


class Reach(StrEnum):
    """Which fields a rule looks at: the question, also those that are cleaned with it, or every text of a row."""

    QUESTION = "question"
    CLEANED = "cleaned"
    WATCHED = "watched"


class Rule(Protocol):
    """A rule, and the fields that it looks at."""

    name: str
    reach: "Reach"

    def look(self, texts: Sequence[str]) -> list[Outcome]:
        """One outcome a text, in order."""
        ...


class Act(StrEnum):
    """What becomes of a row in which something was found."""

    COUNT = "count"
    MASK = "mask"
    REMOVE = "remove"


class Encoding:
    """Text read in the wrong code is turned back, unseen characters go; a row with mostly lost characters goes."""

    name, reach = "encoding", Reach.CLEANED

    def look(self, texts: Sequence[str]) -> list[Outcome]:
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> Outcome:
        mended = repair(text)
        lost = mended.count("\ufffd")
        if lost > 0.1 * len(mended):
            return Outcome(None, f"{lost} of {len(mended)} characters are lost")
        return Outcome(mended, "mended" if mended != text else "")


class Markup:
    """HTML becomes text: tags, scripts, menus and entities go. A text with two tags or one entity counts as HTML."""

    name, reach = "html", Reach.CLEANED

    def look(self, texts: Sequence[str]) -> list[Outcome]:
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> Outcome:
        if "<" not in text and "&" not in text:
            return Outcome(text)
        tags = len(_TAG.findall(text))
        if tags < 2 and not _ENTITY.search(text):
            return Outcome(text)
        plain = html_text(text)[1] if tags > 1 else unescape(text)
        return Outcome(plain, f"{tags} tags" if plain != text else "")


class Boilerplate:
    """Lines that many rows share go from texts of several lines: signatures, notices, menus. `lines` are these."""

    name, reach = "boilerplate", Reach.CLEANED

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = frozenset(lines)

    @classmethod
    def of(cls, sample: Sequence[str], share: float = 0.01, fewest: int = 20) -> "Boilerplate":
        """The lines of at least 15 characters that stand in `share` of a sample's texts, and in `fewest` of them."""
        counts: dict[str, int] = {}
        for text in sample:
            if "\n" in text:
                for line in {key for line in text.split("\n") if len(key := normalise(line)) >= 15}:
                    counts[line] = counts.get(line, 0) + 1
        least = max(fewest, share * len(sample))
        return cls(line for line, count in counts.items() if count >= least)

    def look(self, texts: Sequence[str]) -> list[Outcome]:
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> Outcome:
        if not self.lines or "\n" not in text:
            return Outcome(text)
        lines = text.split("\n")
        kept = [line for line in lines if normalise(line) not in self.lines]
        if len(kept) == len(lines) or not any(line.strip() for line in kept):
            return Outcome(text)
        return Outcome("\n".join(kept).strip(), f"{len(lines) - len(kept)} lines")


class Length:
    """Rows go whose text is shorter or longer, in characters without the white space around."""

    name, reach = "length", Reach.QUESTION

    def __init__(self, shortest: int = 1, longest: int = 100_000) -> None:
        self.shortest, self.longest = shortest, longest

    def look(self, texts: Sequence[str]) -> list[Outcome]:
        return [
            Outcome(
                text if self.shortest <= (length := len(text.strip())) <= self.longest else None,
                f"{length} characters",
            )
            for text in texts
        ]


class Languages:
    """Rows go whose text is in none of the `wanted` languages; what is in no language (numbers) stays."""

    name, reach = "language", Reach.QUESTION

    def __init__(self, wanted: Iterable[Language]) -> None:
        self.wanted = frozenset(wanted) | {Language.UNKNOWN}

    def look(self, texts: Sequence[str]) -> list[Outcome]:
        found = [language_of(text) for text in texts]
        return [
            Outcome(text if one in self.wanted else None, one.value)
            for text, one in zip(texts, found, strict=True)
        ]


class Repetition:
    """Rows go that say the same again and again: of their first 2,000 characters' 4-grams less than `least` differ."""

    name, reach = "repetition", Reach.QUESTION

    def __init__(self, least: float = 0.3) -> None:
        self.least = least

    def look(self, texts: Sequence[str]) -> list[Outcome]:
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> Outcome:
        shown = text[:_WINDOW]
        count = len(shown) - _GRAM + 1
        if count < _FEWEST_TO_JUDGE:
            return Outcome(text)
        share = len({shown[at : at + _GRAM] for at in range(count)}) / count
        return Outcome(text if share >= self.least else None, f"{share:.0%} of its 4-grams differ")


class Perplexity:
    """Rows go that are strange: more bits a character than `most` for their script, (Chinese, other)."""

    name, reach = "perplexity", Reach.QUESTION

    def __init__(self, model: Surprise, most: tuple[float, float]) -> None:
        self.model, self.most = model, most

    @classmethod
    def of(cls, sample: Sequence[str], spread: float = 8.0) -> "Perplexity":
        """Fit the model on one half of a sample; the other half says, for each script, what is ordinary."""
        model = Surprise.fit(sample[::2])
        held = sample[1::2]
        bits = model.bits(held)
        most = []
        for chinese in (True, False):
            of_script = [
                float(value) for text, value in zip(held, bits, strict=True) if _chinese(text) is chinese
            ]
            most.append(outlying(of_script, spread) if len(of_script) >= 100 else float("inf"))
        return cls(model, (most[0], most[1]))

    def look(self, texts: Sequence[str]) -> list[Outcome]:
        values = self.model.bits(texts).tolist()
        return [
            Outcome(text if value <= self.most[not _chinese(text)] else None, f"{value:.1f} bits a character")
            for text, value in zip(texts, values, strict=True)
        ]


class Personal:
    """Personal data, counted by kind, and masked or the row removed where asked for."""

    name, reach = "personal", Reach.WATCHED

    def __init__(self, act: Act = Act.COUNT, kinds: Sequence[str] | None = None) -> None:
        self.act, self._kinds = act, kinds

    def look(self, texts: Sequence[str]) -> list[Outcome]:
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> Outcome:
        found = find(text, self._kinds)
        if not found:
            return Outcome(text)
        return _acted(self.act, text, redact(text, found, mask), _counted(found))


class Guarded:
    """What a guard flags, counted by category; masked where the guard says how, or the row removed."""

    reach = Reach.WATCHED

    def __init__(self, name: str, guard: Guard, act: Act = Act.COUNT) -> None:
        self.name, self.act, self._guard = name, act, guard

    def look(self, texts: Sequence[str]) -> list[Outcome]:
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> Outcome:
        verdict = self._guard.check(text)
        if verdict.action is Verdicted.PASS:
            return Outcome(text)
        counts: dict[str, int] = {}
        for kind in [span.kind for span in verdict.spans] or verdict.categories:
            counts[kind] = counts.get(kind, 0) + 1
        return _acted(self.act, text, verdict.redacted, counts)


class Copies:
    """Rows go whose text stood in an earlier one, case, width and white space aside: 8 bytes a row are remembered."""

    name, reach = "copy", Reach.QUESTION

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def look(self, texts: Sequence[str]) -> list[Outcome]:
        return [
            Outcome(None, "the same text as an earlier row") if self.remember(text) else Outcome(text)
            for text in texts
        ]

    def remember(self, text: str) -> bool:
        """Take a text down; True where it was there already."""
        key = blake2b(normalise(text).encode("utf-8", "replace"), digest_size=8).digest()
        known = key in self._seen
        self._seen.add(key)
        return known


def _acted(act: Act, text: str, masked: str | None, found: Mapping[str, int]) -> Outcome:
    reason = ", ".join(f"{kind} {count}" for kind, count in found.items())
    if act is Act.MASK and masked is not None:
        return Outcome(masked, reason, found)
    return Outcome(text if act is Act.COUNT else None, reason, found)


def _counted(found: Sequence[Finding]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in found:
        counts[one.kind.value] = counts.get(one.kind.value, 0) + 1
    return counts


def _chinese(text: str) -> bool:
    return language_of(text[:200]) is Language.ZH
