"""A roll back: how long do several workers go on with the release that was taken back?

    python -m benchmarks.rollback [--times 20] [--workers 3]

A server of several workers answers a task by a linear release, asked without a pause over new connections, so that every
worker gets questions. The release is rolled back by the admin API, and put live again, in turn. *Stale* is the time from
the end of the roll back's own request until the last question was begun that the old release still answered; 0 where none was.
Writes results/rollback.json beside this file.
"""

import argparse
import datetime
import http.client
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from stepladder.core import Certificate, Example, LadderRelease, Rollout, Task
from stepladder.data import freeze
from stepladder.registry import Registry
from stepladder.store import Store
from stepladder.training import admit, fit

HERE = Path(__file__).parent
ASKERS = 4
CONFIG = """
[server]
port = 0
data = "data"
flywheel = false
workers = {workers}
[models.teacher]
kind = "recorded"
path = "teacher.jsonl"
[tasks.mood]
top = "teacher"
labels = ["good", "bad"]
"""
TEXTS = [f"{'lovely' if n % 2 else 'awful'} soup {n}" for n in range(200)]


def prepare(folder: Path, workers: int) -> None:
    """A store with a linear release that is live."""
    (folder / "data").mkdir()
    (folder / "stepladder.toml").write_text(CONFIG.format(workers=workers), encoding="utf-8")
    said = ["good" if n % 2 else "bad" for n in range(len(TEXTS))]
    lines = [json.dumps({"input": text, "answer": label}) for text, label in zip(TEXTS, said, strict=True)]
    (folder / "teacher.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    store = Store.open(f"sqlite:///{folder / 'data' / 'stepladder.db'}")
    registry = Registry(store.catalogue, folder / "data" / "releases")
    task = Task("mood", "teacher", labels=("good", "bad"), recipes={"linear": {"bits": 12}})
    rows = [Example(str(n), text, label) for n, (text, label) in enumerate(zip(TEXTS, said, strict=True))]
    dataset = freeze("mood", {"train": rows})
    fitted = fit(task, dataset, folder / "staged", lambda done, total, what: None)
    rungs = admit(registry, dataset, folder / "staged", fitted, task)
    certificate = Certificate("exact rule", 100, 0.9, 0.05, 500, 0, 4, 1.0)
    store.catalogue.add_ladder_release(
        LadderRelease("mood-1", "mood", 1, rungs, {"linear": 0.0}, certificate, "top")
    )
    store.rollouts.put(Rollout("mood", live="mood-1"), "The benchmark begins.")
    store.close()


class Askers:
    """Threads that ask without a pause; each answer with when it was begun and by which rung it was given."""

    def __init__(self, place: tuple[str, int], key: str) -> None:
        self._place, self._key = place, key
        self.answers: list[tuple[float, str]] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(k,)) for k in range(ASKERS)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, number: int) -> None:
        count = number
        while not self._over.is_set():
            count += ASKERS
            body = {"model": "mood", "messages": [{"role": "user", "content": TEXTS[count % len(TEXTS)]}]}
            began = time.monotonic()
            said = posted(self._place, self._key, "/v1/chat/completions", body)
            self.answers.append((began, said.get("stepladder", {}).get("rung", "error")))


def posted(place: tuple[str, int], key: str, path: str, body: Any) -> dict[str, Any]:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection(*place, timeout=30)
    try:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        connection.request("POST", path, json.dumps(body), headers)
        found: dict[str, Any] = json.loads(connection.getresponse().read())
        return found
    finally:
        connection.close()


def measured(folder: Path, place: tuple[str, int], key: str, times: int) -> list[dict[str, Any]]:
    """Roll back and put live again."""
    store = Store.open(f"sqlite:///{folder / 'data' / 'stepladder.db'}")
    askers = Askers(place, key)
    found = []
    try:
        for _ in range(times):
            seen_from(askers, "linear")
            began = time.monotonic()
            posted(place, key, "/admin/tasks/mood/rollback", {})
            done = time.monotonic()
            time.sleep(2)
            after = [(at - done, rung) for at, rung in list(askers.answers) if at > done]
            stale = [at for at, rung in after if rung == "linear"]
            found.append(
                {
                    "request_ms": round((done - began) * 1000, 1),
                    "stale_ms": round(max(stale, default=0.0) * 1000, 1),
                    "asked_after": len(after),
                    "answered_by_it": len(stale),
                    "errors": sum(rung == "error" for _, rung in after),
                }
            )
            store.rollouts.put(replace(store.rollouts.get("mood"), live="mood-1"), "Once more.")
    finally:
        askers.close()
        store.close()
    return found


def seen_from(askers: Askers, rung: str) -> None:
    """Wait until the last fifty answers came from it."""
    deadline = time.monotonic() + 60
    while [one for _, one in askers.answers[-50:]] != [rung] * 50:
        if time.monotonic() > deadline:
            raise SystemExit(f"{rung} does not answer: {askers.answers[-3:]}")
        time.sleep(0.05)


def main() -> None:
    """A server, and the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--workers", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rollback-") as name:
        folder = Path(name)
        prepare(folder, given.workers)
        made = subprocess.run(
            [sys.executable, "-m", "stepladder", "key", "create", "editor", "--role", "operator"],
            cwd=folder, capture_output=True, text=True, check=True,
        )  # fmt: skip
        key = next(word for word in made.stdout.split() if word.startswith("sl-"))
        server = subprocess.Popen(
            [sys.executable, "-m", "stepladder", "serve"], cwd=folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            assert server.stdout is not None
            place = next(
                said for line in server.stdout if (said := re.search(r"http://([\d.]+):(\d+)", line))
            )
            threading.Thread(target=server.stdout.read, daemon=True).start()
            found = measured(folder, (place[1], int(place[2])), key, given.times)
        finally:
            server.terminate()
            server.wait(60)
    figures = {
        "command": "python -m benchmarks.rollback",
        "machine": f"server and client on 2 shared cores, load averages {' '.join(f'{load:.1f}' for load in os.getloadavg())}"
        f", Python {platform.python_version()}",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "workers": given.workers,
        "stale_ms_max": max(one["stale_ms"] for one in found),
        "errors": sum(one["errors"] for one in found),
        "rolls": found,
    }
    (HERE / "results" / "rollback.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({key: value for key, value in figures.items() if key != "rolls"}, indent=1))


if __name__ == "__main__":
    main()
