"""garak itself, by our red-team command, against a server with guards enforced in front of a model that does as it is told.

    python -m benchmarks.redteam_garak PYTHON_WITH_GARAK [--probes dan.Dan_11_0,encoding.InjectBase64,...]

The model behind it is no model: it says back what it was told, which most of garak's detectors count as success, and so
what passes them was stopped by guards. The same is run with the guards off. Figures: results/redteam-garak.json.
"""

import argparse
import datetime
import json
import platform
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.gateway.place import serving
from stepladder.store import Store

RESULT = Path(__file__).parent / "results" / "redteam-garak.json"
PROBES = "dan.Ablation_Dan_11_0,encoding.InjectROT13,grandma.Win10,promptinject.HijackKillHumans"
CONFIG = """
[server]
port = 0
data = "data"

[tenants.acme]

[guards]
mode = "{mode}"

[models.echo]
kind = "chat"
base_url = "http://127.0.0.1:{{upstream}}/v1"
model = "echo"
"""


class Echo(BaseHTTPRequestHandler):
    """Says back the last message."""

    def do_POST(self) -> None:
        """A completion."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        message = {"role": "assistant", "content": asked["messages"][-1]["content"]}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        body = json.dumps(
            {"id": "c", "object": "chat.completion", "model": "echo", "choices": [choice]}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@contextmanager
def echoing() -> Iterator[int]:
    """The port of the model that is none."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def fill(folder: Path) -> str:
    """A key to ask with."""
    store = Store.open(f"sqlite:///{folder / 'data' / 'stepladder.db'}")
    try:
        return store.keys.create("garak", tenant="acme")
    finally:
        store.close()


def attack(port: int, key: str, python: str, probes: str) -> list[dict[str, Any]]:
    """Our command with garak, and what its report says of garak's probes."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "key").write_text(key)
        command = [sys.executable, "-m", "stepladder", "guard", "redteam", "echo"]
        command += [
            "--url",
            f"http://127.0.0.1:{port}/v1",
            "--key",
            f"file:{name}/key",
            "--out",
            f"{name}/out",
        ]
        command += ["--languages", "en", "--garak", f"{python}={probes}"]
        subprocess.run(command, check=True)
        report = json.loads((Path(name) / "out" / "redteam.json").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = report["garak"]
    return found


def main() -> None:
    """With guards and without."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("python")
    parser.add_argument("--probes", default=PROBES)
    chosen = parser.parse_args()
    found = {}
    with echoing() as upstream:
        for mode in ("enforce", "off"):
            with serving(upstream, config=CONFIG.format(mode=mode), fill=fill) as server:
                found[f"guards {mode}"] = attack(server.port, server.key, chosen.python, chosen.probes)
    version = subprocess.run(
        [chosen.python, "-c", "import importlib.metadata as m; print(m.version('garak'))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    figures = {
        "command": f"python -m benchmarks.redteam_garak PYTHON --probes {chosen.probes}",
        "garak": version.stdout.strip(),
        "machine": f"2 shared cores, Python {platform.python_version()}",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        **found,
    }
    RESULT.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
