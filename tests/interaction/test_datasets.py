"""stepladder data split, mix, freeze and diff, as they are typed."""

import json
import random
from contextlib import closing

from stepladder.registry import Registry
from tests.data.test_duplicates import sentence
from tests.interaction.shell import Shell
from tests.interaction.test_data import write


def test_from_rows_to_a_data_set_and_its_next_version(shell: Shell, tmp_path):
    draw = random.Random(8)
    rows = [{"input": sentence(draw), "answer": ["good", "bad"][n % 2]} for n in range(60)]
    write(tmp_path / "raw.jsonl", rows)
    assert shell("data", "clean", "raw.jsonl", "--out", "in.jsonl", "--report", "clean.json") == 0
    assert (
        shell(
            "data",
            "split",
            "in.jsonl",
            "--out",
            "cut",
            "--share",
            "train=0.8",
            "--share",
            "test=0.2",
            "--json",
        )
        == 0
    )
    counts = json.loads(shell.out)
    assert sum(counts.values()) == 60
    assert (
        shell("data", "mix", "cut/train.jsonl=1", "--out", "train.jsonl", "--balance", "answer", "--json")
        == 0
    )
    assert json.loads(shell.out)[0]["taken"] > 0
    parts = ["--split", "train=cut/train.jsonl", "--split", "test=cut/test.jsonl"]
    words = [
        "data",
        "freeze",
        "v1",
        *parts,
        "--licence",
        "CC0-1.0",
        "--report",
        "clean.json",
        "--task",
        "mood",
    ]
    assert shell(*words, "--json") == 0
    card = json.loads(shell.out)
    assert card["filters"][0]["kept"] == 60
    assert card["licences"] == {"train.jsonl": "CC0-1.0", "test.jsonl": "CC0-1.0"}
    with closing(shell.store()) as store:
        kept = Registry(store.catalogue, tmp_path / "data" / "releases").dataset(card["registry"], "mood")
    assert {name: len(examples) for name, examples in kept.splits.items()} == counts
    assert shell(*words) == 2
    assert "there already" in shell.err
    write(tmp_path / "cut" / "test.jsonl", [{"input": sentence(draw), "answer": "good"}])
    assert shell("data", "freeze", "v2", *parts, "--parent", "v1") == 0
    assert json.loads((tmp_path / "v2" / "card.json").read_text())["parent"] == card["hash"]
    assert shell("data", "diff", "v1", "v2", "--json") == 0
    found = json.loads(shell.out)
    assert (found["added"], found["removed"]) == (1, counts["test"])
    assert shell("data", "diff", "v1", "v2") == 0
    assert "added: 1" in shell.out


def test_wrong_words_are_named(shell: Shell, tmp_path):
    write(tmp_path / "teacher.jsonl", [{"input": "a day", "answer": "good"}])
    for words, named in (
        (["split", "teacher.jsonl", "--out", "x", "--share", "train"], "--share"),
        (["split", "teacher.jsonl", "--out", "x", "--share", "train=much"], "much"),
        (["split", "teacher.jsonl", "--out", "x", "--share", "a=1", "--by", "luck"], "group"),
        (["split", "teacher.jsonl", "--out", "x", "--share", "a=1", "--by", "group"], "--field"),
        (["split", "teacher.jsonl", "--out", "x", "--share", "a=.8", "--share", "b=.3"], "add up to 1.1"),
        (["split", "teacher.jsonl", "--out", "x", "--share", "a=nan"], "add up to nan"),
        (["split", "teacher.jsonl", "--out", "x", "--share", "a=.5", "--share", "a=.5"], "twice"),
        (["split", "teacher.jsonl", "--out", "x", "--share", "../a=1"], "'../a'"),
        (["split", "teacher.jsonl", "--out", "x", "--share", "a=1", "--field", "b"], "--by"),
        (["mix", "teacher.jsonl=heavy", "--out", "x"], "heavy"),
        (["mix", "teacher.jsonl", "--out", "x", "--rows", "0"], "--rows"),
        (["mix", "teacher.jsonl", "--out", "x", "--repeat", "0"], "--repeat"),
        (["mix", "teacher.jsonl", "--out", "x", "--balance", "mood"], "'mood'"),
        (["freeze", "v1", "--split", "a=teacher.jsonl", "--split", "a=teacher.jsonl"], "twice"),
        (["freeze", "v1", "--split", "../a=teacher.jsonl"], "'../a'"),
        (["freeze", "v1", "--split", "a=teacher.jsonl", "--licence", "crm.csv=MIT"], "'crm.csv'"),
        (["freeze", "v1", "--split", "train=nowhere.jsonl"], "nowhere.jsonl"),
        (["freeze", "v1", "--split", "train=teacher.jsonl", "--report", "teacher.jsonl"], "--report"),
    ):
        assert shell("data", *words) == 2
        assert named in shell.err
        assert not (shell.folder / "v1").exists()


def test_the_rows_a_model_doubts_most_are_taken_and_a_curriculum_puts_them_last(shell: Shell, tmp_path):
    draw = random.Random(3)
    words = {"up": "rises climbs grows", "down": "falls drops sinks"}
    rows = [{"input": f"{draw.choice(words[a].split())} {n}", "answer": a} for n in range(80) for a in words]
    wrong = [{"input": f"rises {n}", "answer": "down"} for n in (89, 123, 151, 178, 204, 237)]
    write(tmp_path / "rows.jsonl", [*rows, *wrong])
    write(tmp_path / "pool.jsonl", [*({"input": row["input"]} for row in rows), {"input": "rises falls"}])
    doubt = ("--rank", "doubt", "--rows", "10", "--hardest", "--rising")
    assert shell("data", "mix", "rows.jsonl", "--out", "hard.jsonl", *doubt) == 0
    hard = [json.loads(line)["input"] for line in (tmp_path / "hard.jsonl").read_text().splitlines()]
    assert len({row["input"] for row in wrong} & set(hard)) >= 5
    least = ("--rank", "doubt", "--labelled", "rows.jsonl", "--rows", "1", "--hardest")
    assert shell("data", "mix", "pool.jsonl", "--out", "ask.jsonl", *least) == 0
    assert "rises" in (tmp_path / "ask.jsonl").read_text()  # half of what it saw of this word was otherwise
    assert shell("data", "mix", "rows.jsonl", "--out", "short.jsonl", "--rank", "length", "--rising") == 0
    lengths = [len(json.loads(line)["input"]) for line in (tmp_path / "short.jsonl").read_text().splitlines()]
    assert lengths == sorted(lengths)
    for typed, named in (
        (["pool.jsonl", "--rank", "doubt"], "no answer under"),
        (["pool.jsonl", "--rank", "score"], "no number under 'score'"),
        (["pool.jsonl", "--hardest"], "--rank"),
    ):
        assert shell("data", "mix", *typed, "--out", "x.jsonl") == 2
        assert named in shell.err
