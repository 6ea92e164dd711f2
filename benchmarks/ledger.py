"""What a committed ledger row costs: CPU a row, rows a second and how long a caller waits.

Run: python -m benchmarks.ledger [--rows 20000] [--clients 64] [--chars 200] [--durability process|power]
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from stepladder.store import LedgerRow, Store


async def load(store: Store, rows: int, clients: int, chars: int) -> list[float]:
    """Commit `rows` rows of `chars` characters from `clients` callers; the seconds each waited, sorted."""
    waits = []
    text = "词 and words " * (chars // 12) + "." * (chars % 12)

    async def client(name: int) -> None:
        for number in range(rows // clients):
            started = time.perf_counter()
            row = LedgerRow(
                f"chatcmpl-{name}-{number}",
                time.time(),
                "acme",
                "mood",
                "gpt",
                text,
                answer="good",
                rung="linear",
            )
            await store.ledger.commit(row)
            waits.append(time.perf_counter() - started)

    await asyncio.gather(*(client(name) for name in range(clients)))
    return sorted(waits)


def main() -> None:
    """Measure, and print one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--chars", type=int, default=200)
    parser.add_argument("--durability", default="process", choices=["process", "power"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(f"sqlite:///{Path(folder)}/stepladder.db", durability=given.durability)
        cpu, wall = time.process_time(), time.perf_counter()
        waits = asyncio.run(load(store, given.rows, given.clients, given.chars))
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        store.close()
    rows = len(waits)
    p50, p99 = (waits[rows * percent // 100] * 1e3 for percent in (50, 99))
    print(
        f"{rows} rows, {given.clients} clients, {given.chars} characters: {cpu / rows * 1e6:.1f} us CPU a row"
        f" ({rows / cpu:,.0f} a CPU-second), {rows / wall:,.0f} a second, wait p50 {p50:.2f} ms, p99 {p99:.2f} ms"
    )


if __name__ == "__main__":
    main()
