"""Many runs in a few seconds: the libraries are imported once, and each run is a fork of that process, killed where it is told.

`python -m tests.training.language.forked FOLDER...` trains each run folder (its `job.json` is there). A run with a file
`kill-at` is killed with SIGKILL at that step, once a checkpoint counts, and then trained again.
"""

import gc
import importlib
import json
import os
import signal
import sys
import threading
from pathlib import Path

from stepladder.training.language.trainer import run

_SLOW_DISK = 60.0  # seconds


def trained(folder: Path, kill_at: int | None) -> int:
    """The status of a fork that trains; events go to events.jsonl."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 1
    try:
        with (folder / "events.jsonl").open("a", encoding="utf-8") as out:
            kept = threading.Event()

            def say(event):
                out.write(json.dumps(event) + "\n")
                out.flush()
                if event["event"] == "checkpoint":
                    kept.set()
                if event["event"] == "step" and event["step"] == kill_at:
                    kept.wait(_SLOW_DISK)  # it is sealed behind the training
                    os.kill(os.getpid(), signal.SIGKILL)

            run(folder, say)
        status = 0
    except Exception as error:  # noqa: BLE001 the fork's own edge
        (folder / "error").write_text(f"{type(error).__name__}: {error}", encoding="utf-8")
    finally:
        os._exit(status)


def main() -> None:
    """Train all, one after the other."""
    for name in (
        "trl.trainer.sft_trainer",
        "trl.trainer.grpo_trainer",
        "trl.experimental.orpo",
        "peft.tuners.lora",
    ):
        importlib.import_module(name)
    for name in ("DPOTrainer", "KTOTrainer", "RewardTrainer", "RLOOTrainer", "DistillationTrainer"):
        getattr(importlib.import_module("trl"), name)
    gc.collect()
    gc.freeze()  # what the forks share is not looked through again
    for name in sys.argv[1:]:
        folder = Path(name)
        kill_at = folder / "kill-at"
        statuses = []
        if kill_at.exists():
            statuses.append(trained(folder, int(kill_at.read_text())))
        statuses.append(trained(folder, None))
        (folder / "statuses.json").write_text(json.dumps(statuses), encoding="utf-8")


if __name__ == "__main__":
    main()
