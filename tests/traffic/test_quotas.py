"""Quotas, as a machine of states: whatever is asked, settled, killed and waited for, nothing is ever overspent."""

from collections import defaultdict

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from stepladder.core import Limits, ServiceClass, Tenant, TooMany, Usage
from stepladder.traffic import Admission, Board, Gate
from stepladder.traffic.admission import nanos
from tests.traffic.times import Time

DAY = 86400.0
BUDGET, MONTH, RATE, TOKENS, CONCURRENCY = 1.0, 2.5, 30, 3000, 4
ANN = Tenant(
    "ann",
    key="app",
    service=ServiceClass("gold", concurrency=CONCURRENCY),
    limits=Limits(RATE, TOKENS, BUDGET, MONTH),
)


def _now(coroutine):
    """Run what never has to wait."""
    with pytest.raises(StopIteration) as ended:
        coroutine.send(None)
    return ended.value.value


class Quotas(RuleBasedStateMachine):
    permits = Bundle("permits")

    def __init__(self) -> None:
        super().__init__()
        self.clock = Time()
        self.board = Board(None, lambda slot: (), 20261121)
        self.door = Admission(self.board, Gate(100, 10), self.clock)
        self.open: dict[int, tuple[float, int]] = {}
        self.by_day: defaultdict[int, int] = defaultdict(int)
        self.asked: list[float] = []
        self.count = 0

    def teardown(self) -> None:
        self.board.close()

    @rule(target=permits, cost=st.floats(0, 0.4), tokens=st.integers(0, 2000))
    def ask(self, cost, tokens):
        try:
            permit = _now(self.door.admit(ANN, "big", Usage(tokens, 0), cost))
        except TooMany as refused:
            assert refused.status == 429 and refused.retry_after > 0
            return None
        self.count += 1
        self.open[self.count] = (cost, tokens)
        self.asked.append(self.clock.monotonic())
        return self.count, permit

    @rule(held=consumes(permits), share=st.floats(0, 1), twice=st.booleans())
    def settle(self, held, share, twice):
        if held is None:
            return
        number, permit = held
        cost, tokens = self.open.pop(number)
        charge = permit.charge(cost * share, int(tokens * share))
        self.by_day[charge.day] += charge.nanos
        for _ in range(1 + twice):
            permit.settle(charge)

    @rule(held=consumes(permits))
    def fail(self, held):
        if held is not None:
            self.open.pop(held[0])
            held[1].settle(None)

    @rule(seconds=st.sampled_from([0.5, 2.0, 30.0, 61.0, DAY / 3, DAY]))
    def wait(self, seconds):
        self.clock.passed += seconds

    @rule(seconds=st.sampled_from([-DAY, -3600.0, 3600.0]))
    def step_the_clock(self, seconds):
        self.clock.stepped += seconds

    @invariant()
    def nothing_is_overspent(self):
        for day, spent in self.by_day.items():
            assert spent <= nanos(BUDGET), day
        months = defaultdict(int)
        for day, spent in self.by_day.items():
            months[day // 100] += spent
        assert all(spent <= nanos(MONTH) for spent in months.values())

    @invariant()
    def what_is_shown_is_what_is_so(self):
        standing = self.door.standing(ANN)[0]
        assert standing.active == len(self.open) <= CONCURRENCY
        assert standing.reserved == sum(nanos(cost) for cost, _ in self.open.values())
        assert standing.spent_day == self.by_day[standing.day]

    @invariant()
    def no_minute_sees_more_than_its_bucket_and_what_flows_in(self):
        last_minute = [at for at in self.asked if at > self.clock.monotonic() - 60]
        assert len(last_minute) <= 2 * RATE


TestQuotas = Quotas.TestCase
TestQuotas.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@pytest.fixture
def door():
    clock = Time()
    board = Board(None, lambda slot: (), 20261121)
    yield Admission(board, Gate(100, 10), clock), clock
    board.close()


def ask(door, tenant, *, cost=0.0, tokens=0):
    return _now(door.admit(tenant, "big", Usage(tokens, 0), cost))


def test_a_thousand_tenths_of_a_cent_are_a_whole_one(door):
    """In floating point they are a little more."""
    tenant = Tenant("ann", limits=Limits(budget_day=1.0))
    for _ in range(1000):
        permit = ask(door[0], tenant, cost=0.001)
        permit.settle(permit.charge(0.001, 1))
    with pytest.raises(TooMany) as refused:
        ask(door[0], tenant, cost=0.001)
    assert (refused.value.code, refused.value.hopeless) == ("insufficient_quota", True)
    assert refused.value.retry_after == DAY - 1000
    ask(door[0], tenant).settle(None)  # what is free always passes


def test_the_months_budget_comes_back_next_month(door):
    tenant = Tenant("ann", limits=Limits(budget_month=1.0))
    permit = ask(door[0], tenant, cost=1.0)
    permit.settle(permit.charge(1.0, 1))
    with pytest.raises(TooMany) as refused:
        ask(door[0], tenant, cost=0.5)
    assert refused.value.retry_after == 10 * DAY - 1000
    door[1].passed += refused.value.retry_after
    ask(door[0], tenant, cost=0.5)


def test_what_is_only_reserved_is_worth_waiting_for(door):
    tenant = Tenant("ann", limits=Limits(budget_day=1.0))
    first = ask(door[0], tenant, cost=0.9)
    with pytest.raises(TooMany) as refused:
        ask(door[0], tenant, cost=0.5)
    assert (refused.value.code, refused.value.hopeless) == ("rate_limit_exceeded", False)
    first.settle(first.charge(0.1, 1))
    ask(door[0], tenant, cost=0.5)


def test_a_rate_says_when_to_come_back_and_keeps_its_word(door):
    tenant = Tenant("ann", limits=Limits(requests_per_minute=6))
    for _ in range(6):
        ask(door[0], tenant).settle(None)
    with pytest.raises(TooMany) as refused:
        ask(door[0], tenant)
    door[1].passed += refused.value.retry_after + 1e-6
    ask(door[0], tenant)


def test_tokens_that_were_not_used_are_given_back(door):
    tenant = Tenant("ann", limits=Limits(tokens_per_minute=1000))
    permit = ask(
        door[0], tenant, tokens=5000
    )  # more than there can be: it takes the whole bucket, and may pass
    with pytest.raises(TooMany):
        ask(door[0], tenant, tokens=1)
    permit.settle(permit.charge(0.0, 100))
    ask(door[0], tenant, tokens=800)
    with pytest.raises(TooMany):
        ask(door[0], tenant, tokens=200)


def test_a_key_has_limits_of_its_own_beside_its_tenants(door):
    one, other = (Tenant("ann", key=key, each_key=Limits(budget_day=1.0)) for key in ("a", "b"))
    permit = ask(door[0], one, cost=1.0)
    permit.settle(permit.charge(1.0, 1))
    with pytest.raises(TooMany):
        ask(door[0], one, cost=1.0)
    ask(door[0], other, cost=1.0)


def test_a_refused_question_leaves_nothing_behind(door):
    tenant = Tenant("ann", limits=Limits(requests_per_minute=5), each_key=Limits(budget_day=0.5))
    for _ in range(50):
        with pytest.raises(TooMany):
            ask(door[0], tenant, cost=1.0)
    assert door[0].standing(tenant)[0].active == 0
    assert door[0].gate.inside == 0
    for _ in range(5):
        ask(door[0], tenant, cost=0.1)
