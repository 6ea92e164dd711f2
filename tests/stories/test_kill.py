"""kill -9 in the middle of a stream of questions: no answer that a client had whole is missing from the ledger."""

import asyncio
import json
import os
import random
from contextlib import suppress
from itertools import count
from pathlib import Path

import aiohttp
import pytest

from stepladder.store import Store
from tests.product import Product, mood, recorded, write_config

ROUNDS = int(os.environ.get("STEPLADDER_KILL_ROUNDS", "20"))
CLIENTS = 24
ANSWERS = {f"Question {number}: 好不好?": ("good", "bad")[number % 2] for number in range(500)}
KINDS = [(model, stream) for model in ("mood", "big") for stream in (False, True)]


class Clients:
    """Many clients at once, who remember every answer that they had whole."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.whole: dict[str, tuple[str, str]] = {}
        self.kinds: set[tuple[str, bool]] = set()

    async def ask_on(self, session: aiohttp.ClientSession, numbers: "count[int]") -> None:
        with suppress(aiohttp.ClientError, ConnectionError, asyncio.IncompleteReadError):
            for number in numbers:
                await self._ask(session, f"Question {number % 500}: 好不好?", *KINDS[number % 4])

    async def _ask(self, session: aiohttp.ClientSession, text: str, model: str, stream: bool) -> None:
        body = {"model": model, "messages": [{"role": "user", "content": text}], "stream": stream}
        async with session.post(f"{self.product.url}/chat/completions", json=body) as response:
            assert response.status == 200, await response.text()
            data = (await response.read()).decode()
        if stream:
            assert data.endswith("data: [DONE]\n\n"), "a stream that ends well has its end mark"
            events = [json.loads(line[6:]) for line in data.split("\n\n") if line and "[DONE]" not in line]
            said = "".join(event["choices"][0]["delta"].get("content") or "" for event in events)
        else:
            said = json.loads(data)["choices"][0]["message"]["content"]
        self.whole[response.headers["x-stepladder-request-id"]] = (text, said)
        self.kinds.add((model, stream))


async def until_killed(product: Product, clients: Clients, seconds: float) -> None:
    headers = {"authorization": f"Bearer {product.key}"}
    numbers = count()
    async with aiohttp.ClientSession(headers=headers) as session:
        asking = [asyncio.create_task(clients.ask_on(session, numbers)) for _ in range(CLIENTS)]
        while len(clients.whole) <= CLIENTS:  # noqa: ASYNC110 the clients only count
            await asyncio.sleep(0.01)
        await asyncio.sleep(seconds)
        product.kill()
        await asyncio.gather(*asking)


@pytest.mark.timeout(180)
def test_no_answered_question_is_missing_after_kill_9(tmp_path: Path) -> None:
    config = write_config(tmp_path, recorded(tmp_path, ANSWERS, delay_ms=3), mood())
    product = Product(config)
    chance = random.Random(20)
    kinds = set()
    for _ in range(ROUNDS):
        product.start()
        clients = Clients(product)
        asyncio.run(until_killed(product, clients, chance.uniform(0.0, 0.25)))
        assert len(clients.whole) > CLIENTS
        kinds |= clients.kinds
        store = Store.open(f"sqlite:///{tmp_path / 'stepladder-data' / 'stepladder.db'}")
        try:
            rows = {id: store.ledger.get(id) for id in clients.whole}
        finally:
            store.close()
        for id, (text, said) in clients.whole.items():
            row = rows[id]
            assert row is not None, "an answer that was given is not in the ledger"
            assert (row.text, row.answer, row.status) == (text, said, "ok")
    assert kinds == set(KINDS)
    with product:
        assert product.process is not None and product.process.poll() is None
