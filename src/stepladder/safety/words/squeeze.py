"""Undo what people do to a word so that a list does not find it, and keep the way back.

Separators between characters, repeated characters, leetspeak, split characters (女干), emoji and Chinese digits in long
numbers are undone at once, into one string with, for each character, where it stood, how often it was repeated and
which gap was before it. What counts as a match is decided by `matches`, so that "god" is no "good" and a comma between
two words does not make a third.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from stepladder.safety.shape import CLAUSE, Literals, Pieces, repeated, shape

_LEET = str.maketrans("013457@$!|+", "oleastasllt")
_LEET_TOKEN = re.compile(r"[a-z0-9@$!|+]*[a-z][a-z0-9@$!|+]*")
_LEET_MARK = re.compile(r"[0-9@$!|+]")
_FILLER = re.compile("(?<=[\u4e00-\u9fff])[xo](?=[\u4e00-\u9fff])")
_NUMBER = re.compile("[零一二三四五六七八九]{4,}")
_DIGITS = str.maketrans("零一二三四五六七八九", "0123456789")
_MAX_GAP = 3

# Characters written as their parts: left and right (or top and bottom) -> the character. Only what is written so.
_SPLIT = {
    "氵去": "法", "三去": "法", "车仑": "轮", "工力": "功", "女干": "奸", "贝者": "赌", "木仓": "枪", "弓单": "弹",
    "火乍": "炸", "口乞": "吃", "月兑": "脱", "衤果": "裸", "女票": "嫖", "女支": "妓", "女昌": "娼", "讠乍": "诈",
    "马扁": "骗", "亻弋": "代", "弓虽": "强", "米分": "粉", "冫水": "冰", "忄生": "性", "扌包": "抱", "木又": "权",
    "礻申": "神", "讠正": "证", "言正": "证", "又鸟": "鸡", "女乃": "奶", "尸吊": "屌", "亻言": "信", "歹匕": "死",
    "木几": "机", "火包": "炮", "石包": "炮", "金戋": "钱", "钅戋": "钱", "氵每": "海", "扌丁": "打", "亻木": "休",
}  # fmt: skip
_SPLIT_PAIR = re.compile("|".join(pair for pair in _SPLIT if len(pair) == 2))

_EMOJI = {
    "🔫": "枪", "💣": "炸弹", "🔪": "刀", "🗡": "刀", "💊": "药", "💉": "针", "🐔": "鸡", "🍆": "阳具", "🍑": "屁股",
    "💰": "钱", "💵": "钱", "🎲": "赌", "🎰": "赌", "🩸": "血", "☠": "死", "💀": "死", "🐴": "马", "🐎": "马", "🐶": "狗",
    "🐷": "猪", "🍵": "茶", "🚬": "烟", "🍃": "叶子", "❄": "冰", "🧊": "冰", "👊": "打", "🔞": "成人", "🈲": "禁",
}  # fmt: skip
_EMOJI_ANY = re.compile("|".join(_EMOJI))

# Shapes (see `shape`) of disguises; most texts show none and are done with one look.
_LATIN_SHAPES = (
    b" a a ", b"*a*a", b".a.a", b"-a-a", b"a*a", b"@a@a", b" a.a.", b"a0a", b"a@a", b" 0aaa", b" @aa", b"a00a",
    b"aa0 ", b"aa0.", b"aa@ ", b"aa@.",
)  # fmt: skip
_NUMBER_SHAPES = (b"0-0", b"0*0", b"0 0", b"nnnn")
_HAN_SHAPES = (b"h*h", b"h h", b"h@h", b"h.h.h", b".h.h.", b"h-h-h", b"hah", b"h**h", b"h***h")
_LATIN, _HAN = Pieces(latin=_LATIN_SHAPES), Pieces(han=_HAN_SHAPES)
_LATIN_OR_NUMBERS = Pieces(latin=_LATIN_SHAPES, number=_NUMBER_SHAPES)
_PARTS = Literals(*(pair for pair in _SPLIT if len(pair) == 2), *_EMOJI)
_AROUND = 72  # characters to either side of a sign in which a hidden word can lie: more than a match is long


@dataclass(frozen=True, slots=True)
class Squeezed:
    """`text` and, for each of its characters, its place in the source, its repeats, and the gap before it.

    `gaps` holds the separators' number, negative where one of them ends a clause, and 0.5 for a single white space.
    """

    text: str
    starts: list[int]
    ends: list[int]
    runs: list[int]
    gaps: list[float]


@dataclass(slots=True)
class _Squeezer:
    characters: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    runs: list[int] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    gap: float = 0
    apart: bool = True

    def add(self, character: str, start: int, end: int) -> None:
        if not character.isalnum():
            self._separate(character)
            return
        first = not self.characters
        if self._repeats(character):
            self.runs[-1] += 1  # also "l l" of a word that is spaced out
            self.ends[-1] = end
        else:
            self.characters.append(character)
            self.starts.append(start)
            self.ends.append(end)
            self.runs.append(1)
            self.gaps.append(self.gap)
        self.apart = self.gap != 0 or first
        self.gap = 0

    def _repeats(self, character: str) -> bool:
        """Whether this is the last character again. A blank after a word that is not spaced out begins another word."""
        if not self.characters or self.characters[-1] != character or not 0 <= self.gap <= _MAX_GAP:
            return False
        return self.gap != 0.5 or self.apart

    def _separate(self, character: str) -> None:
        if character in CLAUSE or self.gap < 0:
            self.gap = -abs(self.gap) - 1
        elif character.isspace() and self.gap == 0:
            self.gap = 0.5
        else:
            self.gap = int(self.gap) + 1


def squeeze(text: str) -> Squeezed:
    """Squeeze a folded text."""
    squeezer = _Squeezer()
    for piece, start, end in _pieces(text):
        if len(piece) == end - start:
            for i, character in enumerate(piece, start):
                squeezer.add(character, i, i + 1)
        else:
            for character in piece:
                squeezer.add(character, start, end)
    found = squeezer
    return Squeezed("".join(found.characters), found.starts, found.ends, found.runs, found.gaps)


_REWRITE = re.compile(
    "|".join(f"(?P<{name}>{rule.pattern})" for name, rule in (
        ("filler", _FILLER), ("number", _NUMBER), ("split", _SPLIT_PAIR), ("emoji", _EMOJI_ANY), ("leet", _LEET_TOKEN)
    ))
)  # fmt: skip


def _pieces(text: str) -> list[tuple[str, int, int]]:
    """Cut the text into pieces, those rewritten that need it: (piece, start, end)."""
    pieces, at = [], 0
    for match in _REWRITE.finditer(text):
        start, end = match.span()
        pieces.append((text[at:start], at, start))
        pieces.append((_rewritten(match), start, end))
        at = end
    pieces.append((text[at:], at, len(text)))
    return pieces


def _rewritten(match: re.Match[str]) -> str:
    found = match.group()
    if match.lastgroup == "filler":
        return "*"
    if match.lastgroup == "number":
        return found.translate(_DIGITS)
    if match.lastgroup == "split":
        return _SPLIT[found]
    if match.lastgroup == "emoji":
        return _EMOJI[found]
    core = found.strip("!+|")  # what ends a sentence is no letter
    if not _LEET_MARK.search(core):
        return found
    return found.replace(core, core.translate(_LEET))


def windows(text: str, *, numbers: bool = True) -> list[tuple[int, int]]:
    """Return the stretches of a folded text that may hide a word, or where `numbers` are looked for one of these.

    Nearly every text has none; only what is around a sign of hiding needs squeezing.
    """
    places = _signs(text, numbers=numbers)
    if not places:
        return []
    found: list[tuple[int, int]] = []
    for place in sorted(places):
        start, end = max(0, place - _AROUND), min(len(text), place + _AROUND)
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def _signs(text: str, *, numbers: bool) -> list[int]:
    seen = shape(text)
    places = (_LATIN_OR_NUMBERS if numbers else _LATIN).places(seen) + repeated(text)
    if "!" in text:  # ends a clause, as a rule
        places += _inside(text)
    if text.isascii():
        return places
    return places + _HAN.places(seen.replace(b"n", b"h")) + _PARTS.places(text)


def _inside(text: str) -> list[int]:
    """Where a mark of exclamation stands between two letters."""
    found, at = [], text.find("!", 1)
    while 0 <= at < len(text) - 1:
        if text[at - 1].isalpha() and text[at + 1].isalpha():
            found.append(at)
        at = text.find("!", at + 1)
    return found


def bare(text: str) -> str:
    """Return the squeezed text alone: what is not in it need not be squeezed with its places."""
    rewritten = _NEXT_WORD.sub(_BORDER, "".join(piece for piece, _, _ in _pieces(text)))
    kept = "".join(filter(_counts, rewritten))
    return _RUNS.sub(r"\1", kept).replace(_BORDER, "")


_RUNS = re.compile(r"(.)\1+")
_BORDER = "\0"
_NEXT_WORD = re.compile(r"(?<=[^\W_]{2})\s(?=[^\W_])")
"""What `_Squeezer` takes for a border between words that may end and begin with one letter."""


def _counts(character: str) -> bool:
    return character.isalnum() or character == _BORDER


def matches(text: Squeezed, start: int, end: int, runs: Sequence[int], apart: Sequence[bool] = ()) -> bool:
    """Whether `text[start:end]`, equal to a squeezed word with these `runs`, is that word and no accident.

    `apart` says where the word itself has a blank before a character: one there is no separator.
    """
    latin = text.text[start].isascii()
    if not all(
        _run_fits(found, wanted, latin) for found, wanted in zip(text.runs[start:end], runs, strict=True)
    ):
        return False
    inner = text.gaps[start + 1 : end]
    if any(abs(gap) > _MAX_GAP for gap in inner):
        return False
    if latin and not _stands_alone(text, start, end):
        return False
    if len(apart) == end - start:
        inner = [gap for gap, own in zip(inner, apart[1:], strict=True) if not own or gap < 0]
    if inner and all(inner) and len(inner) >= 2:  # every character apart
        return True
    if any(gap < 0 for gap in inner):
        return False
    spaces = sum(gap == 0.5 for gap in inner)
    return spaces == 0 or (not latin and spaces > 1)


def _run_fits(found: int, wanted: int, latin: bool) -> bool:
    return found == wanted or found >= wanted + (2 if latin else 1)


def _stands_alone(text: Squeezed, start: int, end: int) -> bool:
    before = start > 0 and not text.gaps[start] and text.text[start - 1].isascii()
    after = end < len(text.text) and not text.gaps[end] and text.text[end].isascii()
    return not (before or after)
