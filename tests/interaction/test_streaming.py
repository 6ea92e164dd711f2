"""A stream answers every row once, spends what it may, and says what it was worth."""

import json
import random
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from stepladder.core import BadRequest, DataError
from stepladder.data import Log, LogRow
from stepladder.interaction.cli import app
from stepladder.interaction.streaming import StreamTerms, stream

WORDS = {"1": ("lovely", "bright", "好吃"), "0": ("awful", "dull", "难吃")}
PLAIN = ("table", "soup", "waiter", "evening", "菜", "street")


def log(count=1200, rare=0.5, seed=1):
    draw = random.Random(seed)
    rows = []
    for line in range(1, count + 1):
        answer = "1" if draw.random() < rare else "0"
        telling = draw.choices(WORDS[answer] if draw.random() < 0.8 else PLAIN, k=2)
        gold = answer if draw.random() < 0.9 else "0"
        rows.append(LogRow(line, " ".join([*draw.choices(PLAIN, k=4), *telling]), answer, gold))
    return Log(tuple(rows))


def quiet(done, total, what):
    pass


def test_every_row_is_answered_and_the_calls_are_hard():
    seen = []
    found = stream(log(), StreamTerms(calls=200, seed=2), lambda *said: seen.append(said))
    assert found.stream_rows == 1200
    assert 190 < found.calls <= 200
    assert 0 < found.drawn < found.calls
    low = found.stream_rows - found.calls
    assert found.agreement * 1200 == pytest.approx(found.calls + found.agreement_low * low)
    assert found.agreement > 0.9
    assert found.top_accuracy_gold == pytest.approx(0.95, abs=0.02)
    assert found.accuracy_gold == found.series[-1].accuracy_gold
    assert found.recall_gold is None
    assert seen[-1][:2] == (1200, 1200)


def test_half_is_a_shuffled_half_and_the_rest_is_never_looked_at():
    whole = log(401)
    rows = list(whole.rows)
    random.Random(7).shuffle(rows)
    changed = tuple(replace(row, text="x", answer="?", gold="?") for row in rows[201:])
    one = stream(whole, StreamTerms(calls=60, seed=7, half=True), quiet)
    places = {row.line: row for row in (*rows[:201], *changed)}
    other = stream(Log(tuple(places[row.line] for row in whole.rows)), StreamTerms(60, 7, half=True), quiet)
    assert one.stream_rows == 201
    assert replace(one, seconds=0.0) == replace(other, seconds=0.0)


def test_a_positive_label_is_searched_for():
    rare = log(2000, rare=0.12)
    asked = stream(rare, StreamTerms(calls=150, positive="1"), quiet)
    assert asked.recall_gold > 0.9
    assert asked.balanced_accuracy_gold > 0.8
    assert asked.balanced_accuracy_gold != asked.accuracy_gold


def test_as_many_calls_as_rows_is_the_top_itself():
    found = stream(log(150), StreamTerms(calls=150), quiet)
    assert (found.calls, found.agreement, found.agreement_low) == (150, 1.0, None)
    assert found.accuracy_gold == found.top_accuracy_gold


def test_one_call_still_answers_everything():
    found = stream(log(50), StreamTerms(calls=1), quiet)
    assert (found.calls, found.stream_rows) == (1, 50)


def test_what_cannot_be_run_is_named():
    with pytest.raises(BadRequest, match="--calls"):
        stream(log(50), StreamTerms(calls=0), quiet)
    with pytest.raises(DataError, match="'yes'"):
        stream(log(50), StreamTerms(calls=5, positive="yes"), quiet)


def test_the_command_writes_the_figures(tmp_path):
    file, out, page = tmp_path / "log.jsonl", tmp_path / "out.json", tmp_path / "out.html"
    lines = [{"input": row.text, "answer": row.answer, "gold": row.gold} for row in log(300).rows]
    file.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    asked = ["backtest", str(file), "--stream", "--calls", "80", "--seed", "1", "--take", "half"]
    done = CliRunner().invoke(app, [*asked, "--positive", "1", "--json", str(out), "--html", str(page)])
    assert done.exit_code == 0, done.output
    figures = json.loads(out.read_text(encoding="utf-8"))
    wanted = "stream_rows calls accuracy_gold recall_gold balanced_accuracy_gold agreement agreement_low"
    assert set(wanted.split()) <= set(figures)
    assert (figures["stream_rows"], figures["budget"]) == (150, 80)
    assert "Calls so far" in page.read_text(encoding="utf-8")
    wrong = CliRunner().invoke(app, [*asked[:-1], "third"])
    assert wrong.exit_code != 0
