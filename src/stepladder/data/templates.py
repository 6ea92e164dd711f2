"""What is constant in many prompts: shingles of tokens that come again and again, and the prompts that share them.

A prompt made from a template repeats the template's words in the same order whatever stands in its slots. So runs of
tokens ("shingles") are counted over the distinct prompts (Broder, 1997); those with the same set of prompts belong to
the same piece of template. No grammar and no language is assumed: a token is a word, a Chinese character, a mark.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stepladder.data.exchange import Exchange

Mask = NDArray[np.bool_]

_WIDTH = 6
_HEAD, _TAIL = 500, 150
_MAX_PIECES = 600
_SAME = 0.95
_TOKEN = re.compile(r"[^\W\d_\u3400-\u9fff]+|\d+|[\u3400-\u9fff]|\n|[^\w\s]|_")
_START, _END = "\x02", "\x03"
# The opening of a prompt up to its first colon or line break, where it is short: "Sentiment:", "翻译成英文：".
_OPENING = re.compile(r"\s*([^\n:：]{2,60}[:：\n])")
_CLOSING = re.compile(r"\n\s*([^\n]{2,60})\s*$")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a template: which prompts hold it (a mask over all), and how many tokens of them it explains."""

    prompts: Mask
    count: int
    tokens: float


class Prompts:
    """The prompts of exchanges as shingles. `pieces` are what many of them share, the most telling first.

    `support`: in how many distinct prompts a shingle must stand to count.
    """

    def __init__(self, exchanges: Sequence[Exchange], support: int) -> None:
        self.exchanges = exchanges
        self._codes: dict[str, int] = {}
        self._random = np.random.default_rng(20261121)
        self._systems: dict[str, NDArray[np.uint64]] = {}
        self.shingles = [self._shingles(exchange) for exchange in exchanges]
        self.pieces = self._pieces(support)

    def _shingles(self, exchange: Exchange) -> NDArray[np.uint64]:
        if exchange.system not in self._systems:
            self._systems[exchange.system] = self._of_system(exchange.system)
        user = [self._runs(["u", _START, *tokens(exchange.user), _END])]
        for sign, pattern in (("<", _OPENING), (">", _CLOSING)):
            if found := pattern.search(exchange.user) if sign == ">" else pattern.match(exchange.user):
                user.append(self._named(sign + " ".join(tokens(found[1]))))
        return np.unique(np.concatenate([self._systems[exchange.system], *user]))

    def _of_system(self, system: str) -> NDArray[np.uint64]:
        if not system.strip():
            return np.empty(0, np.uint64)
        words = tokens(system)
        return np.concatenate([self._runs(["s", _START, *words, _END]), self._named("s" + " ".join(words))])

    def _runs(self, words: Sequence[str]) -> NDArray[np.uint64]:
        codes = np.array([self._code(word) for word in words], np.uint64)
        if len(codes) < _WIDTH:
            return np.empty(0, np.uint64)
        windows = np.lib.stride_tricks.sliding_window_view(codes, _WIDTH)
        powers = np.array([0x9E3779B97F4A7C15 * (2 * n + 3) % 2**64 | 1 for n in range(_WIDTH)], np.uint64)
        with np.errstate(over="ignore"):
            mixed = (windows * powers).sum(axis=1, dtype=np.uint64)
            return np.asarray((mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9))

    def _named(self, text: str) -> NDArray[np.uint64]:
        return np.array([self._code(text)], np.uint64)

    def _code(self, word: str) -> int:
        code = self._codes.get(word)
        if code is None:
            code = self._codes[word] = int(self._random.integers(1, 2**63))
        return code

    def _pieces(self, support: int) -> list[Piece]:
        """Shingles with the very same prompts make one piece; pieces with nearly the same are joined."""
        if not self.shingles:
            return []
        sizes = [len(found) for found in self.shingles]
        owners = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
        values = np.concatenate(self.shingles)
        order = np.argsort(values, kind="stable")
        values, owners = values[order], owners[order]
        starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
        ends = np.append(starts[1:], len(values))
        frequent = np.flatnonzero(ends - starts >= support)
        if not len(frequent):
            return []
        names = self._random.integers(1, 2**63, size=len(sizes), dtype=np.uint64)
        sums = np.add.reduceat(names[owners], starts)[frequent]  # equal sets of prompts have equal sums
        groups: dict[int, list[int]] = {}
        for at, total in zip(frequent.tolist(), sums.tolist(), strict=True):
            groups.setdefault(total, []).append(at)
        ranked = sorted(
            groups.values(), key=lambda group: -len(group) * int(ends[group[0]] - starts[group[0]])
        )
        pieces = []
        for group in ranked[:_MAX_PIECES]:
            mask = np.zeros(len(sizes), np.bool_)
            mask[owners[starts[group[0]] : ends[group[0]]]] = True
            pieces.append(Piece(mask, int(mask.sum()), float(len(group))))
        return _joined(pieces)


def tokens(text: str) -> list[str]:
    """Words, Chinese characters, marks and line breaks; every number is "0", since dates and counts change."""
    found = _TOKEN.findall(text if len(text) < 20_000 else text[:12_000] + "\n" + text[-6_000:])
    if len(found) > _HEAD + _TAIL:
        found = found[:_HEAD] + found[-_TAIL:]
    return ["0" if token.isdigit() else token for token in found]


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Pieces whose sets of prompts are nearly equal become one: a stray copy elsewhere must not split a template."""
    if not pieces:
        return []
    masks = np.stack([piece.prompts for piece in pieces]).astype(np.float32)
    both = masks @ masks.T
    counts = np.array([piece.count for piece in pieces], np.float32)
    alike = both / (counts[:, None] + counts[None, :] - both) >= _SAME
    taken: set[int] = set()
    joined = []
    for at, piece in enumerate(pieces):
        if at in taken:
            continue
        group = [int(other) for other in np.flatnonzero(alike[at]) if int(other) not in taken]
        taken.update(group)
        joined.append(Piece(piece.prompts, piece.count, sum(pieces[other].tokens for other in group)))
    return joined


@dataclass(frozen=True, slots=True)
class Template:
    """The constant text of a group's prompts, `{text}`, `{text2}` ... where it varies; and each prompt's slots."""

    system: str
    user: str
    slots: tuple[str, ...]
    words: frozenset[str]


def template_of(exchanges: Sequence[Exchange], sample: int = 400) -> Template:
    """Read off what stands in nearly all of these prompts, in the order of the first of them."""
    shown = exchanges[:: max(1, len(exchanges) // sample)]
    system, _ = _constant([exchange.system for exchange in shown], [])
    user, slots = _constant([exchange.user for exchange in shown], [exchange.user for exchange in exchanges])
    words = frozenset(word.casefold() for word in tokens(re.sub(r"\{text\d*\}", " ", f"{system}\n{user}")))
    return Template(system, user, tuple(slots), words)


def _constant(shown: Sequence[str], texts: Sequence[str]) -> tuple[str, list[str]]:
    counts: Counter[tuple[str, ...]] = Counter()
    for text in shown:
        counts.update({gram for gram, _ in _grams(text)})
    fixed = {gram for gram, count in counts.items() if count >= 0.9 * len(shown)}
    first = max(
        shown, key=lambda text: (sum(gram in fixed for gram, _ in _grams(text)), -len(text)), default=""
    )
    return _with_slots(first, fixed), [_varying(text, fixed) for text in texts]


def _grams(text: str) -> list[tuple[tuple[str, ...], range]]:
    """Every run of up to three tokens at the ends and of three within, with the places it covers."""
    found = [_START, *tokens(text), _END]
    width = min(3, len(found))
    return [
        (tuple(found[at : at + width]), range(at - 1, at + width - 1)) for at in range(len(found) - width + 1)
    ]


def _covered(text: str, fixed: set[tuple[str, ...]]) -> set[int]:
    return {place for gram, places in _grams(text) if gram in fixed for place in places}


def _with_slots(text: str, fixed: set[tuple[str, ...]]) -> str:
    covered = _covered(text, fixed)
    out, at, slots, open_slot = [], 0, 0, False
    for place, found in enumerate(_TOKEN.finditer(text)):
        if place in covered:
            out.append(
                " " if open_slot and found.start() > at else text[at : found.start()] if not open_slot else ""
            )
            out.append(found[0])
            open_slot = False
        elif not open_slot:
            slots += 1
            out.append(text[at : found.start()] + "{text" + (str(slots) if slots > 1 else "") + "}")
            open_slot = True
        at = found.end()
    return "".join(out).strip()


def _varying(text: str, fixed: set[tuple[str, ...]]) -> str:
    """What of a text is not the template's, its pieces joined by line breaks."""
    covered = _covered(text, fixed)
    pieces: list[tuple[int, int]] = []
    last = -2
    for place, found in enumerate(_TOKEN.finditer(text)):
        if place not in covered:
            if place == last + 1 and pieces:
                pieces[-1] = (pieces[-1][0], found.end())
            else:
                pieces.append((found.start(), found.end()))
            last = place
    return "\n".join(text[start:end] for start, end in pieces)
