"""The whole product, over HTTP: a task starts on its top rung, steps down by itself, and goes back when told to."""

import asyncio
import random
from pathlib import Path

import aiohttp
import pytest

from stepladder.store import Store
from tests.product import Product, eventually, mood, recorded, write_config

GOOD = ["wonderful", "warm", "kind", "fresh", "美味", "热情"]
BAD = ["awful", "cold", "rude", "stale", "难吃", "冷淡"]
FLYWHEEL = """
[tasks.mood.promise]
target = 0.9
risk = 0.1
horizon = 300
[tasks.mood.flywheel]
labels = 200
calibration = 100
canary = 0.5
canary_answers = 20
audit = 0.2
"""


def reviews(count: int) -> dict[str, str]:
    """Reviews that a linear model can learn, each a little different."""
    chance = random.Random(4)
    made = {}
    for number in range(count):
        label, words = chance.choice([("good", GOOD), ("bad", BAD)])
        made[f"Visit {number}: {' '.join(chance.choices(words, k=4))}"] = label
    return made


class Asking:
    """Asks one review after the other, a few at a time."""

    def __init__(self, product: Product, answers: dict[str, str]) -> None:
        self.product = product
        self.texts = iter(answers)
        self.last: dict = {}

    async def ask(self, count: int) -> list[dict]:
        headers = {"authorization": f"Bearer {self.product.key}"}
        async with aiohttp.ClientSession(self.product.root, headers=headers) as session:
            gate = asyncio.Semaphore(8)
            return await asyncio.gather(*(self._one(session, gate) for _ in range(count)))

    async def _one(self, session: aiohttp.ClientSession, gate: asyncio.Semaphore) -> dict:
        text = next(self.texts)
        body = {"model": "mood", "messages": [{"role": "user", "content": text}]}
        async with gate, session.post("/v1/chat/completions", json=body) as response:
            said = await response.json()
            assert response.status == 200, said
            assert response.headers.get("x-stepladder-release", "") == said["stepladder"]["ladder_release"]
            return {"text": text, "answer": said["choices"][0]["message"]["content"], **said["stepladder"]}


async def admin(product: Product, method: str, path: str) -> dict:
    headers = {"authorization": f"Bearer {product.key}"}
    async with (
        aiohttp.ClientSession(product.root, headers=headers) as session,
        session.request(method, path) as response,
    ):
        return await response.json()


@pytest.mark.timeout(180)
def test_a_task_steps_down_and_goes_back(tmp_path: Path) -> None:
    answers = reviews(12_000)
    config = write_config(
        tmp_path, recorded(tmp_path, answers), mood(more=FLYWHEEL), server="flywheel = true"
    )
    with Product(config) as product:
        asking = Asking(product, answers)

        def promoted() -> bool:
            asyncio.run(asking.ask(100))
            (task,) = asyncio.run(admin(product, "GET", "/admin/tasks"))["tasks"]
            return task["rollout"]["live"] is not None

        eventually(promoted, 120)
        said = asyncio.run(asking.ask(300))
        low = [answer for answer in said if answer["rung"] == "linear"]
        assert len(low) > 150
        assert all(answer["ladder_release"] and answer["release"] for answer in low)
        assert all(answer["cost"] == 0.0 for answer in low)
        assert sum(answers[answer["text"]] == answer["answer"] for answer in said) >= 270
        eventually(lambda: audited(tmp_path, low[0]["ladder_release"]) > 10)
        back = asyncio.run(admin(product, "POST", "/admin/tasks/mood/rollback"))
        assert back["rollout"]["live"] is None
        assert {answer["rung"] for answer in asyncio.run(asking.ask(30))} == {"big"}
    assert not [word for word in ("Traceback", "Fatal", "ERROR") if word in product.log()]


def audited(folder: Path, release: str) -> int:
    """How many low answers of a release the top has seen."""
    store = Store.open(f"sqlite:///{folder / 'stepladder-data' / 'stepladder.db'}")
    try:
        return sum(outcome.low for outcome in store.ledger.outcomes("mood", release))
    finally:
        store.close()
