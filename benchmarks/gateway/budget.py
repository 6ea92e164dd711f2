"""Does a budget hold? 200 callers, several workers, real HTTP.

    python -m benchmarks.gateway.budget [--workers 4] [--callers 200] [--calls 1000] [--write]

First a budget that allows exactly so many calls of equal cost, then one for answers of unknown length (the upstream uses
20 tokens, the callers allow any number from 20 to 200). Prints how many passed and what was spent, to the billionth.
"""

import argparse
import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import aiohttp

from benchmarks.gateway import place
from benchmarks.gateway.upstream import USAGE

RESULTS = Path(__file__).parents[1] / "results"
PRICE = 1000.0  # of a million tokens written
WRITTEN = USAGE["completion_tokens"]
CONFIG = """
[server]
port = 0
data = "data"
flywheel = false
workers = {{workers}}
[models.mock]
kind = "chat"
base_url = "http://127.0.0.1:{{upstream}}/v1"
model = "mock"
price_out = {price}
[tasks.topic]
top = "mock"
labels = ["delivery", "refund"]
[tenants.acme.limits]
budget_day = {budget}
"""


async def call(running: place.Running, callers: int, lengths: list[int]) -> int:
    """Every caller asks until the budget refuses; how many answers there were."""
    answered = 0
    headers = {"Authorization": f"Bearer {running.key}", "Content-Type": "application/json"}
    url = f"http://127.0.0.1:{running.port}/v1/chat/completions"

    async def caller(session: aiohttp.ClientSession, number: int) -> None:
        nonlocal answered
        while True:
            data = place.body("mock", max_tokens=lengths[number % len(lengths)])
            async with session.post(url, data=data, headers=headers) as said:
                await said.read()
            if said.status == 200:
                answered += 1
                number += 1
            elif said.headers.get("x-should-retry") == "false":
                return

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(caller(session, number) for number in range(callers)))
    return answered


def run(workers: int, callers: int, budget: float, lengths: list[int]) -> dict[str, float]:
    """One budget, used up."""
    config = CONFIG.format(price=PRICE, budget=budget)
    with place.upstream(None) as upstream, place.serving(upstream, workers=workers, config=config) as running:
        answered = asyncio.run(call(running, callers, lengths))
        with closing(sqlite3.connect(running.folder / "data" / "stepladder.db")) as connection:
            (nanos,) = connection.execute("SELECT sum(nanos) FROM spending").fetchone()
            (rows,) = connection.execute("SELECT count(*) FROM ledger WHERE status = 'ok'").fetchone()
    return {
        "budget": budget,
        "answered": answered,
        "rows": rows,
        "spent": nanos / 1e9,
        "over": max(nanos - round(budget * 1e9), 0) / 1e9,
    }


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--callers", type=int, default=200)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--write", action="store_true", help="write results/budget.json")
    given = parser.parse_args()
    budget = given.calls * WRITTEN * PRICE / 1e6
    found = {
        "command": f"python -m benchmarks.gateway.budget --workers {given.workers} --callers {given.callers}"
        f" --calls {given.calls} --write",
        "equal": run(given.workers, given.callers, budget, [WRITTEN]),
        "unknown": run(given.workers, given.callers, budget, [WRITTEN, 2 * WRITTEN, 10 * WRITTEN]),
    }
    print(json.dumps(found, indent=1))
    if given.write:
        (RESULTS / "budget.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
