"""The product as its users have it: a configuration with a recorded top rung, and a server in a process of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

PATIENCE = 30.0


def recorded(folder: Path, answers: Mapping[str, str], *, name: str = "big", delay_ms: float = 0) -> str:
    """The lines of a [models.x] table that answers from a file."""
    file = folder / f"{name}.jsonl"
    rows = (
        json.dumps({"input": text, "answer": answer}, ensure_ascii=False) for text, answer in answers.items()
    )
    file.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return f'[models.{name}]\nkind = "recorded"\npath = "{file}"\ndelay_ms = {delay_ms}\n'


def mood(*, top: str = "big", more: str = "") -> str:
    """The lines of a task with two labels."""
    return f'[tasks.mood]\ntop = "{top}"\nprompt = "Good or bad?"\nlabels = ["good", "bad"]\n{more}\n'


def write_config(folder: Path, *tables: str, server: str = "flywheel = false") -> Path:
    """A configuration file of these tables, on a free port."""
    path = folder / "stepladder.toml"
    path.write_text(f"[server]\nport = 0\n{server}\n\n" + "\n".join(tables), encoding="utf-8")
    return path


class Product:
    """A running server. `key` is the admin key, known from the first start on."""

    def __init__(self, config: Path, *, env: Mapping[str, str] | None = None) -> None:
        self.config = config
        self.key = ""
        self.lines: list[str] = []
        self._env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **(env or {})}
        self._log = config.parent / "server.log"
        self.process: subprocess.Popen[str] | None = None
        self.root = ""

    @property
    def url(self) -> str:
        """Where OpenAI's API is."""
        return f"{self.root}/v1"

    def start(self) -> "Product":
        """Start, and wait until it has said where it listens."""
        with self._log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "stepladder", "serve", "--config", str(self.config)],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=self._env,
                cwd=self.config.parent,
            )
        assert self.process.stdout is not None
        self.lines = []
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if found := re.search(r"Admin key.*(sl-\S+)", line):
                self.key = found[1]
            if line.startswith("Ready"):
                break
        else:
            raise AssertionError(f"The server did not start: {self.log()}")
        self.root = re.search(r"https?://\S+(?=/v1)", "\n".join(self.lines))[0]  # type: ignore[index]
        return self

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """kill -9."""
        return self._end(signal.SIGKILL)

    def log(self) -> str:
        """What it has written to its log."""
        return self._log.read_text()

    def _end(self, number: int) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def __enter__(self) -> "Product":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def eventually(holds, seconds: float = PATIENCE) -> None:
    """Wait until it holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "It never came true."
        time.sleep(0.05)
