"""The wall clock is stepped, as it is when a machine wakes up or is set right: nothing that is promised depends on it."""

import pytest

from stepladder.core import SystemClock
from stepladder.interaction import compose
from stepladder.interaction.app import App
from stepladder.interaction.compose import House
from stepladder.interaction.settings import Settings
from tests.interaction.asgi import Client
from tests.interaction.conftest import ANSWERS, Home
from tests.product import mood, recorded, write_config

HOUR, DAY = 3600.0, 86400.0
LIMITS = """
[tenants.shop.limits]
requests_per_minute = 5
[tenants.phone.limits]
budget_day = 0.0005
"""
PRICES = "price_in = 0.0\nprice_out = 100.0\n"


class Stepped(SystemClock):
    """The system's clock, its wall time stepped."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + type(self).ahead


@pytest.fixture
def step(monkeypatch):
    """Set the wall clock forward (or back) by so many seconds from the true time."""
    monkeypatch.setattr(compose, "SystemClock", Stepped)
    monkeypatch.setattr(Stepped, "ahead", 0.0)
    return lambda seconds: monkeypatch.setattr(Stepped, "ahead", seconds)


@pytest.fixture
async def home(tmp_path, step):
    config = write_config(
        tmp_path, recorded(tmp_path, ANSWERS) + PRICES, mood(more="max_output_tokens = 2"), LIMITS
    )
    house = await House.open(Settings(config))
    try:
        yield Home(house, Client(App(house), await house.first_admin_key() or ""), config)
    finally:
        await house.close()


async def client(home, name, expires_at=None):
    secret = home.house.store.keys.create(name, expires_at=expires_at)
    await home.house.refresh()
    return Client(home.client.app, secret)


@pytest.mark.parametrize("ahead", [-10 * 365 * DAY, -DAY, -HOUR, HOUR, DAY, 400 * DAY])
async def test_questions_are_answered_and_timed_whatever_the_clock_says(home, step, ahead):
    before = await home.client.chat()
    step(ahead)
    after = await home.client.chat()
    assert (before.status, after.status) == (200, 200)
    row = home.row(after)
    assert 0 <= row.latency_ms < 60_000, "time spent is not read off the wall clock"
    assert row.at - home.row(before).at == pytest.approx(ahead, abs=60)
    assert row.id != home.row(before).id


@pytest.mark.parametrize("ahead", [-DAY, -HOUR, HOUR, DAY])
async def test_a_rate_is_no_looser_and_nobody_is_locked_out(home, step, ahead):
    shop = await client(home, "shop")
    assert [(await shop.chat()).status for _ in range(6)] == [200] * 5 + [429]
    step(ahead)
    refused = await shop.chat()
    assert refused.status == 429, "a minute has not passed"
    assert 0 < int(refused.headers["retry-after"]) <= 60


async def test_a_budget_is_not_given_twice_when_the_clock_goes_back(home, step):
    phone = await client(home, "phone")
    spent = 0
    while (await phone.chat(max_tokens=2)).status == 200:
        spent += 1
    assert spent > 0
    for ahead in (-HOUR, -DAY, -40 * DAY):
        step(ahead)
        assert (await phone.chat(max_tokens=2)).status == 429


async def test_a_clock_that_was_ahead_for_a_while_gives_each_day_its_budget_once(home, step):
    phone = await client(home, "phone")

    async def until_refused():
        count = 0
        while (await phone.chat(max_tokens=2)).status == 200:
            count += 1
        return count

    each = await until_refused()
    step(DAY)
    assert await until_refused() == each, "a new day has its own budget"
    step(0)
    assert await until_refused() == 0, "and it is not there again when the clock is set right"
    step(2 * DAY)
    assert await until_refused() == each


async def test_a_key_ends_by_the_clock_and_is_back_when_that_was_wrong(home, step):
    guest = await client(home, "guest", expires_at=home.house.clock.time() + HOUR)
    assert (await guest.chat()).status == 200
    step(2 * HOUR)
    assert (await guest.chat()).status == 401
    step(0)
    assert (await guest.chat()).status == 200
    step(-DAY)
    assert (await guest.chat()).status == 200


async def test_a_ban_lasts_as_long_as_it_was_meant_to(home, step):
    stranger = Client(home.client.app, "sl-wrong")
    for _ in range(home.house.gateway.snapshot.config.traffic.ban_after + 1):
        answer = await stranger.chat()
    assert answer.status == 429
    for ahead in (-DAY, DAY):
        step(ahead)
        assert (await stranger.chat()).status == 429
        assert (await home.client.chat()).status == 200, "a good key is heard all the same"


async def test_the_ledger_keeps_the_order_in_which_things_happened(home, step):
    ids = []
    for ahead in (0.0, -HOUR, HOUR, 0.0):
        step(ahead)
        ids.append((await home.client.chat()).headers["x-stepladder-request-id"])
    rows = [home.house.store.ledger.get(id) for id in ids]
    assert [row.seq for row in rows] == sorted(row.seq for row in rows)
