"""Admission: whether a tenant may ask this now; what it may cost is reserved, and settled when the truth is known."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from stepladder.core import (
    Clock,
    Events,
    Limits,
    NotAllowed,
    Refused,
    StepladderError,
    Tenant,
    TooMany,
    Traffic,
    Usage,
)
from stepladder.store import Charge
from stepladder.traffic.askers import Askers, Questioned
from stepladder.traffic.board import Board, Bounds, Claim, Refusal, Standing, scopes
from stepladder.traffic.gate import Gate

NANO = 1_000_000_000
_MINUTE = 60 * NANO


class Permit:
    """The right to ask one question, with what is reserved for it. Settled once, on every way out."""

    __slots__ = ("_admission", "_asked", "_claim", "_open", "_question", "tenant")

    def __init__(
        self, admission: "Admission", tenant: Tenant, claim: Claim, asked: tuple[tuple[int, Bounds], ...]
    ) -> None:
        self._admission = admission
        self._asked = asked
        self._claim = claim
        self._open = True
        self._question: Questioned | None = None
        self.tenant = tenant

    def watch(self, question: Questioned) -> None:
        """Look once more at who asked this, when it is over."""
        self._question = question

    def reserve(self, cost: float) -> None:
        """Reserve so much more, until all is settled. Raises TooMany. Nothing once it is settled."""
        more = nanos(cost)
        if self._open and more:
            self._admission.extend(self._claim, self._asked, more, self.tenant)
            self._claim = replace(self._claim, nanos=self._claim.nanos + more)

    def charge(self, cost: float, tokens: int) -> Charge:
        """What the ledger is to write down beside the answer."""
        tenant, slot = self.tenant, self._admission.board.slot
        return Charge(self._claim.day, tenant.name, tenant.key, slot, nanos(cost), tokens)

    def settle(self, charge: Charge | None) -> None:
        """Give back what was reserved; count what was used (None: nothing). A second time does nothing."""
        if self._open:
            self._open = False
            used = (charge.tokens, charge.nanos) if charge is not None else (0, 0)
            self._admission.board.settle(self._claim, self._asked, *used)
            self._admission.gate.leave()
            if self._question is not None:
                self._admission.askers.judge(self.tenant, self._question)


class Admission:
    """The door. Its limits are the tenant's own, handed in with each question; its sums are on the board."""

    def __init__(self, board: Board, gate: Gate, clock: Clock, events: Events | None = None) -> None:
        self.board = board
        self.gate = gate
        self._clock = clock
        self._events = events or Events()
        self.askers = Askers(board.strikes, clock, self._events)
        self._asked: dict[int, tuple[Tenant, tuple[tuple[int, Bounds], ...]]] = {}
        self._day = (0, 0.0, 0.0)

    def configure(self, traffic: Traffic) -> None:
        """Take in a new configuration or new keys; what is under way stays."""
        self.gate.at_once, self.gate.limit = traffic.at_once, traffic.queue
        self._asked.clear()

    async def admit(
        self, tenant: Tenant, model: str, most: Usage, cost: float, question: Questioned | None = None
    ) -> Permit:
        """Let a question in, when there is a place and nothing is against it.

        `model` is the task or model that is asked; `most` and `cost` are what it may use, and so is reserved.
        Raises NotAllowed (403) for a model outside the tenant's class, TooMany (429) when a limit or a budget is
        reached or the asker is banned, and TooMany (503) when there is no room.
        """
        try:
            if question is None or not tenant.service.abuse.watched:
                return await self._admitted(tenant, model, most.prompt_tokens + most.completion_tokens, cost)
            self.askers.look(tenant, question)
            permit = await self._admitted(tenant, model, most.prompt_tokens + most.completion_tokens, cost)
            permit.watch(question)
            return permit
        except StepladderError as error:
            self._events.emit(Refused(error.code or ""))
            raise

    def extend(self, claim: Claim, asked: tuple[tuple[int, Bounds], ...], nanos: int, tenant: Tenant) -> None:
        """Reserve so much more for a question under way. Raises TooMany."""
        refusal = self.board.extend(claim, asked, nanos)
        if refusal is not None:
            error = self._refused(refusal, tenant)
            self._events.emit(Refused(error.code or ""))
            raise error

    def standing(self, tenant: Tenant) -> tuple[Standing, Standing]:
        """What a tenant, and the key it is asked with, have spent and reserved."""
        first, second = scopes(tenant.name, tenant.key)
        return self.board.standing(first, self._today()), self.board.standing(second, self._today())

    async def _admitted(self, tenant: Tenant, model: str, tokens: int, cost: float) -> Permit:
        service, gate = tenant.service, self.gate
        if service.models and model not in service.models:
            raise NotAllowed(
                f"The class of service {service.name!r} does not include {model!r}.",
                remedy=f"It includes: {', '.join(service.models)}.",
                forbidden=True,
            )
        if gate.inside < gate.at_once:
            gate.inside += 1
        else:
            await gate.enter(service.priority, service.wait_seconds)
        try:
            return self._reserve(tenant, tokens, cost)
        except BaseException:
            gate.leave()
            raise

    def _reserve(self, tenant: Tenant, tokens: int, cost: float) -> Permit:
        day = self.board.day(self._today())
        claim = Claim(int(self._clock.monotonic() * 1e9), day, tokens, nanos(cost))
        known = self._asked.get(id(tenant))  # a tenant is one object until the next configuration or key
        asked = known[1] if known is not None else self._bounds(tenant)
        refusal = self.board.reserve(claim, asked)
        if refusal is not None:
            raise self._refused(refusal, tenant)
        return Permit(self, tenant, claim, asked)

    def _bounds(self, tenant: Tenant) -> tuple[tuple[int, Bounds], ...]:
        first, second = scopes(tenant.name, tenant.key)
        whole = replace(bounds(tenant.limits), concurrency=tenant.service.concurrency)
        asked = ((self.board.place(first), whole), (self.board.place(second), bounds(tenant.each_key)))
        self._asked[id(tenant)] = (tenant, asked)
        return asked

    def _today(self) -> int:
        now = self._clock.time()
        day, begins, ends = self._day
        if not begins <= now < ends:
            date = datetime.fromtimestamp(now, UTC).date()
            begins = datetime(date.year, date.month, date.day, tzinfo=UTC).timestamp()
            day = date.year * 10000 + date.month * 100 + date.day
            self._day = (day, begins, begins + 86400)
        return day

    def _refused(self, refusal: Refusal, tenant: Tenant) -> TooMany:
        if refusal.bound in ("day", "month"):
            until = _ends(self._clock.time(), refusal.bound)
            error = TooMany(
                f"The budget of {tenant.name!r} for this {refusal.bound} does not allow this question.",
                remedy="Wait for the next one, ask for less (max_tokens), or have the budget raised.",
                retry_after=until,
                hopeless=True,
            )
            error.type = error.code = "insufficient_quota"
            return error
        what, remedy = _WHY[refusal.bound]
        return TooMany(f"{tenant.name!r} {what}.", remedy=remedy, retry_after=max(refusal.seconds, 0.001))


_WHY = {
    "concurrency": (
        "has as many questions under way as its class of service allows",
        "Ask when one is done.",
    ),
    "requests": ("has asked as often as it may in a minute", "Ask more slowly."),
    "tokens": ("has used as many tokens as it may in a minute", "Ask more slowly, or for less (max_tokens)."),
    "reserved": ("has the rest of its budget reserved by questions under way", "Ask again soon."),
}


@lru_cache(maxsize=4096)
def bounds(limits: Limits) -> Bounds:
    """Limits in the board's units."""

    def gap(rate: int | None) -> int | None:
        return None if rate is None else max(_MINUTE // rate, 1)

    def money(budget: float | None) -> int | None:
        return None if budget is None else round(budget * NANO)

    return Bounds(
        gap(limits.requests_per_minute),
        gap(limits.tokens_per_minute),
        money(limits.budget_day),
        money(limits.budget_month),
        None,
    )


def nanos(cost: float) -> int:
    """Money in billionths of its unit, a part of one counted as one; what is only the noise of floats is not."""
    return math.ceil(cost * NANO - 1e-3) if cost else 0


def _ends(now: float, bound: str) -> float:
    date = datetime.fromtimestamp(now, UTC)
    start = date.replace(hour=0, minute=0, second=0, microsecond=0)
    after = start + timedelta(days=1) if bound == "day" else (start.replace(day=1) + timedelta(days=32))
    return (after if bound == "day" else after.replace(day=1)).timestamp() - now
