"""Find the tasks in plain traffic: prompts that share a template, and answers of one kind.

Pieces of templates (see `templates`) nest: a preamble that a whole company uses holds those of its tasks. A group of
prompts is divided where its parts answer differently, and kept whole where they answer alike, because a slot with a few
values (a language, a category, one of twenty documents) makes pieces too. Chats, one-off prompts and small groups are
left over, and counted.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from stepladder.core import Progress
from stepladder.data.answers import AnswerKind, Kind, recognise, sign
from stepladder.data.exchange import Exchange
from stepladder.data.templates import Mask, Piece, Prompts, Template, template_of, tokens

_FEWEST = 20
_NEWEST = 50_000
_LONG = 12.0
_WORDS = 2
_NEARLY = 0.97
# Words that say what is to be done with a text.
_TO_DO = re.compile(
    r"\b(?:summari[sz]|translat|rewrit|rephras|classif|categori[sz]|extract|answer (?:only|the|using|from|in|with|each|every)"
    r"|writ|generat|draft|explain|list|describ|correct|improv|convert|compos|reply to|identif|decid|rate|label|pars|detect)"
    r"|总结|摘要|概括|翻译|译成|改写|润色|分类|提取|抽取|根据.{0,12}回答|判断|生成|撰写|写一|解释|列出|纠正|识别|归纳",
    re.IGNORECASE,
)
# What a system prompt may say without giving a task: who the assistant is, and how to behave.
_PERSONA = frozenset(
    tokens(
        """
    you are a an the is be as i my me your our we us of for to and or in on with that this it can will please always
    never do not don t s helpful assistant ai bot chatbot model language large chat friendly polite professional concise
    brief briefly honest harmless kind knowledgeable expert smart intelligent answer answers question questions help
    user users respond reply replies response responses named called text
    你您是一个名位的有用助手智能人工乐于请回答用户问题我们和并礼貌友好简洁专业帮为以来地得了在
    0 . , ! ? : ; 。，！？：；、 ' " - ( )
    """
    )
)


@dataclass(frozen=True, slots=True)
class Found:
    """A task found in the traffic: its template, the kind of its answers, and the exchanges that belong to it."""

    template: Template
    kind: AnswerKind
    exchanges: tuple[Exchange, ...]

    @property
    def calls(self) -> int:
        """How many exchanges."""
        return len(self.exchanges)

    @property
    def cost(self) -> float:
        """What they cost, where the log says."""
        return sum(exchange.cost for exchange in self.exchanges)

    @property
    def tokens(self) -> int:
        """Tokens read and written, where the log says."""
        return sum(exchange.tokens for exchange in self.exchanges)

    @property
    def model(self) -> str:
        """The model that answered most of them."""
        return Counter(exchange.model for exchange in self.exchanges).most_common(1)[0][0]


@dataclass(frozen=True, slots=True)
class Discovery:
    """The tasks, most calls first, and how many exchanges belong to none."""

    tasks: tuple[Found, ...]
    exchanges: int
    left_over: int
    reasons: Counter[str] = field(default_factory=Counter)


def discover(exchanges: Sequence[Exchange], progress: Progress, *, fewest: int = _FEWEST) -> Discovery:
    """Group exchanges into tasks of at least `fewest` calls. The newest 50,000 are read.

    Deterministic: the same exchanges in the same order give the same tasks.
    """
    rows = list(exchanges[-_NEWEST:])
    progress(0, 3, "reading prompts")
    search = _Search(Prompts(rows, max(6, fewest // 2)), fewest)
    progress(1, 3, "comparing templates")
    groups = search.divide(np.ones(len(rows), np.bool_), search.prompts.pieces)
    progress(2, 3, "reading answers")
    found = _merged([search.read(mask) for mask in groups])
    reasons = Counter(search.reasons)
    tasks = sorted(found, key=lambda task: -task.calls)
    progress(3, 3, "done")
    left = len(rows) - sum(task.calls for task in tasks)
    return Discovery(tuple(tasks), len(rows), left, reasons)


class _Search:
    """The descent from all prompts to the groups that are one task each."""

    def __init__(self, prompts: Prompts, fewest: int) -> None:
        self.prompts = prompts
        self.fewest = fewest
        self.reasons: Counter[str] = Counter()

    def divide(self, mask: Mask, pieces: Sequence[Piece]) -> list[Mask]:
        """The groups within `mask`, out of the pieces that lie within it or hold it."""
        shared = any(_holds(piece, mask) for piece in pieces)
        words = self._shared_words(mask) if shared else ""
        whole = self.kind(mask) if _instructs(words) else None
        parts = self._parts(mask, pieces)
        if whole is not None and not self._should_divide(mask, whole, parts, words):
            return [mask]
        groups, rest = [], mask.copy()
        for part in parts:
            rest &= ~part.prompts
            groups += self.divide(part.prompts, _within(part, pieces))
        if shared and rest.sum() >= self.fewest:
            groups.append(rest)
        return groups

    def _shared_words(self, mask: Mask) -> str:
        """What these prompts share, slots left out."""
        template = template_of([self.prompts.exchanges[at] for at in np.flatnonzero(mask)[:100].tolist()])
        return re.sub(r"\{text\d*\}", " ", f"{template.system}\n{template.user}")

    def kind(self, mask: Mask) -> AnswerKind:
        """The kind of the answers under a mask."""
        return recognise([self.prompts.exchanges[at].answer for at in np.flatnonzero(mask).tolist()])

    def _parts(self, mask: Mask, pieces: Sequence[Piece]) -> list[Piece]:
        """Pieces that divide the mask without overlapping, each as wide as it goes."""
        size, rest, parts = int(mask.sum()), mask.copy(), []
        candidates = [piece for piece in pieces if piece.count <= _NEARLY * size]
        while candidates:
            candidates = _cut(candidates, rest, self.fewest)
            if not candidates:
                break
            best = max(
                candidates, key=lambda piece: piece.count * min(self._explained(piece, candidates), 40.0)
            )
            widest = max(
                (piece for piece in candidates if _inside(best, piece)),
                key=lambda piece: piece.count,
            )
            parts.append(Piece(widest.prompts, widest.count, self._explained(widest, candidates)))
            rest &= ~widest.prompts
        return parts

    def _explained(self, piece: Piece, pieces: Sequence[Piece]) -> float:
        return sum(other.tokens for other in pieces if _inside(piece, other))

    def _should_divide(self, mask: Mask, whole: AnswerKind, parts: Sequence[Piece], words: str) -> bool:
        kinds = [(part, self.kind(part.prompts)) for part in parts]
        covered = sum(part.count for part in parts) / int(mask.sum())
        if whole.closed or whole.kind is Kind.CONSTANT:
            # The union of two closed sets is closed too: divide where the parts keep to different labels.
            return covered >= 0.6 and len(parts) > 1 and not self._answer_alike(mask, parts)
        if any(kind.closed for _, kind in kinds):
            return True
        # Prose on both levels: what says what to do is the task, what stands below is its documents and languages.
        long = sum(part.count for part, _ in kinds if part.tokens >= _LONG)
        return not _TO_DO.search(words) and long >= 0.6 * int(mask.sum())

    def _answer_alike(self, mask: Mask, parts: Sequence[Piece]) -> bool:
        """Whether most answers of the parts are also given outside of their own part."""
        said = [sign(self.prompts.exchanges[at].answer) for at in range(len(mask))]
        whole = Counter(said[at] for at in np.flatnonzero(mask).tolist())
        shared = total = 0
        for part in parts:
            own = Counter(said[at] for at in np.flatnonzero(part.prompts).tolist())
            shared += sum(count for answer, count in own.items() if whole[answer] > count)
            total += part.count
        return shared >= 0.5 * total

    def read(self, mask: Mask) -> Found | None:
        """The task of a group, or None where it is none; the reason is counted."""
        rows = [self.prompts.exchanges[at] for at in np.flatnonzero(mask).tolist()]
        template, kind = template_of(rows), recognise([row.answer for row in rows])
        reason = _refused(rows, template, kind, self.fewest)
        if reason:
            self.reasons[reason] += len(rows)
            return None
        return Found(template, kind, tuple(rows))


def _refused(rows: Sequence[Exchange], template: Template, kind: AnswerKind, fewest: int) -> str:
    """Why a group is no task; "" where it is one."""
    reasons = (
        (len(rows) < fewest, "too few calls"),
        (not _instructs(" ".join(template.words)), "no instruction in common"),
        (kind.kind is Kind.CONSTANT, "always the same answer"),
        (len({(row.system, row.user) for row in rows}) < 5, "always the same prompt"),
        (not kind.closed and len({row.user for row in rows}) < 0.1 * len(rows), "always the same prompt"),
        (not kind.closed and sum(row.turns > 0 for row in rows) >= 0.3 * len(rows), "conversations"),
    )
    return next((reason for holds, reason in reasons if holds), "")


def _merged(found: Sequence[Found | None]) -> list[Found]:
    """One task whose prompt was edited on the way is one task: alike in its answers and in half of its words."""
    merged: list[Found] = []
    for task in sorted((task for task in found if task is not None), key=lambda task: -task.calls):
        twin = next((at for at, other in enumerate(merged) if _twins(task, other)), None)
        if twin is None:
            merged.append(task)
        else:
            rows = (*merged[twin].exchanges, *task.exchanges)
            kind = recognise([row.answer for row in rows])
            slots = (*merged[twin].template.slots, *task.template.slots)
            whole = merged[twin].template
            merged[twin] = Found(Template(whole.system, whole.user, slots, whole.words), kind, rows)
    return merged


def _twins(one: Found, two: Found) -> bool:
    mine, theirs = one.template.words - _PERSONA, two.template.words - _PERSONA
    shared = len(mine & theirs) / max(1, min(len(mine), len(theirs)))
    if one.kind.closed and one.kind.like(two.kind):
        return shared >= 0.5
    return one.kind.kind == two.kind.kind and len(mine & theirs) >= 0.8 * len(mine | theirs)


def _instructs(words: str) -> bool:
    """Whether this asks for something, and does not only say who the assistant is."""
    return len({word.casefold() for word in tokens(words)} - _PERSONA) >= _WORDS


def _within(part: Piece, pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces inside a part, and those that all of it shares."""
    return [piece for piece in pieces if _inside(piece, part) or _inside(part, piece)]


def _holds(piece: Piece, mask: Mask) -> bool:
    return int((piece.prompts & mask).sum()) > _NEARLY * int(mask.sum())


def _inside(one: Piece, other: Piece) -> bool:
    """Whether (nearly) every prompt that holds the one holds the other."""
    return int((one.prompts & other.prompts).sum()) >= _NEARLY * one.count


def _cut(pieces: Sequence[Piece], rest: Mask, fewest: int) -> list[Piece]:
    """Pieces as far as their prompts are still free; those that are mostly taken, or too small by now, are gone."""
    kept = []
    for piece in pieces:
        free = piece.prompts & rest
        count = int(free.sum())
        if count >= fewest and count >= 0.8 * piece.count:
            kept.append(Piece(free, count, piece.tokens))
    return kept
