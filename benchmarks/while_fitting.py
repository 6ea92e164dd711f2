"""How much slower are answers while the flywheel fits?

    python benchmarks/while_fitting.py --rounds 5

Each round starts the real server twice over the same ledger of 8,000 labelled reviews: once without the flywheel (idle), once
with it, measured from the moment it reports that it fits until it stops. An open-loop client asks a linear-sized question 50
times a second; latency counts from the time a question was due. Reports the median over the rounds of each round's p50 and
p99, and writes results/while_fitting.json and .md beside this file.
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

from demo.place import free_port
from demo.reviews import Review, reviews
from stepladder.store import LedgerRow, Store

HERE = Path(__file__).parent
RATE, ROWS, MOST_SECONDS = 50.0, 8000, 20.0
CONFIG = """
[server]
port = {port}
data = "data"
flywheel = {flywheel}
[models.teacher]
kind = "recorded"
path = "teacher.jsonl"
delay_ms = 2
[tasks.sentiment]
top = "teacher"
labels = ["positive", "negative"]
[tasks.sentiment.flywheel]
labels = {rows}
"""


def fill(folder: Path, rows: list[Review]) -> str:
    """A ledger full of the top's answers, and a client's key."""
    with (folder / "teacher.jsonl").open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps({"input": row.text, "answer": row.label}) + "\n")
    (folder / "data").mkdir()
    store = Store.open(f"sqlite:///{folder / 'data' / 'stepladder.db'}")
    store.ledger.write_many(
        LedgerRow(
            f"old{n}",
            0.0,
            "",
            "sentiment",
            "teacher",
            row.text,
            answer=row.label,
            rung="teacher",
            top=True,
            drawn=True,
        )
        for n, row in enumerate(rows)
    )
    key = store.keys.create("benchmark")
    store.close()
    return key


async def latencies(port: int, key: str, rows: list[Review], fitting: bool) -> list[float]:
    """Milliseconds of each answer, while the server is idle or as long as the flywheel fits."""
    url = f"http://127.0.0.1:{port}"
    taken: list[float] = []
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:
        await _ready(session, url)
        if fitting:
            await _until(session, url, fits=True)
        begun = time.monotonic()
        asking = []
        for number in range(int(RATE * MOST_SECONDS)):
            due = begun + number / RATE
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            asking.append(asyncio.create_task(_ask(session, url, rows[number].text, due, taken)))
            if fitting and number % 10 == 9 and not await _fits(session, url):
                break
        await asyncio.gather(*asking)
    return taken


async def _ask(session: aiohttp.ClientSession, url: str, text: str, due: float, taken: list[float]) -> None:
    body = {"model": "sentiment", "messages": [{"role": "user", "content": text}]}
    async with session.post(f"{url}/v1/chat/completions", json=body) as response:
        assert response.status == 200, await response.text()
        await response.read()
    taken.append((time.monotonic() - due) * 1000)


async def _fits(session: aiohttp.ClientSession, url: str) -> bool:
    async with session.get(f"{url}/metrics") as response:
        text = await response.text()
    return any('stage="fit"' in line for line in text.splitlines() if not line.startswith("#"))


async def _until(session: aiohttp.ClientSession, url: str, *, fits: bool) -> None:
    for _ in range(600):
        if await _fits(session, url) is fits:
            return
        await asyncio.sleep(0.05)
    raise SystemExit("The flywheel did not begin to fit.")


async def _ready(session: aiohttp.ClientSession, url: str) -> None:
    for _ in range(200):
        try:
            async with session.get(f"{url}/readyz") as response:
                if response.status == 200:
                    return
        except aiohttp.ClientError:
            pass
        await asyncio.sleep(0.1)
    raise SystemExit("The server did not get ready.")


def measure(rows: list[Review], fitting: bool) -> dict[str, float]:
    """One server, one measurement."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        key = fill(folder, rows)
        text = CONFIG.format(port=port, flywheel=str(fitting).lower(), rows=ROWS)
        (folder / "stepladder.toml").write_text(text, encoding="utf-8")
        server = subprocess.Popen(
            [sys.executable, "-m", "stepladder", "serve"],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        try:
            taken = sorted(asyncio.run(latencies(port, key, rows, fitting)))
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)
    return {
        "answers": len(taken),
        "p50": statistics.median(taken),
        "p99": taken[min(len(taken) - 1, int(len(taken) * 0.99))],
    }


def main() -> None:
    """Alternate, so that whatever else the machine does falls on both alike."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=HERE / "results")
    options = parser.parse_args()
    rows = reviews(0, ROWS)
    found: dict[str, list[dict[str, float]]] = {"idle": [], "fitting": []}
    for _ in range(options.rounds):
        for name, fitting in (("idle", False), ("fitting", True)):
            found[name].append(measure(rows, fitting))
            print(name, found[name][-1], flush=True)
    medians = {
        name: {key: statistics.median(one[key] for one in runs) for key in ("p50", "p99")}
        for name, runs in found.items()
    }
    ratio = medians["fitting"]["p99"] / medians["idle"]["p99"]
    options.out.mkdir(exist_ok=True)
    figures = {"rounds": found, "medians": medians, "p99_ratio": ratio}
    (options.out / "while_fitting.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    lines = "\n".join(f"| {name} | {one['p50']:.2f} | {one['p99']:.2f} |" for name, one in medians.items())
    page = f"""# Answers while the flywheel fits

`python benchmarks/while_fitting.py --rounds {options.rounds}` on 2 cores, client and server and flywheel sharing them; {RATE:g}
questions a second answered by a recorded top after 2 ms, each committed to the ledger; fit of {ROWS:,} reviews. Medians over
{options.rounds} rounds; the p99 while fitting is **{ratio:.2f} times** the idle one.

| server | p50 ms | p99 ms |
|---|---|---|
{lines}
"""
    (options.out / "while_fitting.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
