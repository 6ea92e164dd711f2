"""stepladder data synthesise against a real HTTP upstream that writes good texts, copies, leaks and nonsense."""

import json
import os
import subprocess
import sys

import pytest

from tests.interaction.shell import Shell
from tests.interaction.test_data import write
from tests.interaction.test_labelling import ROOT, TYPED
from tests.models.upstream_double import DONE, counted, said, upstream

CONFIG = """
[models.writer]
kind = "chat"
base_url = "URL"
model = "m"
price_in = 1.0
price_out = 1.0
"""
SEEDS = [
    {"input": "Where is my new card? I ordered it last week.", "answer": "card arrival"},
    {"input": "我上个月的账单为什么多扣了二十块钱？", "answer": "wrong fee"},
    {"input": "no answer here"},
]
EXAM = [{"input": "My card has still not come, it has been eight days now", "answer": "card arrival"}]
TEXTS = {
    "Where": [
        "It has been seven days and the post brought nothing from you, what now?",
        "Where is my new card? I ordered it last week!",
        "My card has still not come, it has been eight days now!",
        "x",
        "ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha",
        "wo ist meine neue Karte die ich letzte Woche bestellt habe",
    ],
    "账单": ["账单上凭什么收了我二十元，请解释一下", "二十块钱是怎么回事，我没有同意过这笔扣款"],
}


async def write_texts(asked):
    text = asked.body["messages"][-1]["content"]
    texts = next(texts for word, texts in TEXTS.items() if word in text)
    answer = "```json\n" + json.dumps(texts, ensure_ascii=False) + "\n```"
    await asked.stream(said(answer[:9]), said(answer[9:]), said("", "stop"), counted(50, 20), DONE)


def typed(folder, *words):
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])}
    return subprocess.Popen(
        [sys.executable, "-c", TYPED, "data", "synthesise", *words, "-c", "s.toml"],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("how", ["paraphrase", "more"])
async def test_good_texts_are_kept_with_their_answer_and_the_others_counted(tmp_path, how):
    import asyncio

    write(tmp_path / "seeds.jsonl", SEEDS)
    write(tmp_path / "exam.jsonl", EXAM)
    words = f"seeds.jsonl --model writer --how {how} --count 1 --test exam.jsonl --out new.jsonl --yes --json".split()
    async with upstream(write_texts) as server:
        (tmp_path / "s.toml").write_text(CONFIG.replace("URL", server.url))
        for _ in range(2):
            process = typed(tmp_path, *words)
            out, err = await asyncio.to_thread(process.communicate)
            assert process.returncode == 0, err
    assert len(server.asked) == 2
    figures = json.loads(out)
    assert figures["dropped"] == {"form": 2, "another language": 1, "nothing new": 1, "in the test set": 1}
    assert (figures["written"], figures["kept"]) == (8, 3)
    assert figures["share"] == 0.5
    assert figures["spent"] == round(2 * 70e-6, 6)
    rows = [json.loads(line) for line in (tmp_path / "new.jsonl").read_text(encoding="utf-8").splitlines()]
    assert sorted((row["answer"], row["source"]) for row in rows) == [
        ("card arrival", "writer:1"),
        ("wrong fee", "writer:2"),
        ("wrong fee", "writer:2"),
    ]
    assert all(row["synthetic"] is True for row in rows)


def test_wrong_words_are_named(shell: Shell, tmp_path):
    write(tmp_path / "seeds.jsonl", SEEDS[2:])
    assert (
        shell("data", "synthesise", "seeds.jsonl", "--model", "teacher", "--out", "x", "--how", "magic") == 2
    )
    assert "paraphrase" in shell.err
    assert shell("data", "synthesise", "seeds.jsonl", "--model", "teacher", "--out", "x") == 2
    assert "No row has an answer" in shell.err
    assert shell("data", "synthesise", "seeds.jsonl", "--model", "nobody", "--out", "x") == 2
    assert "teacher" in shell.err


def test_the_price_is_shown_first(shell: Shell, tmp_path):
    write(tmp_path / "seeds.jsonl", SEEDS)
    words = ["data", "synthesise", "seeds.jsonl", "--model", "teacher", "--out", "x", "--dry-run"]
    assert shell(*words) == 0
    assert "2 calls to make" in shell.out
    assert shell(*words, "--how", "more", "--count", "5", "--json") == 0
    assert json.loads(shell.out)["calls"] == 10
