"""Private by default: with a recorded top rung, the whole product runs with everything outside this machine forbidden."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.product import Product, eventually, mood, recorded, write_config

GUARD = Path(__file__).parent / "guard"
OUTSIDE = [
    "import socket; socket.create_connection(('203.0.113.7', 80), 1)",
    "import socket; socket.getaddrinfo('example.org', 443)",
    "import asyncio, uvloop; asyncio.Runner(loop_factory=uvloop.new_event_loop).run("
    "__import__('asyncio').open_connection('203.0.113.7', 80))",
]


def environment(log: Path) -> dict[str, str]:
    paths = [str(GUARD), *filter(None, sys.path)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "STEPLADDER_GUARD": str(log)}


@pytest.mark.parametrize("program", OUTSIDE)
def test_the_guard_itself_catches_who_wants_out(tmp_path, program):
    log = tmp_path / "out.log"
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(log),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 1 and "is not allowed here" in ended.stderr
    assert log.read_text()


def test_the_whole_product_runs_without_the_world(tmp_path):
    log = tmp_path / "out.log"
    answers = {f"Question {number}": ("good", "bad")[number % 2] for number in range(20)}
    task = mood(more="[tasks.mood.flywheel]\nlabels = 10\n")
    config = write_config(tmp_path, recorded(tmp_path, answers), task, server="flywheel = true")
    with Product(config, env=environment(log)) as product:

        def call(path: str, body: dict | None = None) -> bytes:
            data = None if body is None else json.dumps(body).encode()
            headers = {"authorization": f"Bearer {product.key}", "content-type": "application/json"}
            with urllib.request.urlopen(
                urllib.request.Request(product.root + path, data, headers)
            ) as response:
                return response.read()

        for text, answer in answers.items():
            for model in ("mood", "big"):
                for stream in (False, True):
                    messages = [{"role": "user", "content": text}]
                    said = call(
                        "/v1/chat/completions", {"model": model, "messages": messages, "stream": stream}
                    )
                    assert answer.encode() in said
        id = json.loads(call("/v1/chat/completions", {"model": "mood", "messages": messages}))["id"]
        call("/v1/feedback", {"request_id": id, "score": 1})
        for path in ("/v1/models", "/readyz", "/admin/tasks"):
            call(path)
        eventually(lambda: b"stepladder_flywheel_progress{" in call("/metrics"))
    assert product.process.returncode == 0
    assert not log.exists(), log.read_text()
