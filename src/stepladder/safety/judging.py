"""A text judged by a policy: the severest action, what is cut out of it, and what each guard remarks."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from stepladder.core import Action, Deed, GuardFailed, Remark, Side, Span, Turn, Verdict
from stepladder.safety.chain import FAILED
from stepladder.safety.panel import Ruling
from stepladder.safety.policy import Policy

_PASSED = Action.PASS.value
_LONG = 20_000  # characters: what takes milliseconds to judge is judged in a thread
REDACTIONS = (Deed.REDACT, Deed.MASK, Deed.HASH, Deed.PSEUDONYM)
"""Every way to replace something, what cannot be put back first."""


class Cut(NamedTuple):
    """A piece of a text, `text[start:end]`, and what is done to it."""

    start: int
    end: int
    kind: str
    deed: Deed


@dataclass(frozen=True, slots=True)
class Judgement:
    """`cuts` in order, not overlapping; `categories` are those that the action is for, `cost` is what judging cost.

    `confidential`: only private models and tools may be told.
    """

    action: Action = Action.PASS
    cuts: tuple[Cut, ...] = ()
    remarks: tuple[Remark, ...] = ()
    categories: tuple[str, ...] = ()
    cost: float = 0.0
    confidential: bool = False

    @property
    def clean(self) -> bool:
        """Whether no guard objects, not even one that only looks."""
        return self.action is Action.PASS and all(remark.action == _PASSED for remark in self.remarks)


NOTHING = Judgement()


async def judge(
    policy: Policy, rulings: Sequence[Ruling], text: str, side: Side, turns: Sequence[Turn] = ()
) -> Judgement:
    """What the rulings say of a text. Raises GuardFailed where one that is enforced cannot judge."""
    quick = len(text) < _LONG and all(ruling.guard.quick for ruling in rulings)
    ask = ask_all if quick else _in_thread
    found = ask(policy, rulings, text, turns)
    verdicts = found if isinstance(found, list) else await found
    if any(map(_unsure, rulings, verdicts)):
        verdicts = await asyncio.to_thread(_closely, policy, rulings, verdicts, text, turns)
    return judgement(rulings, verdicts, side) if any(map(_speaks, verdicts)) else NOTHING


def judge_now(policy: Policy, rulings: Sequence[Ruling], text: str, side: Side) -> Judgement:
    """The same where nothing may be waited for: windows over a stream."""
    verdicts = ask_all(policy, rulings, text, ())
    return judgement(rulings, verdicts, side) if any(map(_speaks, verdicts)) else NOTHING


def ask_all(policy: Policy, rulings: Sequence[Ruling], text: str, turns: Sequence[Turn]) -> list[Verdict]:
    """Each ruling's verdict, closed where a guard fails. Waits for guards that are not quick, up to the time limit."""
    ask = policy.chain.ask
    return [ask(ruling.guard, text, turns, closely=False) for ruling in rulings]


def _unsure(ruling: Ruling, verdict: Verdict) -> bool:
    """Whether a closer look is wanted: what is only observed is not worth it, unless its table says so."""
    return verdict.unsure and (ruling.enforced or getattr(ruling.guard, "closer", "") == "always")


def _closely(
    policy: Policy,
    rulings: Sequence[Ruling],
    verdicts: Sequence[Verdict],
    text: str,
    turns: Sequence[Turn],
) -> list[Verdict]:
    ask = policy.chain.ask
    return [
        ask(ruling.guard, text, turns) if _unsure(ruling, verdict) else verdict
        for ruling, verdict in zip(rulings, verdicts, strict=True)
    ]


async def _in_thread(
    policy: Policy, rulings: Sequence[Ruling], text: str, turns: Sequence[Turn]
) -> list[Verdict]:
    return await asyncio.to_thread(ask_all, policy, rulings, text, turns)


def judgement(rulings: Sequence[Ruling], verdicts: Sequence[Verdict], side: Side) -> Judgement:
    """What the verdicts come to. Raises GuardFailed."""
    severest, cuts, remarks, categories = Action.PASS, list[Cut](), list[Remark](), list[str]()
    confidential = False
    for ruling, verdict in zip(rulings, verdicts, strict=True):
        if FAILED in verdict.categories and ruling.enforced:
            raise GuardFailed(
                ruling.name,
                f"A guard could not judge the text: {verdict.reason}.",
                remedy="Ask again; if it stays so, the operator finds the guard in [guards].",
            )
        deeds = _deeds(ruling, verdict)
        action = max((action_of(deed) for _, deed in deeds), key=_severity, default=Action.PASS)
        marked = _marks(ruling, verdict)
        if action is Action.PASS and not verdict.by and not marked:
            continue
        remarks.append(_remark(ruling, verdict, side, deeds))
        if not ruling.enforced:
            continue
        confidential = confidential or marked
        cuts += [_cut(span, deed) for span, deed in deeds if isinstance(span, Span) and deed in REDACTIONS]
        if _severity(action) >= _severity(severest):
            kinds = [_kind(what) for what, deed in deeds if action_of(deed) is action]
            categories = kinds if action is not severest else categories + kinds
            severest = action
    cost = sum(verdict.cost for verdict in verdicts)
    found = tuple(dict.fromkeys(categories))
    return Judgement(severest, tuple(_apart(cuts)), tuple(remarks), found, cost, confidential)


def action_of(deed: Deed) -> Action:
    """Every way to replace something is a redaction."""
    return Action.REDACT if deed in REDACTIONS else Action(deed.value)


def _speaks(verdict: Verdict) -> bool:
    return verdict.action is not Action.PASS or bool(verdict.spans or verdict.by)


def _severity(action: Action) -> int:
    return action.severity


def _deeds(ruling: Ruling, verdict: Verdict) -> list[tuple[Span | str, Deed]]:
    """What is to be done with each span, and with each category that no span shows."""
    given = Deed(verdict.action.value)
    shown = {span.kind for span in verdict.spans}
    found: list[tuple[Span | str, Deed]] = []
    for span in verdict.spans:
        named = ruling.table.categories.get(span.kind)
        # What a guard only reports (a name that stands alone) stays, unless the policy names its kind.
        found.append((span, named or (given if given is Deed.PASS else ruling.deed(span.kind) or given)))
    found += [
        (category, ruling.deed(category) or given)
        for category in verdict.categories
        if category not in shown and given is not Deed.PASS
    ]
    # There is nothing to be cut out where there is no span: what was to be redacted is stopped.
    return [
        (what, Deed.BLOCK if isinstance(what, str) and deed in REDACTIONS else deed)
        for what, deed in found
        if deed is not Deed.PASS
    ]


def _marks(ruling: Ruling, verdict: Verdict) -> bool:
    return bool(ruling.table.confidential) and verdict.action is not Action.PASS


def _remark(ruling: Ruling, verdict: Verdict, side: Side, deeds: Sequence[tuple[Span | str, Deed]]) -> Remark:
    severest = max((deed for _, deed in deeds), key=lambda deed: action_of(deed).severity, default=Deed.PASS)
    categories = tuple(dict.fromkeys(_kind(what) for what, _ in deeds))
    action, score, observed = severest.value, round(verdict.score, 4), not ruling.enforced
    if severest is Deed.PASS and _marks(ruling, verdict):
        action = "confidential"
        categories = tuple(dict.fromkeys([*(span.kind for span in verdict.spans), *verdict.categories]))
    return Remark(ruling.name, side.value, action, categories, score, observed, verdict.by)


def _kind(what: Span | str) -> str:
    return what if isinstance(what, str) else what.kind


def _cut(span: Span, deed: Deed) -> Cut:
    return Cut(span.start, span.end, span.kind, deed)


def _apart(cuts: Iterable[Cut]) -> list[Cut]:
    """Cuts in order; of overlapping ones, one over all of them: what cannot be put back wins, then the longest."""
    found: list[Cut] = []
    for cut in sorted(cuts):
        if not found or cut.start >= found[-1].end:
            found.append(cut)
            continue
        last = found.pop()
        best = min((last, cut), key=lambda one: (REDACTIONS.index(one.deed), one.start - one.end))
        found.append(Cut(last.start, max(last.end, cut.end), best.kind, best.deed))
    return found
