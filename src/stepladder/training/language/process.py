"""The process that trains: started, listened to, and started again where it dies.

A process of its own keeps torch out of ours, gives all memory back, and may be killed at any instant: what it had sealed
is taken up again. Every event goes into `run.jsonl` beside the rows.
"""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from stepladder.core import DataError, MissingExtra, StepladderError
from stepladder.models import cores
from stepladder.training.language.interval import best_interval
from stepladder.training.language.job import Job

Event = Mapping[str, Any]
"""What happened: `event` names it (began, started, step, held, checkpoint, resumed, advice, died, silent, done)."""

Tell = Callable[[Event], None]
_WORKER = "stepladder.training.language.worker"
_RESTARTS = 3  # deaths without a new checkpoint in between
_SILENT = 120.0  # seconds without a word before it is said
_NEEDED = ("torch", "transformers", "trl", "peft", "datasets", "gguf")


@dataclass(frozen=True, slots=True)
class Made:
    """How a run went. `goodput` is the share of the time that went into steps that counted.

    `save_steps` is how often a checkpoint would have been best for as many `deaths` as there were (0: there was none).
    """

    folder: Path
    seconds: float
    steps: int
    deaths: int
    goodput: float
    stopped: str
    metrics: Mapping[str, float]
    save_steps: int = 0

    @property
    def lost(self) -> float:
        """Seconds that did not go into steps that counted."""
        return self.seconds * (1 - self.goodput)

    @property
    def model(self) -> Path:
        """The folder of the adapter, or of the whole model."""
        return self.folder / "model"


def require() -> None:
    """Raise MissingExtra where a library that training needs is not installed; none is imported."""
    if any(find_spec(name) is None for name in _NEEDED):
        raise MissingExtra("Training language models", "train")


def train(job: Job, folder: Path, tell: Tell, *, then: Sequence[Mapping[str, Any]] = ()) -> Made:
    """Train what `job` says from the rows in `folder`, or go on with it; the result is in `folder`/model.

    `then` are operations of `compress` for the same process. Raises MissingExtra, BadRequest (another job is there),
    DataError where it cannot be done.
    """
    require()
    job.begin(folder)
    run = _Run(folder, tell)
    run.perform([{"do": "train", "folder": str(folder)}, *then])
    return run.made()


def operate(operations: Sequence[Mapping[str, Any]], folder: Path, tell: Tell) -> None:
    """Do these operations of the worker's, whose libraries are there, one after the other. Raises DataError."""
    _Run(folder, tell).perform(operations)


def compress(operations: Sequence[Mapping[str, Any]], folder: Path, tell: Tell) -> None:
    """Do these operations ({"do": "merge" | "gguf" | "import" | "probe", ...}), one after the other, with a log in `folder`.

    Raises MissingExtra, DataError.
    """
    require()
    folder.mkdir(parents=True, exist_ok=True)
    operate(operations, folder, tell)


class _Run:
    """One run with its restarts."""

    def __init__(self, folder: Path, tell: Tell) -> None:
        self._folder = folder
        self._tell = tell
        self._began = time.monotonic()
        self._steps: dict[int, float] = {}
        self._costs: list[float] = []
        self._deaths = 0
        self._fruitless = 0
        self._last: Event = {}

    def perform(self, operations: Sequence[Mapping[str, Any]]) -> None:
        """Until all is done, or it cannot be. Raises DataError."""
        while True:
            code = self._once(operations)
            if self._last.get("event") == "finished":
                return
            if self._last.get("event") == "failed":
                raise _failure(self._last)
            self._deaths += 1
            self._fruitless += 1
            self._note({"event": "died", "code": code, "deaths": self._deaths})
            if code >= 0 or self._fruitless > _RESTARTS:
                raise DataError(
                    f"The training process ended with code {code}.{_closing(self._folder)}",
                    remedy=_remedy(code, self._folder),
                )

    def made(self) -> Made:
        """How it went."""
        seconds = time.monotonic() - self._began
        done = json.loads((self._folder / "made.json").read_bytes())
        return Made(
            folder=self._folder,
            seconds=seconds,
            steps=int(done["steps"]),
            deaths=self._deaths,
            goodput=sum(self._steps.values()) / max(seconds, 1e-9),
            stopped=str(done["stopped"]),
            metrics=done["metrics"],
            save_steps=self._advised(seconds),
        )

    def _advised(self, seconds: float) -> int:
        """Steps between two checkpoints, from the failures seen and what a checkpoint and a step take."""
        if not (self._deaths and self._steps and self._costs):
            return 0
        each = sum(self._steps.values()) / len(self._steps)
        cost = sum(self._costs) / len(self._costs)
        return max(1, round(best_interval(cost, seconds / self._deaths) / max(each, 1e-9)))

    def _once(self, operations: Sequence[Mapping[str, Any]]) -> int:
        self._last = {}
        with (self._folder / "worker.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", _WORKER, json.dumps(list(operations))],
                stdin=subprocess.PIPE,  # its end tells the process that we are gone
                stdout=subprocess.PIPE,
                stderr=log,
                env=_environment(operations),
            )
        try:
            for event in _events(process, lambda: self._note({"event": "silent", "seconds": _SILENT})):
                self._note(event)
            return process.wait()
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    def _note(self, event: Event) -> None:
        self._last = event
        if event["event"] == "step":
            self._steps[int(event["step"])] = float(event["seconds"])
        elif event["event"] == "checkpoint":
            self._fruitless = 0
            self._costs.append(float(event.get("seconds", 0.0)))
        with (self._folder / "run.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps({"at": round(time.time(), 3), **event}) + "\n")
        self._tell(event)


def _environment(operations: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Ours, and what training needs: threads that sleep while they wait, no hub, no trackers."""
    given = {
        "OMP_WAIT_POLICY": "passive",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "TRL_EXPERIMENTAL_SILENCE": "1",
        "PYTHONUNBUFFERED": "1",
    }
    folders = [Path(one["folder"]) for one in operations if one["do"] == "train"]
    if folders:
        given["OMP_NUM_THREADS"] = str(Job.load(folders[0]).settings.threads or cores())
    return {**os.environ, **given}


def _events(process: subprocess.Popen[bytes], silent: Callable[[], None]) -> Iterator[Event]:
    """The process's lines as they come; `silent` is called where none comes for long."""
    lines: queue.Queue[bytes] = queue.Queue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put(b"")

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    while True:
        try:
            line = lines.get(timeout=_SILENT)
        except queue.Empty:
            silent()
            continue
        if not line:
            reader.join()
            return
        yield json.loads(line)


def _failure(event: Event) -> StepladderError:
    return DataError(str(event["message"]), remedy=str(event["remedy"]))


def _closing(folder: Path) -> str:
    lines = (folder / "worker.log").read_text(encoding="utf-8", errors="replace").split("\n")
    said = [line.strip() for line in lines if line.strip()]
    return f" It last said: {said[-1][:300]}" if said else ""


def _remedy(code: int, folder: Path) -> str:
    if code == -9:
        return "It was killed, most likely for want of memory: lower `batch` or `length`; --dry-run tells what is needed."
    return f"Its whole log is {folder / 'worker.log'}. The same command goes on from the last checkpoint."
