"""Discovery finds the applications behind plain traffic, and none where there is none."""

import random
from dataclasses import replace

import pytest

from stepladder.core import DataError
from stepladder.data import Exchange, Kind, discover, read_exchanges
from tests.data.traffic import (
    FIVE,
    category,
    chat,
    chinese,
    english,
    extraction,
    one_off,
    ping,
    sentiment,
    traffic,
    translation,
    verdict,
)


def quiet(done, total, what):
    pass


@pytest.mark.parametrize(("seed", "calls"), [(1, 300), (2, 60), (3, 25)])
def test_five_applications_are_found_and_no_sixth(seed, calls):
    rows = traffic(dict.fromkeys(FIVE, calls) | {chat: calls * 2, one_off: calls, ping: calls}, seed)
    found = discover(rows, quiet)
    assert [task.calls for task in found.tasks] == [calls] * 5, [task.template for task in found.tasks]
    assert sorted(task.kind.kind for task in found.tasks) == [
        Kind.JSON,
        Kind.LABEL,
        Kind.LABEL,
        Kind.LABEL,
        Kind.TEXT,
    ]
    assert found.exchanges == len(rows) == sum(task.calls for task in found.tasks) + found.left_over


def test_a_shared_preamble_is_not_a_task_and_labels_are_spelt_as_mostly_said():
    found = discover(traffic({sentiment: 200, extraction: 200}), quiet)
    label, shape = sorted(found.tasks, key=lambda task: task.kind.kind, reverse=True)
    assert set(label.kind.labels) == {"positive", "negative", "neutral"}
    assert list(shape.kind.schema["properties"]) == ["product", "price"]
    assert shape.kind.schema["properties"]["price"] == {"type": "integer"}


def test_the_template_and_its_slots():
    rows = traffic({category: 50, verdict: 50})
    found = {task.kind.labels.keys() >= {"Yes"}: task for task in discover(rows, quiet).tasks}
    assert found[False].template.user.endswith("\n\n评论：{text}\n类别：")
    assert found[True].template.user == "{text}\n\nIs this message urgent? Answer yes or no."
    for task in found.values():
        for slot, row in zip(task.template.slots, task.exchanges, strict=True):
            assert slot
            assert slot in row.user
            assert "Answer" not in slot
            assert "类别" not in slot


def test_an_edited_prompt_is_still_one_task():
    def edited(draw):
        row = sentiment(draw)
        return replace(
            row, system=row.system.replace("Answer with one word.", "Reply with a single word only.")
        )

    found = discover(traffic({sentiment: 150, edited: 150}), quiet)
    assert [task.calls for task in found.tasks] == [300]


def test_dates_and_retrieved_examples_do_not_divide_a_task():
    shown = [f"评论：{chinese(random.Random(n))}\n情感：{'好' if n % 2 else '坏'}" for n in range(12)]

    def fewshot(draw):
        told = f"Today is 2026-0{draw.randint(1, 9)}-{draw.randint(10, 28)}. 判断评论的情感，只输出一个字。"
        examples = "\n".join(draw.sample(shown, 3))
        return Exchange(f"{examples}\n评论：{chinese(draw)}\n情感：", draw.choice("好坏"), told)

    found = discover(traffic({fewshot: 200, chat: 100}), quiet)
    assert [(task.calls, sorted(task.kind.labels)) for task in found.tasks] == [(200, ["坏", "好"])]


def test_documents_in_the_system_prompt_do_not_divide_a_task():
    documents = [english(random.Random(n), 80) * 3 for n in range(15)]

    def grounded(draw):
        told = f"Answer only from the context below, in two sentences.\n\nContext:\n{draw.choice(documents)}"
        return Exchange(english(draw) + "?", english(draw, 30), told)

    assert [task.calls for task in discover(traffic({grounded: 300}), quiet).tasks] == [300]


@pytest.mark.parametrize("noise", [chat, one_off, ping])
def test_noise_alone_is_no_task(noise):
    found = discover(traffic({noise: 200}), quiet)
    assert found.tasks == ()
    assert found.left_over == 200


def test_nothing_and_little():
    assert discover([], quiet).tasks == ()
    assert discover(traffic({translation: 5}), quiet).tasks == ()


def test_reading_a_log(tmp_path):
    file = tmp_path / "log.jsonl"
    file.write_text(
        '{"request": {"model": "m", "messages": [{"role": "system", "content": "Sort."},'
        ' {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]},'
        ' "response": {"choices": [{"message": {"content": "d"}}], "usage": {"total_tokens": 9}},'
        ' "cost": 0.5, "time": "2026-01-02"}\n'
        '{"input": "whole prompt", "answer": {"b": 1, "a": 2}}\n'
        "broken\n"
    )
    read = read_exchanges(file)
    assert read.rows[0] == Exchange("c", "d", "Sort.", 2, "m", 9, 0.5, 1767312000.0)
    assert read.rows[1] == Exchange("whole prompt", '{"a":2,"b":1}')
    assert (read.skipped, read.first_skipped[0].line) == (1, 3)
    with pytest.raises(DataError, match="missing"):
        read_exchanges(tmp_path / "missing.jsonl")
    (tmp_path / "none.jsonl").write_text('{"input": "no answer"}\n')
    with pytest.raises(DataError, match=r"no usable row.* Line 1"):
        read_exchanges(tmp_path / "none.jsonl")
