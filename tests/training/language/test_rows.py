"""Rows are read in the formats that people have, and a bad one is named by its line."""

import json

import pytest

from stepladder.core import DataError
from stepladder.training.language import read_rows

ASK, SAY = {"role": "user", "content": "Where?"}, {"role": "assistant", "content": "Here."}
WANTED = {"prompt": [ASK], "completion": [SAY]}
SHAREGPT = [{"from": "human", "value": "Where?"}, {"from": "gpt", "value": "Here."}]


def read(path, row, kind="answers"):
    file = path / "rows.jsonl"
    file.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    return read_rows(file, kind)[0]


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [ASK, SAY]},
        {"conversations": SHAREGPT},
        {"prompt": "Where?", "completion": "Here."},
        {"prompt": [ASK], "completion": [SAY]},
        {"input": "Where?", "answer": "Here."},
        {"instruction": "Where?", "input": "", "output": "Here."},
    ],
)
def test_each_format_means_the_same(tmp_path, row):
    assert read(tmp_path, row) == WANTED


def test_of_a_chat_the_last_answer_is_learned(tmp_path):
    found = read(tmp_path, {"messages": [ASK, SAY, {"role": "user", "content": "谢谢"}, SAY]})
    assert len(found["prompt"]) == 3
    assert found["completion"] == [SAY]


@pytest.mark.parametrize("kind", ["answers", "prompts"])
def test_answers_of_weight_0_are_not_learned(tmp_path, kind):
    file, said = tmp_path / "rows.jsonl", list[str]()
    chats = [[ASK, {**SAY, "weight": weight}] for weight in (0, 1)]
    chats.append([ASK, {**SAY, "weight": 0}, ASK, SAY])  # one that is only read
    file.write_text("".join(json.dumps({"messages": chat}) + "\n" for chat in chats), encoding="utf-8")
    assert [len(row["prompt"]) for row in read_rows(file, kind, said.append)] == [1, 3]
    assert said == ["Left out: 1 of the file's chats, whose last answer has the weight 0."]
    file.write_text(json.dumps({"messages": chats[0]}) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"no rows to learn.*weight 0"):
        read_rows(file, kind)


def test_pairs(tmp_path):
    found = read(tmp_path, {"prompt": "Where?", "chosen": "Here.", "rejected": "No."}, "pairs")
    assert found == {"prompt": [ASK], "chosen": [SAY], "rejected": [{"role": "assistant", "content": "No."}]}


@pytest.mark.parametrize(
    "row",
    [
        {},
        [],
        {"prompt": "Where?"},
        {"messages": [ASK]},
        {"input": "Where?", "answer": ""},
        {"input": 3, "answer": "x"},
    ],
)
def test_a_bad_row_is_named_by_its_line(tmp_path, row):
    with pytest.raises(DataError, match=r"line 1 (is no row to train on|has no '(answer|completion)')"):
        read(tmp_path, row)
