"""A tutorial's folder: its configuration, its keys and its server, all as a user would make them."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stepladder.core import StoreError
from stepladder.models import cores

TASK, TOP = "support", "teacher"
_READY = 120.0  # seconds

_CONFIG = """\
# Written by `stepladder tutorial lifecycle`.
[server]
host = "127.0.0.1"
port = {port}
data = "data"

# The top rung: the log's own answers, looked up in a file, with the delay and the price of a commercial model.
[models.{top}]
kind = "recorded"
path = "answers.jsonl"
delay_ms = {delay:g}
price_in = 2.5      # per million tokens
price_out = 10.0

[tasks.{task}]
top = "{top}"
labels = {labels}
prompt = {prompt}
rungs = ["lora"]

[tasks.{task}.promise]
target = {target}
risk = 0.1
horizon = 1000

[tasks.{task}.flywheel]
labels = {rows}
growth = 100.0
calibration = 300
canary = 0.5
canary_answers = 40
audit = 0.05

[tasks.{task}.recipes.lora]
batch = 4
rate = 0.001
epochs = {epochs:g}
save_steps = {saves}
threads = {threads}
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the tutorial does: `rows` train (a share of them hidden), for `epochs`, under the promise `target`."""

    rows: int = 400
    epochs: float = 1.0
    target: float = 0.9
    delay_ms: float = 600.0
    saves: int = 80


@dataclass(slots=True)
class Place:
    """A running server with its folder and a key to ask with."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]
    key: str

    @property
    def url(self) -> str:
        """Where questions are asked."""
        return f"http://127.0.0.1:{self.port}/v1/chat/completions"

    def stop(self) -> None:
        """End the server as a user would, and wait for it."""
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start(folder: Path, labels: Sequence[str], prompt: str, plan: Plan) -> Place:
    """Write the configuration, make a key, start the server and wait until it is ready. Raises StoreError."""
    port = _free_port()
    config = _CONFIG.format(
        port=port,
        top=TOP,
        task=TASK,
        delay=plan.delay_ms,
        labels=json.dumps(list(labels), ensure_ascii=False),
        prompt=json.dumps(prompt, ensure_ascii=False),
        target=plan.target,
        rows=plan.rows,
        epochs=plan.epochs,
        saves=plan.saves,
        threads=max(1, cores() - 1),  # the server wants one, too
    )
    (folder / "stepladder.toml").write_text(config, encoding="utf-8")
    key = stepladder("key", "create", "tutorial", "--quiet", folder=folder)
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "stepladder", "serve", "--config", "stepladder.toml"],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    place = Place(folder, port, process, key)
    _wait_until_ready(place)
    return place


def stepladder(*arguments: str, folder: Path) -> str:
    """Run a command in the folder and return what it printed. Raises StoreError."""
    command = [sys.executable, "-m", "stepladder", *arguments]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ}
    )
    if done.returncode:
        raise StoreError(f"`stepladder {' '.join(arguments)}` failed: {done.stdout}{done.stderr}")
    return done.stdout.strip()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(place: Place) -> None:
    end = time.monotonic() + _READY
    while time.monotonic() < end and place.process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{place.port}/readyz", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    place.stop()
    log = (place.folder / "server.log").read_text(encoding="utf-8", errors="replace")
    raise StoreError("The server did not get ready.", remedy=f"Its log ends: {log[-1000:]}")
