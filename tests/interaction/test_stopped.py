"""dedupe and errors killed at several places: the same command goes on, and ends with the same bytes."""

import json
import random
from contextlib import contextmanager

import pytest

from stepladder.data import duplicates
from stepladder.data.kept import Kept
from stepladder.training import dual, linear, points
from tests.data.test_duplicates import sentence
from tests.interaction.shell import Shell


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


class Killed(BaseException):
    """A kill, at a place that a test chooses."""


@contextmanager
def killed(monkeypatch, place, at):
    """Within, the function at `place` ends the process when it is called for the `at`th time; `calls` counts."""
    module, name = place
    real, calls = getattr(module, name), []

    def counted(*given, **more):
        calls.append(None)
        if len(calls) == at:
            raise Killed
        return real(*given, **more)

    with monkeypatch.context() as patch:
        patch.setattr(module, name, counted)
        yield calls


def test_dedupe_that_was_killed_goes_on_and_ends_the_same(shell: Shell, tmp_path, monkeypatch):
    draw = random.Random(5)
    texts = [sentence(draw) for _ in range(60)]
    write(tmp_path / "in.jsonl", [{"input": text} for text in texts + texts[:20] + [""]])
    typed = ["data", "dedupe", "in.jsonl", "--removed", "gone.jsonl", "--out"]
    assert shell(*typed, "whole.jsonl") == 0
    whole = [(tmp_path / name).read_bytes() for name in ("whole.jsonl", "gone.jsonl")]
    monkeypatch.setattr(duplicates, "_TOLD", 7)
    for at in (1, 30, 61, 81, 100):  # the last while pairs are compared
        with killed(monkeypatch, (duplicates, "grams"), at), pytest.raises(Killed):
            shell(*typed, "out.jsonl")
        assert not (tmp_path / "out.jsonl").exists()
        with (tmp_path / "out.jsonl.signatures").open("ab") as file:
            file.write(b"torn")
        with killed(monkeypatch, (Kept, "append"), 0) as blocks:
            assert shell(*typed, "out.jsonl") == 0
        assert len(blocks) == -(-(81 - min(81, (at - 1) // 7 * 7)) // 7)  # none that was there is made again
        assert [(tmp_path / name).read_bytes() for name in ("out.jsonl", "gone.jsonl")] == whole
        assert not list(tmp_path.glob("out.jsonl.*"))
        (tmp_path / "out.jsonl").unlink()


def test_split_that_was_killed_goes_on_and_ends_the_same(shell: Shell, tmp_path, monkeypatch):
    draw = random.Random(6)
    write(tmp_path / "in.jsonl", [{"input": sentence(draw)} for _ in range(40)])
    typed = ["data", "split", "in.jsonl", "--share", "a=0.5", "--share", "b=0.5", "--out"]
    assert shell(*typed, "whole") == 0
    monkeypatch.setattr(duplicates, "_TOLD", 7)
    with killed(monkeypatch, (duplicates, "grams"), 30), pytest.raises(Killed):
        shell(*typed, "out")
    with killed(monkeypatch, (Kept, "append"), 0) as blocks:
        assert shell(*typed, "out") == 0
    assert len(blocks) == 2  # the last twelve rows
    for name in ("a.jsonl", "b.jsonl"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not (tmp_path / "out.signatures").exists()


@pytest.mark.parametrize("labels", [["up", "down"], ["up", "down", "level"]])
def test_errors_that_was_killed_goes_on_and_ends_the_same(shell: Shell, tmp_path, monkeypatch, labels):
    draw = random.Random(3)
    rows = [
        {"input": f"{sentence(draw, 2)} {draw.choice(labels)}", "answer": draw.choice(labels)}
        for _ in range(60)
    ]
    write(tmp_path / "in.jsonl", rows)
    monkeypatch.setattr(points, "_EVERY", 0.0)
    monkeypatch.setattr(points, "_SHARE", 0)
    monkeypatch.setattr(linear, "_MEMORY", 1)  # each class by itself
    with killed(monkeypatch, (dual, "_sweep"), 0) as calls:
        assert shell("data", "errors", "in.jsonl", "--out", "whole.jsonl") == 0
    sweeps = len(calls)
    assert sweeps >= 16
    wanted = (tmp_path / "whole.jsonl").read_bytes()
    for at in (1, 2, sweeps // 2, sweeps):
        with killed(monkeypatch, (dual, "_sweep"), at), pytest.raises(Killed):
            shell("data", "errors", "in.jsonl", "--out", "out.jsonl")
        (tmp_path / "out.jsonl.guesses" / ".after-0.npz").write_bytes(b"torn")
        with killed(monkeypatch, (dual, "_sweep"), 0) as calls:
            assert shell("data", "errors", "in.jsonl", "--out", "out.jsonl") == 0
        assert len(calls) == sweeps - at + 1
        assert (tmp_path / "out.jsonl").read_bytes() == wanted
        assert not list(tmp_path.glob("out.jsonl.*"))


def test_other_rows_or_another_seed_begin_anew_and_a_strangers_folder_stays(
    shell: Shell, tmp_path, monkeypatch
):
    rows = [{"input": f"{'lovely' if n % 2 else 'awful'} {n}", "answer": "gb"[n % 2]} for n in range(40)]
    write(tmp_path / "in.jsonl", rows)
    typed = ["data", "errors", "in.jsonl", "--out", "out.jsonl"]
    with killed(monkeypatch, (dual, "_sweep"), 0) as calls:
        assert shell(*typed) == 0
    with killed(monkeypatch, (dual, "_sweep"), len(calls)), pytest.raises(Killed):
        shell(*typed)
    with killed(monkeypatch, (dual, "_sweep"), 0) as again:
        assert shell(*typed, "--seed", "1") == 0
    assert len(again) >= 8
    (tmp_path / "out.jsonl.guesses").mkdir()
    (tmp_path / "out.jsonl.guesses" / "mine").write_text("mine", encoding="utf-8")
    assert shell(*typed) == 2
    assert "out.jsonl.guesses is there already" in shell.err.replace("\n", "")
    assert (tmp_path / "out.jsonl.guesses" / "mine").exists()
