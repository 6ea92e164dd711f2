"""The process that trains dies: what is started again, and what is not. A small script stands in its place."""

import json

import pytest

from stepladder.core import DataError
from stepladder.training.language import process

WORKER = """
import json, os, signal, sys
from pathlib import Path
folder = Path(json.loads(sys.argv[1])[0]["folder"])
deaths = int((folder / "deaths").read_text())
def say(event):
    print(json.dumps(event), flush=True)
say({"event": "started", "process": os.getpid(), "steps": 8})
for step in range(1, 5):
    say({"event": "step", "step": step, "steps": 8, "loss": 1.0, "seconds": 0.5})
if deaths > 0:
    (folder / "deaths").write_text(str(deaths - 1))
    if (folder / "keeps").exists():
        say({"event": "checkpoint", "step": 4, "seconds": 0.01, "behind": 0.02})
    how = (folder / "how").read_text()
    os.kill(os.getpid(), int(how)) if how.isdigit() else os._exit(1)
say({"event": "finished"})
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run whose trainer dies `deaths` times: by a signal, or with a status of its own."""
    (tmp_path / "trainer_in_its_place.py").write_text(WORKER, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(process, "_WORKER", "trainer_in_its_place")

    def go(deaths, how, keeps=False):
        folder = tmp_path / f"{deaths}-{how}"
        folder.mkdir()
        (folder / "deaths").write_text(str(deaths), encoding="utf-8")
        (folder / "how").write_text(how, encoding="utf-8")
        if keeps:
            (folder / "keeps").touch()
        (folder / "made.json").write_text(
            json.dumps({"steps": 8, "stopped": "", "metrics": {}}), encoding="utf-8"
        )
        events = []
        found = process._Run(folder, events.append)
        found.perform([{"do": "probe", "folder": str(folder)}])
        return found.made(), events

    return go


@pytest.mark.parametrize(
    "signal", ["9", "15", "11", "7"]
)  # KILL, TERM (a node is taken back), SEGV, BUS (a bad one)
def test_a_node_that_goes_away_is_no_end(run, signal):
    made, events = run(1, signal, keeps=True)
    assert made.deaths == 1
    assert [one["code"] for one in events if one["event"] == "died"] == [-int(signal)]
    assert made.lost == pytest.approx(made.seconds * (1 - made.goodput))
    assert made.save_steps >= 1


def test_one_that_never_gets_to_a_checkpoint_ends_with_a_word(run):
    with pytest.raises(DataError, match="code -9") as error:
        run(9, "9")
    assert "memory" in error.value.remedy
    made, _ = run(6, "9", keeps=True)  # more deaths than that, with progress in between
    assert made.deaths == 6


def test_a_trainer_that_gives_up_is_not_started_again(run):
    with pytest.raises(DataError, match="code 1") as error:
        run(1, "gives up")
    assert "goes on from the last checkpoint" in error.value.remedy
