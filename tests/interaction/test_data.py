"""stepladder data, as it is typed."""

import asyncio
import json
import random
from contextlib import closing

from stepladder.store import LedgerRow
from tests.data.test_duplicates import edited, sentence
from tests.interaction.shell import Shell


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_dedupe_keeps_rows_as_they_were_and_shows_what_went(shell: Shell, tmp_path):
    draw = random.Random(1)
    texts = [sentence(draw) for _ in range(100)]
    write(
        tmp_path / "in.jsonl",
        [{"input": text, "n": n} for n, text in enumerate([*texts, edited(texts[7], draw), texts[3]])],
    )
    assert shell("data", "dedupe", "in.jsonl", "--out", "out.jsonl", "--removed", "gone.jsonl", "--json") == 0
    assert json.loads(shell.out) == {"rows": 102, "kept": 100, "copies": 2, "broken": 0}
    assert (tmp_path / "out.jsonl").read_text() == "".join(
        (tmp_path / "in.jsonl").read_text().splitlines(True)[:100]
    )
    gone = [json.loads(line) for line in (tmp_path / "gone.jsonl").read_text().splitlines()]
    assert [(row["copy"]["n"], row["of"]["n"]) for row in gone] == [(100, 7), (101, 3)]


def test_contamination(shell: Shell, tmp_path):
    draw = random.Random(2)
    texts = [sentence(draw) for _ in range(50)]
    write(tmp_path / "train.jsonl", [{"input": text} for text in texts])
    write(tmp_path / "test.jsonl", [{"input": sentence(draw)}, {"input": texts[30] + "!"}])
    assert (
        shell(
            "data",
            "contamination",
            "train.jsonl",
            "--against",
            "test.jsonl",
            "--out",
            "clean.jsonl",
            "--json",
        )
        == 0
    )
    assert json.loads(shell.out) == {
        "rows": 50,
        "test_rows": 2,
        "contaminated": 1,
        "broken": 0,
        "broken_in_test": 0,
    }
    assert len((tmp_path / "clean.jsonl").read_text().splitlines()) == 49
    write(tmp_path / "more.jsonl", [{"input": edited(texts[9], draw)}])
    both = ["--against", "test.jsonl", "--against", "more.jsonl", "--removed", "caught.jsonl", "--json"]
    assert shell("data", "contamination", "train.jsonl", *both) == 0
    assert json.loads(shell.out)["contaminated"] == 2
    caught = [json.loads(line)["input"] for line in (tmp_path / "caught.jsonl").read_text().splitlines()]
    assert caught == [texts[9], texts[30]]


def test_errors_finds_flipped_labels(shell: Shell, tmp_path):
    draw = random.Random(3)
    rows = []
    for n in range(600):
        label = draw.choice(["up", "down"])
        words = {"up": ["rise", "gain", "climb"], "down": ["fall", "loss", "sink"]}[label]
        rows.append(
            {"input": f"{sentence(draw, 3)} {draw.choice(words)} {draw.choice(words)} n{n}", "answer": label}
        )
    flipped = draw.sample(range(600), 30)
    for at in flipped:
        rows[at]["answer"] = {"up": "down", "down": "up"}[rows[at]["answer"]]
    write(tmp_path / "in.jsonl", rows)
    assert shell("data", "errors", "in.jsonl", "--out", "suspects.jsonl", "--json") == 0
    found = {json.loads(line)["line"] - 1 for line in (tmp_path / "suspects.jsonl").read_text().splitlines()}
    assert len(found & set(flipped)) >= 27
    assert len(found - set(flipped)) <= 10


def test_suspects_out_of_the_ledger_wait_for_a_person_whose_word_is_the_label(shell: Shell, tmp_path):
    (tmp_path / "data").mkdir()
    with closing(shell.store()) as store:
        for n in range(60):
            mood = ["good", "bad"][n % 2]
            text = f"{['lovely nice', 'awful poor'][n % 2]} day {n}"
            said = mood if n != 7 else "good"
            row = LedgerRow(f"r{n}", 5.0 + n, "acme", "mood", "teacher", text, answer=said, top=True)
            asyncio.run(store.ledger.commit(row))
    assert shell("data", "gather", "--task", "mood", "--out", "out.jsonl", "--purpose", "a test") == 0
    assert shell("data", "errors", "out.jsonl", "--review", "--json") == 0
    assert json.loads(shell.out)["queued"] == 1
    assert shell("data", "errors", "out.jsonl", "--review", "--json") == 0
    assert json.loads(shell.out)["queued"] == 0  # it waits already
    assert shell("review", "list") == 0
    assert "rather bad" in shell.out
    assert shell("review", "correct", "r7", "bad") == 0
    assert shell("data", "gather", "--task", "mood", "--out", "again.jsonl", "--purpose", "a test") == 0
    rows = [json.loads(line) for line in (tmp_path / "again.jsonl").read_text().splitlines()]
    assert [row["answer"] for row in rows if row["id"] == "r7"] == ["bad"]
    write(tmp_path / "mine.jsonl", [{key: row[key] for key in ("input", "answer")} for row in rows])
    assert shell("data", "errors", "mine.jsonl", "--review", "--json") == 0
    assert json.loads(shell.out)["queued"] == 0


def test_rows_of_the_ledger_on_which_teachers_differ_wait_for_a_person(shell: Shell, tmp_path):
    (tmp_path / "data").mkdir()
    with closing(shell.store()) as store:
        for n, text in enumerate(("clear day", "odd day")):
            row = LedgerRow(f"r{n}", 5.0 + n, "acme", "mood", "teacher", text, answer="good", top=True)
            asyncio.run(store.ledger.commit(row))
    write(
        tmp_path / "teacher.jsonl",
        [{"input": "clear day", "answer": "good"}, {"input": "odd day", "answer": "good"}],
    )
    write(
        tmp_path / "other.jsonl",
        [{"input": "clear day", "answer": "good"}, {"input": "odd day", "answer": "bad"}],
    )
    more = '[models.other]\nkind = "recorded"\npath = "other.jsonl"\n'
    (tmp_path / "stepladder.toml").write_text(
        (tmp_path / "stepladder.toml").read_text("utf-8") + more, "utf-8"
    )
    assert shell("data", "gather", "--task", "mood", "--out", "asked.jsonl", "--purpose", "a test") == 0
    label = ["data", "label", "asked.jsonl", "--task", "mood", "--model", "teacher", "--model", "other"]
    assert shell(*label, "--out", "done.jsonl", "--yes", "--queue", "--json") == 0, shell.err
    assert json.loads(shell.out)["undecided"] == 1
    assert "1 more wait" in shell.err
    assert shell("review", "list") == 0
    assert "rather bad" in shell.out
    assert "r0" not in shell.out
    assert shell(*label, "--out", "done.jsonl", "--yes", "--queue", "--json") == 0
    assert "0 more wait" in shell.err


def test_bad_input_is_named(shell: Shell):
    assert shell("data", "dedupe", "missing.jsonl", "--out", "out.jsonl") == 2
    assert "missing.jsonl" in shell.err
    assert shell("data", "dedupe", "teacher.jsonl", "--out", "out.jsonl", "--threshold", "0.1") == 2
    assert "threshold" in shell.err
    for typed in (["--embedder", "nanoe"], ["--embedder", "ngrams", "--alike", "0"]):
        assert shell("data", "dedupe", "teacher.jsonl", "--out", "out.jsonl", *typed) == 2
        assert typed[-2] in shell.err


def test_dedupe_and_contamination_look_at_meaning_where_an_embedder_is_named(shell: Shell, tmp_path):
    texts = [
        "please cancel my order",
        "when does the shop open",
        "cancel order please",
        "please cancel my order!!",
    ]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"input": text}) + "\n" for text in texts))
    (tmp_path / "exam.jsonl").write_text(json.dumps({"input": "order: cancel, please"}) + "\n")
    look = ("--embedder", "ngrams", "--alike", "0.6")
    assert shell("data", "dedupe", "in.jsonl", "--out", "out.jsonl", "--threshold", "0.9") == 0
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 3
    gone = ("--removed", "gone.jsonl", "--json")
    assert shell("data", "dedupe", "in.jsonl", "--out", "out.jsonl", "--threshold", "0.9", *look, *gone) == 0
    kept = [json.loads(line)["input"] for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert kept == texts[:2]
    pairs = [json.loads(line) for line in (tmp_path / "gone.jsonl").read_text().splitlines()]
    assert {pair["of"]["input"] for pair in pairs} == {texts[0]}
    assert (
        shell("data", "contamination", "in.jsonl", "--against", "exam.jsonl", *look, "--out", "safe.jsonl")
        == 0
    )
    safe = [json.loads(line)["input"] for line in (tmp_path / "safe.jsonl").read_text().splitlines()]
    assert safe == texts[1:2]
    assert (
        shell("data", "dedupe", "in.jsonl", "--out", "out.jsonl", "--embedder", "ngrams", "--alike", "2") == 2
    )
