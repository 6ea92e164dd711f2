"""Does memory grow? 200,000 requests, and 2,000 streams at once, wave after wave. Linux.

    python -m benchmarks.gateway.endurance [--requests 200000] [--streams 2000] [--waves 5] [--write]

The gateway's resident memory is read after every tenth of the requests (plain, streamed, kept and low answers in turn),
and after every wave of streams that are all open at the same time. Every answer must be whole, and have its row.
"""

import argparse
import asyncio
import datetime
import json
import os
import platform
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from benchmarks.gateway import load, place

RESULTS = Path(__file__).parents[1] / "results"
KINDS = (("mock", False), ("mock", True), ("kept", False), ("topic", False))
CONNECTIONS = 32
GAP = 0.5  # of a stream's chunks: 22 pieces, so that a wave takes 11 seconds at least


async def some(targets: list[load.Target], count: int) -> int:
    """So many requests over kept connections, the targets in turn; how many answers were not whole."""
    left, bad = count, 0

    async def client(number: int) -> None:
        nonlocal left, bad
        target = targets[number % len(targets)]
        connection = await load.connect(target)
        while left > 0:
            left -= 1
            bad += not await connection.ask()
        connection.close()

    await asyncio.gather(*(client(number) for number in range(CONNECTIONS)))
    return bad


async def wave(target: load.Target, streams: int) -> tuple[int, float]:
    """So many streams at once, each on a connection of its own; how many were not whole, and the seconds it took."""
    begun = time.perf_counter()

    async def client() -> bool:
        connection = await load.connect(target)
        whole = await connection.ask()
        connection.close()
        return whole

    whole = await asyncio.gather(*(client() for _ in range(streams)))
    return streams - sum(whole), time.perf_counter() - begun


def rows(running: place.Running) -> int:
    """How many answers are in the ledger."""
    with closing(sqlite3.connect(running.folder / "data" / "stepladder.db")) as connection:
        return int(connection.execute("SELECT count(*) FROM ledger WHERE status = 'ok'").fetchone()[0])


def aim(running: place.Running, model: str, *, stream: bool) -> load.Target:
    """What is asked."""
    data = place.body(model, stream=stream)
    return load.Target("127.0.0.1", running.port, place.request(running.port, running.key, data), stream)


def requests(count: int) -> dict[str, object]:
    """Many requests, one after the other on 32 connections."""
    with place.upstream(None) as upstream, place.serving(upstream) as running:
        targets = [aim(running, model, stream=stream) for model, stream in KINDS]
        bad, memory = 0, [round(place.rss_mb(running.process.pid), 1)]
        for _ in range(10):
            bad += asyncio.run(some(targets, count // 10))
            memory.append(round(place.rss_mb(running.process.pid), 1))
            print("requests", memory[-1], bad, flush=True)
        return {"requests": count, "bad": bad, "rows": rows(running), "rss_mb": memory}


def streams(count: int, waves: int) -> dict[str, object]:
    """Many streams open at once, several times."""
    with place.upstream(None, GAP) as upstream, place.serving(upstream, config=_wide(count)) as running:
        target = aim(running, "mock", stream=True)
        bad, taken, memory = 0, [], [round(place.rss_mb(running.process.pid), 1)]
        for _ in range(waves):
            before = place.cpu_seconds(running.process.pid)
            wrong, seconds = asyncio.run(wave(target, count))
            bad += wrong
            memory.append(round(place.rss_mb(running.process.pid), 1))
            used = place.cpu_seconds(running.process.pid) - before
            taken.append({"seconds": round(seconds, 1), "cpu_seconds": round(used, 1)})
            print("streams", memory[-1], bad, taken[-1], flush=True)
        return {
            "streams": count,
            "chunks_each": 22,
            "gap_seconds": GAP,
            "bad": bad,
            "rows": rows(running),
            "rss_mb": memory,
            "waves": taken,
        }


def _wide(count: int) -> str:
    """The usual configuration, with room for so many at the upstream."""
    return place.CONFIG.replace('model = "mock"\n', f'model = "mock"\nconcurrency = {count}\n', 1)


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--streams", type=int, default=2000)
    parser.add_argument("--waves", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="write results/endurance.json")
    given = parser.parse_args()
    found = {
        "command": f"python -m benchmarks.gateway.endurance --requests {given.requests}"
        f" --streams {given.streams} --waves {given.waves} --write",
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "one_after_the_other": requests(given.requests) if given.requests else None,
        "at_once": streams(given.streams, given.waves) if given.streams else None,
    }
    print(json.dumps(found, indent=1))
    if given.write:
        (RESULTS / "endurance.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
