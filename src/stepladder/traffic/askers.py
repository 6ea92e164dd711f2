"""Who asks in a way that is no ordinary use: bans for a while, where a class of service looks for it."""

import re
from collections.abc import Sequence
from hashlib import blake2b
from typing import Protocol

from stepladder.core import Abuse, Banned, Clock, Events, Remark, Tenant, TooMany
from stepladder.privacy import Kind, find
from stepladder.traffic.strikes import Rule, Strikes

_HOUR = 3600.0
_DAY = 86_400.0
_EXTRACTION = "extraction"
_MOST = 2000
_NAMED = 300
"""Characters in which Chinese names are looked for: they have no capitals, and it takes its time."""
_HAN = re.compile("[\u4e00-\u9fff]")
_PERSONS = frozenset((Kind.PERSON,))
_QUOTED = re.compile(r"[\"“「『《][^\"”」』》\n]{1,80}[\"”」』》]")
_NUMBER = re.compile(r"\d[\d.,:/-]*|[零〇一二三四五六七八九十百千万亿两]+")
_NAME = re.compile(r"(?<=[a-z,;:] )[A-Z][\w'-]*(?: (?:(?:of|de|van|von|the) )?[A-Z][\w'-]*)*")


class Questioned(Protocol):
    """A question, as far as it matters who asks it and how."""

    @property
    def asker(self) -> str:
        """The user whom the request names, "" for none."""
        ...

    @property
    def question_text(self) -> str:
        """The question."""
        ...

    @property
    def step(self) -> bool:
        """Whether it is a step that a plan takes for a question which was looked at."""
        ...

    @property
    def remarks(self) -> Sequence[Remark]:
        """What guards said of it."""
        ...


class Askers:
    """Looks at who asks, before and after. Texts are kept as hashes."""

    def __init__(self, strikes: Strikes, clock: Clock, events: Events) -> None:
        self._strikes = strikes
        self._clock = clock
        self._events = events

    def look(self, tenant: Tenant, asked: Questioned) -> None:
        """Before a question is let in. Raises TooMany for an asker that is banned, or is now."""
        rules, who, now = tenant.service.abuse, _who(tenant, asked), self._clock.monotonic()
        left = self._strikes.banned(who, now)
        if left:
            raise _refused(left)
        if asked.step:
            return
        text = asked.question_text[:_MOST]
        for why, most, frame in (("walks", rules.walks, frame_of), ("questions", rules.questions, None)):
            if not most:
                continue
            counted = f"{why} {who} {frame(text) if frame else ''}"
            if self._strikes.add(counted, Rule(most, _HOUR), now, text or " "):
                raise _refused(self._ban(who, why, rules))

    def judge(self, tenant: Tenant, asked: Questioned) -> None:
        """Afterwards, when guards have seen it."""
        rules = tenant.service.abuse
        if not rules.extractions or not any(_EXTRACTION in said.categories for said in asked.remarks):
            return
        who = _who(tenant, asked)
        if self._strikes.add(
            f"extractions {who}", Rule(rules.extractions - 1, _HOUR), self._clock.monotonic()
        ):
            self._ban(who, "extractions", rules)

    def _ban(self, who: str, why: str, rules: Abuse) -> float:
        length = self._strikes.ban(who, rules.ban_minutes * 60, _DAY, self._clock.monotonic())
        self._events.emit(Banned(who, why, length))
        return length


def frame_of(text: str) -> str:
    """What is left of a question without its numbers, names and quotations: what walks through a catalogue leaves as it is."""
    text = _NUMBER.sub("0", _NAME.sub("A", _QUOTED.sub("Q", _nameless(text) if _HAN.search(text) else text)))
    return " ".join(text.casefold().split())


def _nameless(text: str) -> str:
    for span in sorted(find(text[:_NAMED], _PERSONS), key=lambda one: one.start, reverse=True):
        text = f"{text[: span.start]}A{text[span.end :]}"
    return text


def _who(tenant: Tenant, asked: Questioned) -> str:
    """Tenant and key by name; of a user no more than a hash, since this is written into the journal."""
    user = asked.asker
    named = (
        f"user {blake2b(user.encode('utf-8', 'surrogatepass'), digest_size=6).hexdigest()}"
        if user
        else "itself"
    )
    return f"tenant {tenant.name}, key {tenant.key}, {named}"


def _refused(seconds: float) -> TooMany:
    error = TooMany(
        "This asker is banned for a while, for asking in a way that is no ordinary use.",
        remedy="Wait, or ask the operator of this server.",
        retry_after=seconds,
        hopeless=True,
    )
    error.code = "banned"
    return error
