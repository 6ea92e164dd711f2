"""Real runs of real trainers on a tiny model: killed, resumed, merged, converted and served."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from stepladder.core import BadRequest
from stepladder.training.language import Job, LanguageSettings, read_rows, train, write_lines
from tests.training.language.tiny import make_tiny, write_intents

needed = ("torch", "transformers", "trl", "peft", "datasets", "gguf")
missing = [name for name in needed if find_spec(name) is None]
pytestmark = [
    pytest.mark.skipif(bool(missing), reason=f"needs stepladder[train]: {', '.join(missing)} is not installed"),
    pytest.mark.timeout(600),
]
SETTINGS = LanguageSettings(steps=12, batch=4, threads=1, save_steps=3, rank=4)
# As long as it is left alone, so that a kill comes in time on any machine.
LONG = LanguageSettings(steps=120, batch=4, threads=1, save_steps=10, rank=4)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    # In a process of its own: libraries that warn at import have no place in this one.
    folder = tmp_path_factory.mktemp("tiny") / "base"
    code = f"from pathlib import Path; from tests.training.language.tiny import make_tiny; make_tiny(Path({str(folder)!r}))"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=_environment())
    return folder


def _environment():
    root = Path(__file__).parents[3]
    paths = [str(root), str(root / "src"), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}


def prepared(folder, rows=48):
    folder.mkdir(parents=True)
    found = read_rows(write_intents(folder.with_suffix(".jsonl"), rows), pairs=False)
    write_lines(folder / "rows.jsonl", found[12:])
    write_lines(folder / "held.jsonl", found[:12])
    return folder


def digest(folder):
    return hashlib.sha256((folder / "model" / "adapter_model.safetensors").read_bytes()).hexdigest()


def command(folder, base):
    job = f"Job('lora', {str(base)!r}, LanguageSettings(steps=120, batch=4, threads=1, save_steps=10, rank=4))"
    return [
        sys.executable,
        "-c",
        "from pathlib import Path; from stepladder.training.language import *; "
        f"train({job}, Path({str(folder)!r}), lambda event: None)",
    ]


def steps_in(folder):
    try:
        lines = (folder / "run.jsonl").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    return [json.loads(line)["step"] for line in lines if '"event": "step"' in line]


def test_a_run_killed_at_any_instant_ends_with_the_same_weights(base, tmp_path):
    alone = prepared(tmp_path / "alone")
    train(Job("lora", str(base), LONG), alone, lambda event: None)

    # First the process that asked is killed: its trainer leaves with it.
    killed = prepared(tmp_path / "killed")
    asker = subprocess.Popen(command(killed, base), env=_environment(), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(steps_in(killed)) < 13 and asker.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    asker.kill()
    asker.wait()
    time.sleep(0.5)

    # Then the trainer itself, twice; after the first death its newest checkpoint is damaged.
    events = []
    process = {}

    def tell(event):
        events.append(event)
        names = [one["event"] for one in events]
        if event["event"] == "started":
            process["id"] = event["process"]
        if event["event"] == "step" and event["step"] in (43, 64) and names.count("died") == (event["step"] > 50):
            os.kill(process["id"], signal.SIGKILL)
        if event["event"] == "died" and names.count("died") == 1:
            newest = max((killed / "checkpoints").glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
            (newest / "optimizer.pt").write_bytes(b"torn")

    made = train(Job("lora", str(base), LONG), killed, tell)
    resumed = [one for one in events if one["event"] == "resumed"]
    assert made.deaths == 2
    assert resumed[0]["step"] >= 10
    assert len(resumed[1]["broken"]) == 1
    assert resumed[1]["step"] < resumed[2]["step"]
    assert digest(killed) == digest(alone)


def test_another_job_in_the_same_folder_is_refused(base, tmp_path):
    folder = prepared(tmp_path / "run")
    Job("lora", str(base), SETTINGS).begin(folder)
    with pytest.raises(BadRequest, match="another run"):
        Job("lora", str(base), SETTINGS, seed=1).begin(folder)
