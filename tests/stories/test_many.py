"""Many streams at once, wave after wave: all are whole, all are written down, and memory does not grow.

The large form, with 2,000 at once and 200,000 requests, is `python -m benchmarks.gateway.endurance`.
"""

import asyncio
import os
from pathlib import Path

import aiohttp
import pytest

from stepladder.store import Store
from tests.product import Product, recorded, write_config

AT_ONCE, WAVES = 300, 5
ANSWERS = {"Tell me more": "It is a long story. " * 20}

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="Reads a process's memory from /proc."
)


def rss_mb(product: Product) -> float:
    assert product.process is not None
    pages = int(Path(f"/proc/{product.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def wave(product: Product) -> set[str]:
    """The request ids of so many streams, all of them open before the first one ends."""
    body = {"model": "big", "messages": [{"role": "user", "content": "Tell me more"}], "stream": True}

    async def one(session: aiohttp.ClientSession) -> str:
        async with session.post(f"{product.url}/chat/completions", json=body) as response:
            data = await response.read()
            assert response.status == 200 and data.endswith(b"data: [DONE]\n\n")
            return response.headers["x-stepladder-request-id"]

    connector = aiohttp.TCPConnector(limit=0)
    headers = {"authorization": f"Bearer {product.key}"}
    async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
        return set(await asyncio.gather(*(one(session) for _ in range(AT_ONCE))))


def test_many_streams_at_once_end_whole_and_leave_no_memory_behind(tmp_path):
    config = write_config(tmp_path, recorded(tmp_path, ANSWERS, delay_ms=1000))
    with Product(config) as product:
        ids = asyncio.run(wave(product))
        after_first = rss_mb(product)
        for _ in range(WAVES - 1):
            ids |= asyncio.run(wave(product))
        grown = rss_mb(product) - after_first
    assert len(ids) == AT_ONCE * WAVES
    assert grown < 15, f"{WAVES - 1} more waves took {grown:.1f} MB"
    store = Store.open(f"sqlite:///{tmp_path / 'stepladder-data' / 'stepladder.db'}")
    try:
        assert {row.id for row in store.ledger.plain(limit=2 * len(ids))} == ids
    finally:
        store.close()
