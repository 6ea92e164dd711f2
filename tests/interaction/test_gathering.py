"""stepladder data gather, as it is typed."""

import asyncio
import json
from contextlib import closing

import pytest

from stepladder.interaction.cli import gathering
from stepladder.store import FeedbackRow, LedgerRow
from tests.interaction.shell import Shell
from tests.interaction.test_data import write
from tests.knowledge.web import web


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


def test_a_site_and_a_feed_are_gathered_beside_files(shell: Shell, tmp_path):
    pytest.importorskip("feedparser", reason="the extra documents is not installed")
    pytest.importorskip("protego", reason="the extra documents is not installed")
    write(tmp_path / "a.jsonl", [{"text": "A row of mine"}])
    with web() as site:
        site.pages["/robots.txt"] = (200, {}, "User-agent: *\nDisallow: /private\n")
        site.page("/", "/one", "/private", text="Start here.", title="Home")
        site.page("/one", "/two", text="The first page is about otters.")
        site.feed("/rss", {"x": ("Fair", "A fair is held.")})
        words = (
            f"a.jsonl {site.url}/ --feed {site.url}/rss --input text --depth 1 --rate 100 --licence CC0-1.0"
        )
        assert shell("data", "gather", *words.split(), "--json") == 0, shell.err
        assert [(one["rows"], one["skipped"]) for one in json.loads(shell.out)["sources"]] == [
            (1, 0),
            (2, 1),
            (1, 0),
        ]
        assert "/private" not in [path for path, _ in site.asked]
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert [row.get("title") for row in rows] == [None, "Home", None, "Fair"]
    assert [row.get("licence") for row in rows] == [None, "CC0-1.0", "CC0-1.0", "CC0-1.0"]
    assert rows[3]["input"] == "A fair is held."
    assert shell("data", "gather", "--feed", "town.example/rss") == 2
    assert "http" in shell.err


def test_wrong_words_are_named(shell: Shell):
    assert shell("data", "gather", "--out", "x.jsonl") == 2
    assert "--task" in shell.err
    assert shell("data", "gather", "teacher.jsonl", "--shape", "round") == 2
    assert "sharegpt" in shell.err
    assert shell("data", "gather", "sqlite:///x.db") == 2
    assert "--query" in shell.err


def test_a_script_learns_that_nothing_came(shell: Shell, tmp_path):
    write(tmp_path / "odd.jsonl", [{"other": 1}])
    assert shell("data", "gather", "odd.jsonl") == 1
    assert "rows: 0, skipped: 1" in shell.out
    assert shell("data", "gather", "odd.jsonl", "--json") == 1


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
    assert shell("data", "gather", "--task", "mood", "--out", "out.jsonl", "--purpose", "a test") == 0
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
