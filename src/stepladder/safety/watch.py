"""The guards of one question: its texts on the way in, and what is known of it until its answer is restored."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from stepladder.core import Action, Blocked, GuardFailed, Remark, Side, Text, TooMany, Turn
from stepladder.privacy import Vault
from stepladder.safety.clean import Clean
from stepladder.safety.judging import NOTHING, REDACTIONS, Judgement, judge
from stepladder.safety.numbers import given_in, may_hold
from stepladder.safety.panel import Priced, Ruling
from stepladder.safety.policy import Policy
from stepladder.safety.writing import Pen

PICTURE = "picture"
"""Where a text came from that was read in a picture."""


class Watch:
    """What is kept between the way in and the way out. It holds personal data in the clear, and goes with its question."""

    def __init__(
        self,
        policy: Policy,
        clean: Clean,
        vault: Vault | None = None,
        *,
        confidential: bool = False,
        reserve: Callable[[float], None] | None = None,
    ) -> None:
        """`vault` is the conversation's, None where the policy has no pseudonyms.

        `reserve` reserves for what guards ask of models that have a price, or raises TooMany.

        A `confidential` question is put to no guard that would tell a public model: the classifier below judges alone.
        """
        self.ins, self.outs = policy.ins, policy.outs
        self.policy = policy
        self.confidential = self._marked = False
        self.vault = vault
        self._kept = len(vault) if vault is not None else 0
        self.pen = Pen(self.vault, policy.hasher)
        self.remarks: list[Remark] = []
        self.asked = ""
        self.cost = 0.0
        self.pictures: tuple[str, ...] = ()  # what was read in the question's
        self._turns: Sequence[Turn] = ()
        self._clean = clean
        self._reserve_for = reserve if policy.priced else None
        self._texts: Sequence[Text] = ()
        if confidential:
            self._confide()

    @property
    def grown(self) -> bool:
        """Whether the vault holds more than when this was last asked."""
        kept, self._kept = self._kept, len(self.vault) if self.vault is not None else 0
        return self._kept > kept

    @property
    def hash(self) -> str:
        """The policy's: an answer may only be recalled under the same one."""
        return self.policy.hash

    def given(self) -> tuple[str, ...]:
        """What the asker's own texts may hold of numbers that answers must not tell to others (`numbers.given_in`)."""
        return given_in(text.text for text in self._texts)

    def note(self, judgement: Judgement) -> Judgement:
        """Keep what guards remarked, each thing once, and what judging cost."""
        self.cost += judgement.cost
        self._marked = self._marked or judgement.confidential
        self.remarks += [remark for remark in judgement.remarks if remark not in self.remarks]
        return judgement

    async def clear(self, texts: Sequence[Text]) -> tuple[Judgement, list[str]]:
        """Judge a request's texts; return the severest judgement, and the texts as they may go on. Raises GuardFailed."""
        windows = self.ins.windows
        self.asked = "\n".join(text.text for text in texts if text.last)
        self._texts = texts
        self._reserve(texts)
        severest, said = NOTHING, list[str]()
        for text in texts:
            known = self.knows("windows", windows, text.text)
            judgement = NOTHING if known else await self.judged("windows", windows, text.text)
            severest = severer(severest, judgement)
            literal = self.vault is not None and text.spoken
            said.append(
                self.pen.written(text.text, judgement.cuts, asked=True, literal=literal)
                if judgement.cuts or literal
                else text.text
            )
        if self._marked:
            self._confide()
        if self.ins.wholes:
            severest = severer(severest, await self._whole(self.ins.wholes, texts))
        if self._marked:
            self._confide()
        return severest, said

    async def screen(self, origin: str, text: str) -> str:
        """A text that came from elsewhere while the question is answered, as a model may see it.

        Its remarks say where it came from, in the place of the side. What looks like a placeholder in it is none, and what
        the asker said comes back as it was known to the model. Raises GuardFailed; Blocked, also for what is confidential
        where the question was not: nobody looked for a private model to answer it.
        """
        wholes = self.ins.wholes
        judgement = await self.judged("windows", self.ins.windows, text, origin=origin)
        whole = NOTHING
        if origin in self.policy.untrusted:
            whole = await self.judged("wholes", wholes, text, origin=origin)
        marked = judgement.confidential or whole.confidential
        judgement = severer(judgement, whole)
        if judgement.action not in (Action.PASS, Action.REDACT) or (marked and not self.confidential):
            raise Blocked("A guard withholds this.", categories=judgement.categories)
        if self.vault is None:
            return self.pen.written(text, judgement.cuts, asked=False) if judgement.cuts else text
        return self.vault.hide(self.pen.written(text, judgement.cuts, asked=False, literal=True))

    async def look(self, role: str, text: str) -> Judgement:
        """What guards say of the text in a picture in a message of `role`, remarked as of a "picture". Raises GuardFailed.

        Nothing can be cut out of a picture, so what is to be redacted is blocked.
        """
        found = await self.judged("windows", self.ins.windows, text, origin=PICTURE)
        if _as_picture(role) in self.policy.untrusted:
            found = severer(found, await self.judged("wholes", self.ins.wholes, text, origin=PICTURE))
        if self._marked:
            self._confide()
        return found

    async def join(self, role: str, text: str, *, last: bool) -> Judgement:
        """What guards that need a whole say of a message's words and the text of its pictures, read as one; `last` where it is
        the user's last. Raises GuardFailed.

        Both have been judged by themselves: what was remarked then is not said again. The words are as they may go on.
        """
        if not {role, _as_picture(role)} <= self.policy.untrusted:
            return NOTHING
        known = {_finding(one) for one in self.remarks if one.action != Action.PASS.value}
        count = len(self.remarks)
        turns = self._turns if last else ()
        found = await self.judged("wholes", self.ins.wholes, text, turns=turns, origin=PICTURE)
        fresh = [one for one in self.remarks[count:] if _finding(one) not in known]
        self.remarks[count:] = fresh
        if self._marked:
            self._confide()
        return found if fresh else NOTHING

    def knows(
        self, by: str, rulings: Sequence[Ruling], text: str, side: Side = Side.IN, turns: Sequence[Turn] = ()
    ) -> bool:
        """Whether the rulings (`by` is their name) are known to have nothing to say of a text, as there are none or they said
        so before: answers repeat, as questions do. With a number in it, that depends on who asks.
        """
        if not rulings or not text:
            return True
        return _anybodys(text, side) and self._clean.knows(*self._name(by, text, side, turns))

    async def judged(
        self,
        by: str,
        rulings: Sequence[Ruling],
        text: str,
        side: Side = Side.IN,
        turns: Sequence[Turn] = (),
        origin: str = "",
    ) -> Judgement:
        """What the rulings say of a text, which has been noted; `origin` is what its remarks call its side.

        Nothing, at once, where that is known (see `knows`). Raises GuardFailed; TooMany for a question that cannot be paid.
        """
        if self.knows(by, rulings, text, side, turns):
            return NOTHING
        if self._reserve_for is not None:
            _fund(self._reserve_for, rulings, text, side, turns)
        judgement = await judge(self.policy, rulings, text, side, turns)
        if origin and judgement.remarks:
            judgement = _from(origin, judgement)
        self.note(judgement)
        if judgement.clean and _anybodys(text, side):
            self._clean.add(*self._name(by, text, side, turns))
        return judgement

    def _name(self, by: str, text: str, side: Side, turns: Sequence[Turn]) -> tuple[str, str]:
        """What a text is remembered by: whose word it is, and all that they saw."""
        if turns:
            text = "\0".join([text, *(f"{turn.role}\0{turn.content}" for turn in turns)])
        return f"{self.policy.hash} {'in' if side is Side.IN else 'out'} {by} {len(turns)}", text

    async def _whole(self, rulings: Sequence[Ruling], texts: Sequence[Text]) -> Judgement:
        """The last question with the conversation before it; what tools brought in and files are called, each by itself."""
        untrusted, turns = self.policy.untrusted, list[Turn]()
        severest, last = NOTHING, ""
        for text in texts:
            if text.last and text.spoken:
                last += "\n" * bool(last) + text.text
            elif text.spoken and text.role == "user" and "user" in untrusted and not last:
                turns.append(Turn(text.role, text.text))
            elif text.role in untrusted and text.role != "user":
                severest = severer(severest, await self.judged("wholes", rulings, text.text))
            elif text.spoken and text.role:
                turns.append(Turn(text.role, text.text))
        self._turns = turns
        if last and "user" in untrusted:
            severest = severer(severest, await self.judged("wholes", rulings, last, turns=turns))
        return severest

    def _confide(self) -> None:
        self.confidential = True
        self.ins, self.outs = self.ins.private(), self.outs.private()

    def _reserve(self, texts: Sequence[Text]) -> None:
        """A schema's `phone_1` stays, so no telephone number may be called that."""
        if self.vault is not None:
            for text in texts:
                if not text.spoken:
                    self.vault.reserve(text.text)


def _finding(remark: Remark) -> tuple[str, tuple[str, ...], str]:
    """What makes two remarks one: what was only held of a part may be blocked of the whole."""
    return remark.guard, remark.categories, remark.action


def _as_picture(role: str) -> str:
    """Among `untrusted`, what a picture in a message of this role is."""
    return "file" if role == "user" else role


def _fund(
    reserve: Callable[[float], None], rulings: Sequence[Ruling], text: str, side: Side, turns: Sequence[Turn]
) -> None:
    """Reserve what guards may have to pay for a judgement. Raises TooMany; of an answer, which is out already, GuardFailed."""
    for ruling in rulings:
        most = ruling.guard.most(text, turns) if isinstance(ruling.guard, Priced) else 0.0
        try:
            if most:
                reserve(most)
        except TooMany as error:
            if side is Side.IN:
                raise
            said = f"A guard could not judge the answer: {error.message}"
            raise GuardFailed(ruling.name, said, remedy=error.remedy) from error


def _from(origin: str, judgement: Judgement) -> Judgement:
    """The judgement of a text that came from elsewhere."""
    remarks = tuple(replace(remark, side=origin) for remark in judgement.remarks)
    if origin != PICTURE:
        return replace(judgement, remarks=remarks)
    cut = {deed.value for deed in REDACTIONS}
    remarks = tuple(replace(one, action="block") if one.action in cut else one for one in remarks)
    action = Action.BLOCK if judgement.action is Action.REDACT else judgement.action
    return replace(judgement, action=action, cuts=(), remarks=remarks)


def _anybodys(text: str, side: Side) -> bool:
    """Whether a verdict on it does not depend on who asked."""
    return side is Side.IN or not may_hold(text)


def severer(first: Judgement, second: Judgement) -> Judgement:
    """Of two judgements the one whose action holds."""
    if second is NOTHING:
        return first
    worse = second.action.severity > first.action.severity
    return second if worse or first.action is Action.PASS else first
