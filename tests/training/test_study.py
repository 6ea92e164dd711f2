"""Studies of settings: searched by Optuna, pruned, killed and gone on with."""

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec

import pytest

from stepladder.core import BadRequest, DataError, Dataset, Example, Task
from stepladder.training import Choice, Pruned, rung_attempt, study

pytestmark = [
    pytest.mark.skipif(find_spec("optuna") is None, reason="needs stepladder[tune]"),
    pytest.mark.timeout(300),
]
SPACE = (Choice("x", low=-2.0, high=2.0), Choice("kind", ("a", "b")))


def bowl(settings, place, report):
    """Least at x = .5 and kind b; tells its figure in three steps."""
    value = (settings["x"] - 0.5) ** 2 + (settings["kind"] == "a")
    for step in range(3):
        report(step, value)
    (place / "model").write_text("weights", encoding="utf-8")
    return value


def last(found):
    """How it stands in the end."""
    *_, now = found
    return now


def test_the_best_settings_are_found_and_what_does_worse_is_pruned(tmp_path):
    now = last(study(tmp_path, SPACE, bowl, trials=30))
    assert abs(now.best.settings["x"] - 0.5) < 0.4
    assert now.best.settings["kind"] == "b"
    states = [one.state for one in now.trials]
    assert states[:4] == ["complete"] * 4
    assert states.count("pruned") >= 5
    assert [path.name for path in tmp_path.glob("trial-*")] == [now.folder.name]
    assert (now.folder / "model").exists()


def test_a_study_goes_on_with_what_was_under_way(tmp_path):
    class Killed(BaseException):
        """As a kill leaves it: nothing more is written."""

    tried = []

    def dying(settings, place, report):
        tried.append(settings)
        if len(tried) == 3:
            (place / "checkpoint").write_text("half", encoding="utf-8")
            raise Killed
        return bowl(settings, place, report)

    with pytest.raises(Killed):
        last(study(tmp_path, SPACE, dying, trials=6))
    found = []

    def going_on(settings, place, report):
        found.append((settings, (place / "checkpoint").exists()))
        return bowl(settings, place, report)

    now = last(study(tmp_path, SPACE, going_on, trials=6))
    assert found[0] == (tried[2], True)
    assert len(found) == 4
    assert [one.state for one in now.trials].count("failed") == 1
    assert last(study(tmp_path, SPACE, going_on, trials=6)) == now  # nothing is left to do
    assert len(found) == 4


def test_a_command_that_is_killed_goes_on(tmp_path):
    rows = tmp_path / "rows.jsonl"
    lines = [
        {"input": f"{'good lovely' if k % 2 else 'bad awful'} soup {k}", "answer": str(k % 2)}
        for k in range(160)
    ]
    rows.write_text("\n".join(json.dumps(one) for one in lines), encoding="utf-8")
    out = tmp_path / "out"
    command = [sys.executable, "-m", "stepladder", "study", "linear", str(rows), "--out", str(out)]
    command += ["--trials", "6", "--try", "costs=0.1..10", "--set", "bits=12"]
    asked = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while (
        not (out / "study.json").exists() or len(json.loads((out / "study.json").read_bytes())["trials"]) < 2
    ):
        assert asked.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(asked.pid, signal.SIGKILL)
    asked.wait()
    before = (out / "journal.log").read_text(encoding="utf-8")
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=240)
    told = json.loads((out / "study.json").read_bytes())
    assert sum(one["state"] in ("complete", "pruned") for one in told["trials"]) == 6
    assert (out / "journal.log").read_text(encoding="utf-8").startswith(before)
    assert told["best"]["value"] < 0.2


def test_a_rung_is_tried_on_parts_of_the_rows_first(tmp_path):
    examples = tuple(
        Example(str(k), f"{'lovely' if k % 2 else 'awful'} {k}", "good" if k % 2 else "bad")
        for k in range(80)
    )
    attempt = rung_attempt(
        Task("study", "none", labels=("good", "bad")),
        "linear",
        Dataset("", "study", {"train": examples}),
        {"bits": 10},
    )
    told = []
    value = attempt({"costs": 1.0}, tmp_path, lambda step, figure: told.append(figure))
    assert len(told) == 3
    assert value == told[-1] < told[0]

    def prune(step, figure):
        raise Pruned

    with pytest.raises(Pruned):
        attempt({"costs": 1.0}, tmp_path, prune)


def test_other_choices_in_the_same_folder_are_refused(tmp_path):
    last(study(tmp_path, SPACE, bowl, trials=1))
    with pytest.raises(BadRequest, match="other choices"):
        last(study(tmp_path, SPACE[:1], bowl, trials=1))


def test_settings_that_always_fail_end_the_study(tmp_path):
    def broken(settings, place, report):
        raise DataError("It cannot be.")

    with pytest.raises(DataError, match="cannot be"):
        last(study(tmp_path, SPACE, broken, trials=30))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("rate=1e-5..1e-3", Choice("rate", (), 1e-5, 1e-3)),
        ("rank=4..64", Choice("rank", (), 4.0, 64.0, whole=True)),
        ("rank=4,8", Choice("rank", (4, 8))),
        ("adapter=lora,ia3", Choice("adapter", ("lora", "ia3"))),
    ],
)
def test_choices_are_read(text, found):
    assert Choice.read(text) == found


@pytest.mark.parametrize("text", ["rate", "rate=", "rate=3..1", "rate=a..b", "rate=5"])
def test_what_is_no_choice_is_said(text):
    with pytest.raises(BadRequest, match="is no choice"):
        Choice.read(text)
