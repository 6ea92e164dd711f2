"""Intents over HTTP: how long a client waits for an answer of the linear rung, the encoder, both as a ladder, and a model with
500 ms.

    python -m benchmarks.gateway.intent --data ../shared/data [--rate 20] [--seconds 10] [--rounds 3] [--write]

2,000 of banking77's training rows fit both rungs. By itself each is believed always: speed is what is measured. As a ladder,
`linear` is believed from the confidence on at which 97 % of its answers to rows that it had not seen were right; the encoder
answers the rest. Test questions come at a constant rate from one client, in every round others, since an embedder remembers
the vectors that it gave. The model is an OpenAI-compatible upstream on loopback that takes 500 ms and answers with one of the
task's labels. Linux; server and client share the machine, so every round is told, and the one with the least p99 is
the one shown.
"""

import argparse
import asyncio
import datetime
import gzip
import json
import os
import platform
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path

from aiohttp import web

from benchmarks.gateway import load, place
from demo.place import free_port
from stepladder.core import Guess, LadderRelease, Rollout
from stepladder.registry import Registry
from stepladder.store import Store
from stepladder.training import fit_encoder, fit_linear

RESULTS = Path(__file__).parents[1] / "results"
DELAY_SECONDS = 0.5
TASKS = ("linear", "encoder", "both", "chat")
RUNGS = {"linear": ("linear",), "encoder": ("encoder",), "both": ("linear", "encoder")}
RIGHT = 0.97
CONFIG = """
[server]
port = 0
data = "data"
flywheel = false
[models.big]
kind = "chat"
base_url = "http://127.0.0.1:{{upstream}}/v1"
model = "big"
[tasks.linear]
top = "big"
rungs = ["linear"]
prompt = "Which intent?"
labels = {labels}
[tasks.encoder]
top = "big"
rungs = ["encoder"]
prompt = "Which intent?"
labels = {labels}
[tasks.both]
top = "big"
rungs = ["linear", "encoder"]
prompt = "Which intent?"
labels = {labels}
[tasks.chat]
top = "big"
prompt = "Which intent?"
labels = {labels}
"""
Rows = list[dict[str, str]]


def rows(data: Path, split: str) -> Rows:
    """Texts and labels."""
    with gzip.open(data / "banking77.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [row for row in map(json.loads, lines) if row["split"] == split]


@contextmanager
def slow_model(label: str) -> Iterator[int]:
    """An upstream that says `label` after a while, in a thread of its own; its port."""
    loop, port = asyncio.new_event_loop(), free_port()
    runner = web.AppRunner(_app(label))

    async def start() -> None:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(start(), loop).result()
    try:
        yield port
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _app(label: str) -> web.Application:
    async def answer(request: web.Request) -> web.Response:
        await request.read()
        await asyncio.sleep(DELAY_SECONDS)
        choice = {"index": 0, "message": {"role": "assistant", "content": label}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 40, "completion_tokens": 3, "total_tokens": 43}
        said = {"id": "c", "object": "chat.completion", "created": 1, "model": "big"}
        return web.json_response({**said, "choices": [choice], "usage": usage})

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    return app


def fill(folder: Path, train: Rows) -> str:
    """The rungs and the ladder of both, live; a client's key."""
    texts, labels = [row["text"] for row in train], [row["label"] for row in train]
    linear, encoder = fit_linear(texts, labels), fit_encoder(texts, labels)
    sure = believed(linear.guesses, labels)
    store = Store.open(f"sqlite:///{folder / 'data' / 'stepladder.db'}")
    try:
        registry = Registry(store.catalogue, folder / "data" / "releases")
        for task, names in RUNGS.items():
            releases = {}
            for name in names:
                staged = folder / f"staged-{task}-{name}"
                staged.mkdir()
                (linear if name == "linear" else encoder).model.save(staged)
                releases[name] = registry.admit(task, name, name, "benchmark", staged, {}).id
            thresholds = {name: sure if task == "both" and name == "linear" else 0.0 for name in names}
            ladder = LadderRelease(f"{task}-1", task, 1, releases, thresholds, None, "big")
            store.catalogue.add_ladder_release(ladder)
            store.rollouts.put(Rollout(task, live=ladder.id, draw=0.0), "benchmark")
        return store.keys.create("load")
    finally:
        store.close()


def believed(guesses: Sequence[Guess], labels: Sequence[str]) -> float:
    """The least confidence from which on so many are right as asked for."""
    right, sure = 0, 2.0
    ranked = sorted(zip(guesses, labels, strict=True), key=lambda pair: -pair[0].confidence)
    for seen, (guess, label) in enumerate(ranked, 1):
        right += guess.text == label
        if right >= RIGHT * seen:
            sure = guess.confidence
    return sure


def ask(running: place.Running, task: str, text: str) -> load.Target:
    """A test question to a task."""
    data = place.body(task, text=text)
    return load.Target("127.0.0.1", running.port, place.request(running.port, running.key, data), False)


async def through(running: place.Running, task: str, texts: list[str], rate: float) -> load.Outcome:
    """The questions at a rate, whatever the answers do; the first 20 only warm up."""
    whole = load.Outcome()
    for text in texts[:20]:
        await load.opened(ask(running, task, text), 1000, 0.001, connections=1)
    asking = []
    for text in texts[20:]:
        asking.append(asyncio.create_task(load.opened(ask(running, task, text), 1000, 0.001, connections=1)))
        await asyncio.sleep(1 / rate)
    for outcome in await asyncio.gather(*asking):
        whole.taken += outcome.taken
        whole.bad += outcome.bad
    return whole


def measure(data: Path, rate: float, seconds: float, rounds: int) -> dict[str, list[dict[str, float]]]:
    """p50 and p99 of every task, round by round."""
    train, test = rows(data, "train")[::5], rows(data, "test")
    labels = sorted({row["label"] for row in train})
    each = int(rate * seconds) + 20
    texts = [row["text"] for row in test][
        : 2 * each * rounds
    ]  # half of them for the ladder: vectors are remembered
    if len(texts) < 2 * each * rounds:
        raise SystemExit(f"{len(test)} test questions are too few for {rounds} rounds of {each}.")
    config = CONFIG.format(labels=json.dumps(labels))
    found: dict[str, list[dict[str, float]]] = {task: [] for task in TASKS}
    with (
        slow_model(labels[0]) as upstream,
        place.serving(upstream, config=config, fill=lambda folder: fill(folder, train)) as running,
    ):
        for number, task in product(range(rounds), TASKS):
            load_average = round(os.getloadavg()[0], 2)
            asked = texts[each * (number + rounds * (task == "both")) :][:each]
            outcome = asyncio.run(through(running, task, asked, rate))
            row = {
                "p50_ms": round(outcome.percentile(50), 2),
                "p99_ms": round(outcome.percentile(99), 2),
                "asked": len(outcome.taken),
                "bad": outcome.bad,
                "load_average": load_average,
            }
            found[task].append(row)
            print(task, row, flush=True)
    return found


def page(about: dict[str, object], found: dict[str, list[dict[str, float]]]) -> str:
    """The figures as Markdown."""
    lines, note = "", f"\n{about['note']}\n" if "note" in about else ""
    for task, rows in found.items():
        best = min(rows, key=lambda row: row["p99_ms"])
        others = ", ".join(f"{row['p99_ms']:.1f}" for row in rows)
        lines += (
            f"| {task} | {best['p50_ms']:.1f} | {best['p99_ms']:.1f} | {best['load_average']:.1f} | {others} |"
            f" {best['asked']:.0f} | {sum(row['bad'] for row in rows):.0f} |\n"
        )
    return f"""# Intents over HTTP

`{about["command"]}` on {about["machine"]}, commit {about["commit"]}, {
        about["date"]
    }. `chat` is a model that takes
{DELAY_SECONDS * 1000:.0f} ms; `both` is a ladder, whose `linear` is believed where {
        RIGHT:.0%} of its answers were right. Shown is the round with the least p99; the load average is that at its start.

| task answered by | p50 ms | p99 ms | load | p99 of all rounds | asked in each | bad in all |
|---|---|---|---|---|---|---|
{lines}{note}"""


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="write results/intent.json and .md")
    given = parser.parse_args()
    options = f"--rate {given.rate:g} --seconds {given.seconds:g} --rounds {given.rounds}"
    about: dict[str, object] = {
        "command": f"python -m benchmarks.gateway.intent --data ../shared/data {options} --write",
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "commit": place.commit(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
    found = measure(given.data, given.rate, given.seconds, given.rounds)
    if given.write:
        (RESULTS / "intent.json").write_text(json.dumps({**about, "tasks": found}, indent=1) + "\n")
        (RESULTS / "intent.md").write_text(page(about, found))


if __name__ == "__main__":
    main()
