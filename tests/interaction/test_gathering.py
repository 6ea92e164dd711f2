"""stepladder data gather, as it is typed."""

import asyncio
import json
from contextlib import closing

from stepladder.interaction.cli import gathering
from stepladder.store import FeedbackRow, LedgerRow
from tests.interaction.shell import Shell
from tests.interaction.test_data import write


def test_files_of_different_shapes_become_one(shell: Shell, tmp_path):
    write(tmp_path / "a.jsonl", [{"input": "Where?", "answer": "here"}, {"n": 1}])
    (tmp_path / "b.json").write_text(json.dumps([{"instruction": "Say", "input": "hi", "output": "hi"}]))
    assert shell("data", "gather", "a.jsonl", "b.json", "--out", "out.jsonl", "--json") == 0
    assert json.loads(shell.out)["rows"] == 2
    assert json.loads(shell.out)["sources"][0] == {"source": "a.jsonl", "rows": 1, "skipped": 1}
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["source"] for row in rows] == ["a.jsonl:1", "b.json:1"]
    assert shell("data", "gather", "a.jsonl", "--out", "out.jsonl") == 0
    assert "record 2: it has no 'input'" in shell.out


def test_wrong_words_are_named(shell: Shell):
    assert shell("data", "gather", "--out", "x.jsonl") == 2
    assert "--task" in shell.err
    assert shell("data", "gather", "teacher.jsonl", "--shape", "round") == 2
    assert "sharegpt" in shell.err
    assert shell("data", "gather", "sqlite:///x.db") == 2
    assert "--query" in shell.err


def test_a_tasks_questions_come_out_of_the_ledger(shell: Shell, tmp_path, monkeypatch):
    monkeypatch.setattr(gathering, "_PAGE", 2)
    (tmp_path / "data").mkdir()
    with closing(shell.store()) as store:
        for n in range(5):
            row = LedgerRow(
                f"r{n}", 5.0 + n, "acme", "mood", "teacher", f"text {n}", {"n": n}, answer="good", top=True
            )
            asyncio.run(store.ledger.commit(row))
        asyncio.run(store.ledger.commit_feedback(FeedbackRow("r3", 9.0, "acme", answer="bad")))
    assert shell("data", "gather", "--task", "mood", "--out", "out.jsonl") == 0
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [(row["input"], row["answer"], row["origin"]) for row in rows] == [
        (f"text {n}", "bad" if n == 3 else "good", "feedback" if n == 3 else "top") for n in range(5)
    ]
    assert rows[3]["gold"] == "bad"
    assert rows[0] == {
        "input": "text 0",
        "answer": "good",
        "fields": {"n": 0},
        "id": "r0",
        "origin": "top",
        "drawn": False,
        "time": 5.0,
        "source": "ledger:mood:1",
    }
