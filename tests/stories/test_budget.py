"""Budgets hold to the cent: many callers at once, several workers, answers of unknown length, and a worker that is killed."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest

from tests.product import Product, eventually, write_config
from tests.stories.upstream import Upstream

CALLERS = 200
TENANT = """
[tenants.acme.limits]
budget_day = {budget}
"""


def place(folder: Path, upstream: Upstream, *, day: str, budget: float) -> Path:
    """Four workers, one tenant, one model at 0.001 a token written and nothing for those read."""
    model = f'[models.big]\nkind = "chat"\nbase_url = "{upstream.url}"\nmodel = "{day}"\nprice_out = 1000.0\n'
    return write_config(folder, model, TENANT.format(budget=budget), server="flywheel = false\nworkers = 4")


def new_key(product: Product, name: str) -> str:
    command = [sys.executable, "-m", "stepladder", "key", "create", name, "--tenant", "acme", "-q"]
    made = subprocess.run(
        [*command, "-c", str(product.config)],
        capture_output=True,
        text=True,
        check=True,
        cwd=product.config.parent,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    return made.stdout.strip()


async def call_until_refused(
    product: Product, key: str, *, tokens: int, callers: int = CALLERS, most: int = 10_000
) -> tuple[Counter, list[str]]:
    """Every caller asks until it is refused for good. How often each status came, and the ids of whole answers."""
    statuses: Counter = Counter()
    answered: list[str] = []
    body = {"model": "big", "messages": [{"role": "user", "content": "hi"}], "max_tokens": tokens}
    headers = {"Authorization": f"Bearer {key}"}

    async def caller(session: aiohttp.ClientSession) -> None:
        while len(answered) < most:
            try:
                async with session.post(
                    f"{product.url}/chat/completions", json=body, headers=headers
                ) as said:
                    data = await said.json()
            except (aiohttp.ClientError, ConnectionError):
                statuses["gone"] += 1
                continue
            statuses[said.status] += 1
            if said.status == 200:
                answered.append(said.headers["x-stepladder-request-id"])
            elif said.headers.get("x-should-retry") == "false":
                assert data["error"]["code"] == "insufficient_quota"
                assert int(said.headers["retry-after"]) > 0
                return

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        await asyncio.gather(*(caller(session) for _ in range(callers)))
    return statuses, answered


def spent(config: Path) -> tuple[int, int, float]:
    """Billionths and answers on the tenant's account, and what the ledger's rows add up to."""
    with closing(sqlite3.connect(config.parent / "stepladder-data" / "stepladder.db")) as connection:
        nanos, answers = connection.execute(
            "SELECT sum(nanos), sum(answers) FROM spending WHERE tenant = 'acme'"
        ).fetchone()
        (cost,) = connection.execute("SELECT sum(cost) FROM ledger WHERE tenant = 'acme'").fetchone()
    return nanos, answers, cost


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def shown(product: Product) -> dict:
    """What the admin API says of the tenant."""
    headers = {"Authorization": f"Bearer {product.key}"}
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{product.root}/admin/tenants", headers=headers) as said,
    ):
        data = await said.json()
        assert said.status == 200, data
        (card,) = [card for card in data["tenants"] if card["tenant"] == "acme"]
        return card["used"]


async def test_of_equal_calls_exactly_as_many_pass_as_the_budget_allows(tmp_path):
    with Upstream() as upstream, Product(place(tmp_path, upstream, day="good", budget=7.0)) as product:
        key = new_key(product, "app")
        statuses, answered = await call_until_refused(product, key, tokens=7)
        assert (len(answered), statuses[200], set(statuses)) == (1000, 1000, {200, 429})
        assert len(upstream.seen) == 1000
        assert await shown(product) == {"day": 7.0, "month": 7.0, "reserved": 0.0, "under_way": 0}
        assert spent(product.config)[:2] == (7_000_000_000, 1000)


async def test_a_ledger_in_postgresql_holds_as_well(tmp_path, postgres):
    ledger = f'\n[ledger]\nurl = "{postgres}"\n'
    with Upstream() as upstream:
        config = place(tmp_path, upstream, day="good", budget=0.7)
        config.write_text(config.read_text() + ledger)
        with Product(config) as product:
            key = new_key(product, "app")
            statuses, answered = await call_until_refused(product, key, tokens=7, callers=50)
            assert (len(answered), statuses[200], set(statuses)) == (100, 100, {200, 429})
            assert await shown(product) == {"day": 0.7, "month": 0.7, "reserved": 0.0, "under_way": 0}


async def test_with_unknown_lengths_it_is_never_overspent(tmp_path):
    with Upstream() as upstream, Product(place(tmp_path, upstream, day="varied", budget=2.0)) as product:
        key = new_key(product, "app")
        statuses, answered = await call_until_refused(product, key, tokens=20, callers=50)
        assert set(statuses) == {200, 429}
        nanos, answers, cost = spent(product.config)
        assert 2.0 - 0.02 < nanos / 1e9 <= 2.0
        assert nanos / 1e9 == pytest.approx(cost) and answers == len(answered)
        used = await shown(product)
        assert (used["day"], used["reserved"], used["under_way"]) == (nanos / 1e9, 0.0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="finds the workers in /proc")
async def test_a_killed_worker_loses_no_answer_and_leaves_nothing_reserved(tmp_path):
    with Upstream() as upstream, Product(place(tmp_path, upstream, day="varied", budget=1000.0)) as product:
        key = new_key(product, "app")
        assert product.process is not None
        parent = product.process.pid
        workers = children(parent)
        assert len(workers) == 4
        calling = asyncio.create_task(call_until_refused(product, key, tokens=20, callers=50, most=600))
        await asyncio.to_thread(eventually, lambda: len(upstream.seen) > 200)
        os.kill(workers[0], signal.SIGKILL)
        _, answered = await calling
        with closing(
            sqlite3.connect(product.config.parent / "stepladder-data" / "stepladder.db")
        ) as connection:
            rows = {id for (id,) in connection.execute("SELECT id FROM ledger WHERE status = 'ok'")}
        assert not set(answered) - rows, "an answer that was given is not in the ledger"

        async def settled() -> bool:
            used = await shown(product)
            return (used["reserved"], used["under_way"]) == (0.0, 0)

        for _ in range(200):
            if await settled():
                break
            await asyncio.sleep(0.1)
        nanos, _, cost = spent(product.config)
        used = await shown(product)
        assert used == {"day": nanos / 1e9, "month": nanos / 1e9, "reserved": 0.0, "under_way": 0}
        assert nanos / 1e9 == pytest.approx(cost)
        eventually(lambda: product.log().count("ended with code -9") == 1)
