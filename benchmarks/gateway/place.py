"""A server to load: tenants with limits and budgets, two models, and a task that its linear rung answers."""

import compileall
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import stepladder
from demo.place import free_port
from stepladder.core import LadderRelease, Rollout
from stepladder.registry import Registry
from stepladder.store import Store
from stepladder.training import LinearSettings, fit_linear

TEXT = (
    "Classify the following customer message into one of: refund, delivery, invoice, other. Message: my parcel has not"
    " arrived and it has been two weeks already."
)
CONFIG = """
[server]
port = 0
data = "data"
flywheel = false
workers = {workers}
[models.mock]
kind = "chat"
base_url = "http://127.0.0.1:{upstream}/v1"
model = "mock"
price_in = 1.0
price_out = 2.0
[models.kept]
kind = "chat"
base_url = "http://127.0.0.1:{upstream}/v1"
model = "mock"
price_in = 1.0
price_out = 2.0
cache_seconds = 3600
[tasks.topic]
top = "mock"
labels = ["delivery", "refund"]
[classes.gold]
priority = 5
concurrency = 10000
[tenants.acme]
service = "gold"
[tenants.acme.limits]
requests_per_minute = 100_000_000
tokens_per_minute = 900_000_000
budget_day = 1_000_000
budget_month = 10_000_000
[tenants.acme.each_key]
requests_per_minute = 100_000_000
budget_day = 1_000_000
"""


@dataclass(frozen=True)
class Running:
    """A server's process, its port, a client's key, its folder, and in how many seconds it was ready."""

    process: subprocess.Popen[str]
    port: int
    key: str
    folder: Path
    start_s: float


def body(model: str, *, stream: bool = False, text: str = TEXT, max_tokens: int = 64) -> bytes:
    """A chat request."""
    asked = {"model": model, **({"stream": True} if stream else {})}
    messages = [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": text},
    ]
    return json.dumps(
        {**asked, "messages": messages, "max_tokens": max_tokens, "temperature": 0}, separators=(",", ":")
    ).encode()


def request(port: int, key: str, data: bytes) -> bytes:
    """The same as bytes of HTTP."""
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {key}\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


def prepare(folder: Path) -> str:
    """A key, and a linear rung that is sure of everything."""
    store = Store.open(f"sqlite:///{folder / 'data' / 'stepladder.db'}")
    try:
        texts = [f"my parcel {n} has not arrived" for n in range(50)]
        texts += [f"I want my money back for {n}" for n in range(50)]
        labels = ["delivery"] * 50 + ["refund"] * 50
        staged = folder / "staged"
        staged.mkdir()
        fit_linear(texts, labels, settings=LinearSettings(bits=14)).model.save(staged)
        registry = Registry(store.catalogue, folder / "data" / "releases")
        rung = registry.admit("topic", "linear", "linear", "benchmark", staged, {})
        ladder = LadderRelease("topic-1", "topic", 1, {"linear": rung.id}, {"linear": 0.0}, None, "mock")
        store.catalogue.add_ladder_release(ladder)
        store.rollouts.put(Rollout("topic", live=ladder.id, draw=0.0), "benchmark")
        return store.keys.create("load", tenant="acme")
    finally:
        store.close()


@contextmanager
def upstream(core: int | None, gap: float = 0.0) -> Iterator[int]:
    """An upstream that answers at once, or streams with `gap` seconds between the chunks; its port."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.gateway.upstream", str(port), "--gap", str(gap)]
    process = subprocess.Popen([*_pinned(core), *command])
    try:
        yield port
    finally:
        process.kill()
        process.wait()


@contextmanager
def serving(
    upstream: int,
    *,
    workers: int = 1,
    core: int | None = None,
    config: str = CONFIG,
    fill: Callable[[Path], str] = prepare,
) -> Iterator[Running]:
    """A server of ours in a folder of its own, on one core where one is given; with byte code, as pip leaves it."""
    compileall.compile_dir(Path(stepladder.__file__).parent, quiet=1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "stepladder.toml").write_text(config.format(upstream=upstream, workers=workers))
        (folder / "data").mkdir()
        key = fill(folder)
        begun = time.perf_counter()
        process = subprocess.Popen(
            [*_pinned(core), sys.executable, "-m", "stepladder", "serve"],
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        assert process.stdout is not None
        port = 0
        for line in process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                port = int(found[1])
            if line.startswith("Ready"):
                break
        try:
            yield Running(process, port, key, folder, time.perf_counter() - begun)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
            process.stdout.close()


def cpu_seconds(pid: int) -> float:
    """Processor time of a process and its children (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own + sum(cpu_seconds(int(child)) for child in children)


def rss_mb(pid: int) -> float:
    """Memory of a process in use (Linux)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def commit() -> str:
    """What is measured."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _pinned(core: int | None) -> list[str]:
    return ["taskset", "-c", str(core)] if core is not None else []
