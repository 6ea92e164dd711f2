"""A product is delisted: how soon does the next answer say so, with warm caches and a promoted linear rung?

    python benchmarks/delisted.py

A server steps a task down by itself; then every question is asked twice, so that its answer is kept; then a dictionary
entry changes each answer in turn by the admin API, and the question is asked again. Milliseconds of the edit's own
request, and from its end until the changed answer is there whole. Writes results/delisted.json beside this file.
"""

import asyncio
import datetime
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

from benchmarks.while_fitting import _ready, fill
from demo.place import free_port
from demo.reviews import reviews

HERE = Path(__file__).parent
EDITS = 200
CONFIG = """
[server]
port = {port}
data = "data"
[models.teacher]
kind = "recorded"
path = "teacher.jsonl"
[tasks.sentiment]
top = "teacher"
labels = ["positive", "negative"]
cache_seconds = 3600
[tasks.sentiment.promise]
target = 0.8
[tasks.sentiment.flywheel]
labels = 500
calibration = 100
canary = 1.0
canary_answers = 20
"""


async def measure(url: str, key: str, texts: list[str]) -> dict[str, object]:
    """Step down, warm up, edit."""
    async with aiohttp.ClientSession(url, headers={"Authorization": f"Bearer {key}"}) as session:
        await _ready(session, url)

        async def ask(text: str) -> tuple[str, str, str]:
            body = {"model": "sentiment", "messages": [{"role": "user", "content": text}]}
            async with session.post("/v1/chat/completions", json=body) as response:
                said = await response.json()
                hit = response.headers.get("x-stepladder-cache", "")
            return said["choices"][0]["message"]["content"], said["stepladder"]["rung"], hit

        left = iter(texts)
        for _ in range(400):
            rungs = [(await ask(next(left)))[1] for _ in range(10)]
            if rungs.count("linear") > 5:
                break
            await asyncio.sleep(0.1)
        else:
            raise SystemExit("The task did not step down.")
        kept = [text for _, text in zip(range(EDITS), left, strict=False)]
        before = [(await ask(text), await ask(text))[1] for text in kept]
        edits, answers = [], []
        for text, (said, _, _) in zip(kept, before, strict=True):
            other = "negative" if said == "positive" else "positive"
            began = time.perf_counter()
            entry = {"key": text, "answer": other, "kind": "exact"}
            async with session.put("/admin/tasks/sentiment/dictionary", json=entry) as response:
                assert response.status == 200, await response.text()
                await response.read()
            done = time.perf_counter()
            now = await ask(text)
            answers.append((time.perf_counter() - done) * 1000)
            edits.append((done - began) * 1000)
            assert now == (other, "dictionary", ""), now
    return {
        "edits": len(edits),
        "kept_before": sum(hit == "hit" for _, _, hit in before),
        "linear_before": sum(rung == "linear" for _, rung, _ in before),
        "edit_ms": _spread(edits),
        "next_answer_ms": _spread(answers),
    }


def _spread(taken: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(taken, n=100)
    return {"p50": round(cuts[49], 2), "p99": round(cuts[98], 2), "max": round(max(taken), 2)}


def main() -> None:
    """One server, then the figures."""
    rows = reviews(0, 6000)
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        fill(folder, rows)
        (folder / "stepladder.toml").write_text(CONFIG.format(port=port), encoding="utf-8")
        command = [sys.executable, "-m", "stepladder", "key", "create", "editor", "--role", "operator"]
        made = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
        key = next(word for word in made.stdout.split() if word.startswith("sl-"))
        server = subprocess.Popen(
            [sys.executable, "-m", "stepladder", "serve"],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        try:
            found = asyncio.run(measure(f"http://127.0.0.1:{port}", key, [row.text for row in rows]))
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)
    figures = {
        "command": "python benchmarks/delisted.py",
        "machine": f"server and client on 2 shared cores, Python {platform.python_version()}",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        **found,
    }
    (HERE / "results" / "delisted.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
