"""The command line as it is typed."""

import sys
from pathlib import Path

import pytest

from stepladder.interaction.cli import main
from stepladder.store import Store

CONFIG = """
[server]
data = "data"
[models.teacher]
kind = "recorded"
path = "teacher.jsonl"
[tasks.mood]
top = "teacher"
labels = ["good", "bad"]
"""


class Shell:
    """Types commands in a folder. `out` and `err` hold what the last one said."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.folder, self._monkeypatch, self._capsys = folder, monkeypatch, capsys
        self.out = self.err = ""
        monkeypatch.chdir(folder)
        monkeypatch.setenv("COLUMNS", "200")

    def __call__(self, *words: str) -> int:
        self._monkeypatch.setattr(sys, "argv", ["stepladder", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        self.out, self.err = self._capsys.readouterr()
        return int(ended.value.code or 0)

    def store(self) -> Store:
        return Store.open(f"sqlite:///{self.folder / 'data' / 'stepladder.db'}")
