"""Find the words of a lexicon in a text: as written, as hidden, and as they sound.

Three Aho-Corasick automata, built once: over folded texts, over squeezed ones (asked only where a text looks as if
something were hidden), and over sounds (where the lexicon tags a word with `homophone`).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from ahocorasick_rs import AhoCorasick

from stepladder.safety.shape import doubled
from stepladder.safety.words.lexicon import Lexicon, Word
from stepladder.safety.words.pinyin import sounds
from stepladder.safety.words.squeeze import bare, matches, squeeze, windows
from stepladder.text import Folded, fold

_HAN = re.compile("[\u4e00-\u9fff]")
_BETWEEN_HAN = re.compile(r"(?<=[\u4e00-\u9fff])\s+(?=[\u4e00-\u9fff])")
_WIDE = re.compile(r"\s(?<! )|\s\s")
_MOST_WIDE = 3  # white space that may stand for one blank of a word
_ONES = re.compile("[1!|]")
_MOST_MIXED = 5  # characters of a word that is looked for half in letters: 60 ways to write it
_NEAR = 8  # characters to either side of one that is written twice: of a word with it in its middle
_REACH = 200  # characters between the parts of an AND-rule


@dataclass(frozen=True, slots=True)
class Match:
    """A word found at `start` to `end` of the original text. `hidden` where it was not written plainly."""

    word: Word
    part: int
    start: int
    end: int
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class _Entry:
    word: Word
    part: int
    runs: tuple[int, ...] = ()
    leet: bool = False
    apart: tuple[bool, ...] = ()  # where a blank of the word's own stands before a character


class _Automaton:
    """Patterns with what each stands for; one pattern may stand for several entries."""

    def __init__(self, patterns: Iterable[tuple[str, _Entry]]) -> None:
        entries: dict[str, list[_Entry]] = defaultdict(list)
        for pattern, entry in patterns:
            if pattern:
                entries[pattern].append(entry)
        self.entries = list(entries.values())
        self._automaton = AhoCorasick(list(entries), store_patterns=False) if entries else None

    def find(self, text: str) -> list[tuple[int, int, int]]:
        """Return (pattern, start, end) of every occurrence, overlapping ones too."""
        if self._automaton is None:
            return []
        return self._automaton.find_matches_as_indexes(text, overlapping=True)


class Matcher:
    """A lexicon ready to be searched for. Building takes about 2 s for 87,000 words."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.words = lexicon.words
        entries = [
            (part, _Entry(word, i)) for word in lexicon.words.values() for i, part in enumerate(word.parts)
        ]
        self._plain = _Automaton(_plain(entries))
        self._hidden = _Automaton(_squeezed(entries))
        self._heard = _Automaton(_heard(entries))
        self._spaced = any(" " in fold(part).text for part, _ in entries)
        self._numbers = any(sum(map(str.isdigit, fold(part).text)) > 3 for part, _ in entries)
        self.longest = max((len(fold(part).text) for part, _ in entries), default=0)

    def find(self, text: str) -> list[Match]:
        """Return all matches in `text`, in no order; AND-rules and allowed phrases are already seen to."""
        folded = fold(text)
        every = [*self._written(folded)]
        if self._spaced and _WIDE.search(folded.text):
            every += self._wide(folded)
        if self._heard.entries and not folded.text.isascii():
            every += self._sounding(folded)
        for start, end in windows(folded.text, numbers=self._numbers):
            every += self._squeezed(folded, start, end)
        twice = doubled(folded.text)
        if twice and self._plain.find(_once(folded.text, twice)):
            for at in twice:
                every += self._doubled(folded, at)
        if not every:
            return []
        found: dict[tuple[str, int, int, int], Match] = {}
        for match in every:
            found.setdefault((match.word.text, match.part, match.start, match.end), match)
        return _settled(list(found.values()))

    def _written(self, folded: Folded) -> Iterator[Match]:
        for pattern, start, end in self._plain.find(folded.text):
            if _alone(folded.text, start, end):
                yield from self._matches(self._plain, pattern, folded.span(start, end), hidden=False)

    def _wide(self, folded: Folded) -> Iterator[Match]:
        """Find words of several parts that stand further apart than one blank, or on two lines."""
        text = " ".join(folded.text.split())
        found = [
            (pattern, start, end) for pattern, start, end in self._plain.find(text) if " " in text[start:end]
        ]
        if not found:
            return
        told = f" {folded.text}"  # the blanks before the first word are gone
        places = [
            at for at, (before, one) in enumerate(pairwise(told)) if not (before.isspace() and one.isspace())
        ]
        places.append(len(folded.text))
        for pattern, start, end in found:
            gaps = (places[at + 1] - places[at] for at in range(start, end) if text[at] == " ")
            if _alone(text, start, end) and max(gaps) <= _MOST_WIDE:
                span = folded.span(places[start], places[end - 1] + 1)
                yield from self._matches(self._plain, pattern, span, hidden=True)

    def _sounding(self, folded: Folded) -> Iterator[Match]:
        for pattern, start, end in self._heard.find(sounds().of_text(folded.text)):
            yield from self._matches(self._heard, pattern, folded.span(start, end), hidden=True)

    def _squeezed(self, folded: Folded, begin: int, stop: int) -> Iterator[Match]:
        """Find hidden words in a stretch. What touches its ends, but not the text's, may be torn and is left out."""
        text = folded.text[begin:stop]
        if not self._hidden.find(bare(text)):
            return
        squeezed = squeeze(text)
        for pattern, start, end in self._hidden.find(squeezed.text):
            first, last = squeezed.starts[start], squeezed.ends[end - 1]
            if (first == 0 and begin > 0) or (last == len(text) and stop < len(folded.text)):
                continue
            for entry in self._hidden.entries[pattern]:
                if entry.leet and not _ONES.search(text, first, last):
                    continue
                if matches(squeezed, start, end, entry.runs, entry.apart):
                    span = folded.span(begin + first, begin + last)
                    yield Match(entry.word, entry.part, *span, hidden=True)

    def _doubled(self, folded: Folded, at: int) -> Iterator[Match]:
        """Find words of three characters or more around one that is written twice (法轮轮功). Chinese has many pairs, so
        they are no sign of hiding by themselves."""
        text = folded.text
        if at and text[at - 1] == text[at]:
            return  # seen to where the run begins
        kept: list[int] = []  # places of the characters around it, each run once
        for place in range(max(0, at - _NEAR), min(len(text), at + 2 + _NEAR)):
            if not kept or text[place] != text[kept[-1]]:
                kept.append(place)
        seam = kept.index(at)
        for pattern, start, end in self._plain.find("".join(text[place] for place in kept)):
            if end - start > 2 and start <= seam < end and _HAN.match(text, kept[start]):
                last = kept[end - 1] + 1
                while last < len(text) and text[last] == text[last - 1]:
                    last += 1
                span = folded.span(kept[start], last)
                yield from self._matches(self._plain, pattern, span, hidden=True)

    @staticmethod
    def _matches(
        automaton: _Automaton, pattern: int, span: tuple[int, int], *, hidden: bool
    ) -> Iterator[Match]:
        for entry in automaton.entries[pattern]:
            yield Match(entry.word, entry.part, *span, hidden=hidden)


def _once(text: str, twice: list[int]) -> str:
    """Leave out what stands before another of its own."""
    after = [0, *(at + 1 for at in twice)]
    return "".join(text[start:end] for start, end in zip(after, [*twice, len(text)], strict=True))


def _plain(entries: list[tuple[str, _Entry]]) -> Iterator[tuple[str, _Entry]]:
    for part, entry in entries:
        yield fold(part).text, entry
        if " " in part:
            yield _BETWEEN_HAN.sub("", fold(part).text), entry
        if "homophone" in entry.word.tags:
            syllables = sounds().spelling(fold(part).text)
            if len(syllables) > 1:
                for between in ("", " ", "-"):
                    yield between.join(syllables), entry
            if len(syllables) > 2:
                yield "".join(syllable[0] for syllable in syllables), entry
            for form in _mixed(fold(part).text, syllables):
                yield form, entry


def _mixed(word: str, syllables: list[str]) -> Iterator[str]:
    """Yield a word with some of its characters spelled (冰du), or, where it is long enough, begun (d开f票)."""
    if not 2 <= len(syllables) <= _MOST_MIXED:
        return
    written = [syllables] if len(syllables) == 2 else [syllables, [syllable[0] for syllable in syllables]]
    for latin in written:
        for spelled in range(1, (1 << len(word)) - 1):
            yield "".join(latin[i] if spelled >> i & 1 else word[i] for i in range(len(word)))


def _squeezed(entries: list[tuple[str, _Entry]]) -> Iterator[tuple[str, _Entry]]:
    for part, entry in entries:
        text = fold(part).text
        # In leetspeak a 1 may be an l or an i; it is undone as an l, so a word with an i is looked for both ways.
        for form in {text, text.replace("i", "l")}:
            squeezed = squeeze(form)
            if len(squeezed.text) > 1:
                apart = tuple(gap != 0 for gap in squeezed.gaps)
                yield squeezed.text, _Entry(entry.word, entry.part, tuple(squeezed.runs), form != text, apart)
        syllables = sounds().spelling(text) if "homophone" in entry.word.tags else []
        for form in ("".join(syllables), "".join(syllable[0] for syllable in syllables)):
            squeezed = squeeze(form)
            if len(syllables) > 2 and len(squeezed.text) > 1:
                yield squeezed.text, _Entry(entry.word, entry.part, tuple(squeezed.runs))


def _heard(entries: list[tuple[str, _Entry]]) -> Iterator[tuple[str, _Entry]]:
    for part, entry in entries:
        text = fold(part).text
        if "homophone" in entry.word.tags and len(text) > 1 and sounds().spelling(text):
            yield sounds().of_text(text), entry


def _alone(text: str, start: int, end: int) -> bool:
    """Latin words and numbers match whole: the "ass" in "class" is none."""
    if text[start].isascii() and text[start].isalnum() and start and _is_latin(text[start - 1]):
        return False
    last = text[end - 1]
    return not (last.isascii() and last.isalnum() and end < len(text) and _is_latin(text[end]))


def _is_latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _settled(found: list[Match]) -> list[Match]:
    """Take out what lies inside an allowed phrase, and AND-rules of which a part is missing."""
    allowed = [(m.start, m.end) for m in found if "allow" in m.word.tags]
    kept = [
        m
        for m in found
        if "allow" not in m.word.tags and not any(a <= m.start and m.end <= b for a, b in allowed)
    ]
    return [match for match in kept if len(match.word.parts) == 1 or _is_whole(match, kept)]


def _is_whole(match: Match, found: list[Match]) -> bool:
    near = {
        other.part
        for other in found
        if other.word is match.word
        and other.start - match.end <= _REACH
        and match.start - other.end <= _REACH
    }
    return len(near) == len(match.word.parts)
