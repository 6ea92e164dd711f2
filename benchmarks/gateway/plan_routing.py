"""A plan whose first step chooses the expert: the time to the first word of each step, routed by a ladder and by models.

    python -m benchmarks.gateway.plan_routing --data ../shared/data [--questions 120] [--write]

clinc150's ten domains are ten experts. The plans are the same but for who routes: `by_ladder` is a task whose linear rung is
fitted on training rows and believed from the confidence on at which, on the validation rows, at most 5 % of all questions are
routed otherwise than their label says (what it is less sure of goes to its top, the `chat` model); `by_chat` asks that model
alone, and `by_local` asks SmolLM2-135M on this machine (kind `local`, one thread). Both models may say nothing but a label.
Models but the local one are doubles on loopback that stream: the first token after `--first-ms`, then one every 20 ms; the
router's double always names the right domain. Questions (test rows) come `--at-once` at a time; server, doubles and client
share the machine, so that what is above the doubles' own delay holds their work too. Times of the steps are those of
`x-stepladder-steps`.
"""

import argparse
import asyncio
import datetime
import gzip
import json
import os
import platform
import random
import re
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web

from benchmarks.gateway import place
from demo.place import free_port
from stepladder.core import LadderRelease, Rollout
from stepladder.models import LinearModel
from stepladder.registry import Registry
from stepladder.store import Store
from stepladder.training import fit_linear

BETWEEN_SECONDS = 0.02
WORDS = 12
WARM = 8
WRONG = 0.05
ROUTERS = {"by_ladder": "router", "by_chat": "router", "by_local": "small"}
RESULTS = Path(__file__).parents[1] / "results"
Rows = list[dict[str, str]]


@dataclass
class Taken:
    """Milliseconds to the first word: of each step, and for the client. `right` experts, `low` routed by the rung."""

    route: list[float] = field(default_factory=list)
    expert: list[float] = field(default_factory=list)
    client: list[float] = field(default_factory=list)
    right: int = 0
    low: int = 0
    asked: int = 0


def rows(data: Path, split: str) -> Rows:
    """Questions of the ten domains."""
    with gzip.open(data / "clinc150.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [row for row in map(json.loads, lines) if row["split"] == split]


def config(domains: list[str]) -> str:
    """Both plans, a model for every domain, and the router."""
    models = "".join(
        f'[models.{name}]\nkind = "chat"\nbase_url = "http://127.0.0.1:{{upstream}}/v1"\nmodel = "{name}"\n'
        for name in ("router", *(f"expert_{domain}" for domain in domains))
    )
    experts = ", ".join(f'{domain} = "expert_{domain}"' for domain in domains)
    models += '[models.small]\nkind = "local"\nthreads = 1\n'
    labels = json.dumps(domains)
    tasks = "".join(
        f'[tasks.{plan}_route]\ntop = "{top}"\nrungs = {["linear"] if plan == "by_ladder" else []}\n'
        f'prompt = "Which domain is this about?"\nlabels = {labels}\n'
        for plan, top in ROUTERS.items()
    )
    plans = "".join(
        f'[[plans.{plan}.steps]]\nname = "route"\nuse = "{plan}_route"\nquiet = true\n'
        f'[[plans.{plan}.steps]]\nname = "expert"\nby = "route"\nexperts = {{{{ {experts} }}}}\nuse = "expert_{domains[0]}"\n'
        for plan in ROUTERS
    )
    return f'[server]\nport = 0\ndata = "data"\nflywheel = false\n{models}{tasks}{plans}'


@contextmanager
def doubles(right: Mapping[str, str], first: float) -> Iterator[int]:
    """The router and the experts, in a thread of their own; their port."""
    loop, port = asyncio.new_event_loop(), free_port()
    runner = web.AppRunner(_app(right, first))

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


def _app(right: Mapping[str, str], first: float) -> web.Application:
    frame = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}

    async def answer(request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read())
        await asyncio.sleep(first)
        if not body.get("stream"):
            text = right[body["messages"][-1]["content"]] if body["model"] == "router" else "yes"
            choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            return web.json_response(
                {**frame, "choices": [choice], "usage": {"prompt_tokens": 40, "completion_tokens": 3}}
            )
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for word in [*(["word "] * WORDS), None]:
            choice = {
                "index": 0,
                "delta": {"content": word} if word else {},
                "finish_reason": None if word else "stop",
            }
            data = json.dumps({**frame, "object": "chat.completion.chunk", "choices": [choice]})
            await response.write(f"data: {data}\n\n".encode())
            await asyncio.sleep(BETWEEN_SECONDS)
        await response.write(b"data: [DONE]\n\n")
        return response

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    return app


def believed_from(model: LinearModel, held: Rows) -> float:
    """The lowest confidence at which no more than `WRONG` of all held-out questions are believed and wrong."""
    guesses = [(model.predict(row["text"]), row["domain"]) for row in held]
    errors, threshold = 0, 1.0
    for guess, domain in sorted(guesses, key=lambda one: -one[0].confidence):
        errors += guess.text != domain
        if errors > WRONG * len(guesses):
            break
        threshold = guess.confidence
    return threshold


def fill(folder: Path, data: Path) -> str:
    """The fitted rung, live for the plan that is routed by a ladder; a client's key."""
    train, name = rows(data, "train"), "by_ladder_route"
    store = Store.open(f"sqlite:///{folder / 'data' / 'stepladder.db'}")
    try:
        registry = Registry(store.catalogue, folder / "data" / "releases")
        staged = folder / "staged"
        staged.mkdir()
        model = fit_linear([row["text"] for row in train], [row["domain"] for row in train]).model
        model.save(staged)
        rung = registry.admit(name, "linear", "linear", "benchmark", staged, {})
        thresholds = {"linear": believed_from(model, rows(data, "val"))}
        ladder = LadderRelease(f"{name}-1", name, 1, {"linear": rung.id}, thresholds, None, "router")
        store.catalogue.add_ladder_release(ladder)
        store.rollouts.put(Rollout(name, live=ladder.id, draw=0.0), "benchmark")
        return store.keys.create("load")
    finally:
        store.close()


async def ask(running: place.Running, plan: str, questions: Rows, at_once: int) -> Taken:
    """The questions to a plan, so many at a time; the first ones only warm up."""
    taken, room = Taken(), asyncio.Semaphore(at_once)
    url = f"http://127.0.0.1:{running.port}/v1/chat/completions"

    async def one(session: aiohttp.ClientSession, row: dict[str, str]) -> None:
        body = {"model": plan, "stream": True, "messages": [{"role": "user", "content": row["text"]}]}
        async with room:
            started = time.perf_counter()
            async with session.post(url, json=body) as response:
                assert response.status == 200, await response.text()
                await response.content.readuntil(b"word")
                first = (time.perf_counter() - started) * 1000
                await response.read()
                steps = response.headers["x-stepladder-steps"]
        route, expert = steps.split(", ")
        taken.route.append(_first(route))
        taken.expert.append(_first(expert))
        taken.client.append(first)
        taken.right += f"expert=expert_{row['domain']};" in expert
        taken.low += "rung=linear" in route
        taken.asked += 1

    headers = {"authorization": f"Bearer {running.key}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        await asyncio.gather(*(one(session, row) for row in questions[:WARM]))
        taken = Taken()
        await asyncio.gather(*(one(session, row) for row in questions[WARM:]))
    return taken


def _first(step: str) -> float:
    found = re.search(r"first_ms=([\d.]+)", step)
    assert found is not None
    return float(found[1])


def _row(taken: Taken) -> dict[str, float]:
    def at(values: list[float], percent: int) -> float:
        return round(sorted(values)[min(len(values) - 1, len(values) * percent // 100)], 1)

    times = {"route": taken.route, "expert": taken.expert, "client": taken.client}
    found = {
        f"{name}_p{percent}_ms": at(values, percent) for name, values in times.items() for percent in (50, 95)
    }
    return {
        **found,
        "routed_low": round(taken.low / taken.asked, 3),
        "right_expert": round(taken.right / taken.asked, 3),
        "asked": taken.asked,
    }


def measure(data: Path, count: int, first_ms: float, at_once: int) -> dict[str, dict[str, float]]:
    """Every plan over the same questions."""
    test = rows(data, "test")
    questions = random.Random(7).sample(test, count + WARM)
    domains = sorted({row["domain"] for row in test})
    right = {row["text"]: row["domain"] for row in test}
    found = {}
    with (
        doubles(right, first_ms / 1000) as upstream,
        place.serving(upstream, config=config(domains), fill=lambda folder: fill(folder, data)) as running,
    ):
        for plan in ROUTERS:
            load = round(os.getloadavg()[0], 2)
            found[plan] = {**_row(asyncio.run(ask(running, plan, questions, at_once))), "load_average": load}
            print(plan, found[plan], flush=True)
    return found


def page(about: Mapping[str, object], found: Mapping[str, Mapping[str, float]]) -> str:
    """The figures as Markdown."""
    lines = "".join(
        f"| `{plan}` | {row['route_p50_ms']:.1f} / {row['route_p95_ms']:.1f} | {row['expert_p50_ms']:.1f} / "
        f"{row['expert_p95_ms']:.1f} | {row['client_p50_ms']:.1f} / {row['client_p95_ms']:.1f} | "
        f"{row['routed_low']:.3f} | {row['right_expert']:.3f} | {row['asked']:.0f} | {row['load_average']:.1f} |\n"
        for plan, row in found.items()
    )
    return f"""# A plan with a routing step

`{about["command"]}`, {about["machine"]}, commit {about["commit"]}, {about["date"]}. Milliseconds to the first word, p50 / p95.
Experts and the router of `by_ladder` and `by_chat` are doubles whose first token takes {about["first_ms"]:.0f} ms; that
router is always right. `by_local` asks SmolLM2-135M, one thread. The load average is that at the start of each.

| plan | step `route` | step `expert` | client, whole plan | routed by the rung | right expert | asked | load |
|---|--:|--:|--:|--:|--:|--:|--:|
{lines}
![Milliseconds to the first word of each step](plan_routing.svg)
"""


def plot(found: Mapping[str, Mapping[str, float]], file: Path) -> None:
    """The steps' medians upon one another."""
    import pygal

    # Its import hook is of a kind that Python has dropped, and warns at every import after it.
    sys.meta_path[:] = [hook for hook in sys.meta_path if type(hook).__module__ != "pygal"]
    title = "Milliseconds to the first word, median of each step"
    chart = pygal.HorizontalStackedBar(title=title, js=[], disable_xml_declaration=True, height=300)
    chart.x_labels = list(found)
    for step in ("route", "expert"):
        chart.add(step, [row[f"{step}_p50_ms"] for row in found.values()])
    file.write_text(chart.render())


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--questions", type=int, default=120)
    parser.add_argument("--first-ms", type=float, default=500.0)
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="results/plan_routing.json, .md and .svg")
    given = parser.parse_args()
    options = f"--questions {given.questions} --first-ms {given.first_ms:g} --at-once {given.at_once}"
    about: dict[str, object] = {
        "command": f"python -m benchmarks.gateway.plan_routing --data ../shared/data {options} --write",
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "commit": place.commit(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "first_ms": given.first_ms,
    }
    found = measure(given.data, given.questions, given.first_ms, given.at_once)
    if given.write:
        (RESULTS / "plan_routing.json").write_text(json.dumps({**about, "plans": found}, indent=1) + "\n")
        (RESULTS / "plan_routing.md").write_text(page(about, found))
        plot(found, RESULTS / "plan_routing.svg")


if __name__ == "__main__":
    main()
