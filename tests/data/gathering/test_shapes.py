"""Records of every known shape become the same rows; what holds none says why."""

import pytest

from stepladder.data import FieldNames, Reading, Shape
from stepladder.data.gathering import rows_of
from stepladder.data.log import Unusable

TALK = [
    {"from": "system", "value": "Be short."},
    {"from": "human", "value": "Hi"},
    {"from": "gpt", "value": "Hello"},
    {"from": "human", "value": "我的卡呢？"},
    {"from": "gpt", "value": "在路上"},
]
TURNS = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
LAST = {"input": "我的卡呢？", "answer": "在路上", "system": "Be short.", "turns": TURNS}
OPENAI = [
    {"role": {"human": "user", "gpt": "assistant"}.get(turn["from"], turn["from"]), "content": turn["value"]}
    for turn in TALK
]


@pytest.mark.parametrize(
    ("record", "row"),
    [
        ({"input": "a", "answer": "b", "x": 1}, {"input": "a", "answer": "b"}),
        ({"input": "a"}, {"input": "a"}),
        ({"input": "a", "answer": {"z": 1, "b": 2}}, {"input": "a", "answer": '{"b":2,"z":1}'}),
        (
            {"input": "a", "answer": "b", "gold": "c", "time": 5},
            {"input": "a", "answer": "b", "gold": "c", "time": 5.0},
        ),
        ({"conversations": TALK}, LAST),
        ({"messages": OPENAI}, LAST),
        (
            {
                "custom_id": "1",
                "request": {"body": {"model": "m", "messages": OPENAI[:-1]}},
                "response": {"body": {"choices": [{"message": {"content": "在路上"}}]}},
            },
            LAST,
        ),
        ({"instruction": "Sum", "input": "", "output": "3"}, {"input": "Sum", "answer": "3"}),
        ({"instruction": "Sum", "input": "1 2", "output": "3"}, {"input": "Sum\n\n1 2", "answer": "3"}),
        (
            {"instruction": "go on", "output": "3", "history": [["Hi", "Hello"]]},
            {"input": "go on", "answer": "3", "turns": TURNS},
        ),
        ({"prompt": "Say hi ->", "completion": " hi"}, {"input": "Say hi ->", "answer": "hi"}),
        (
            {
                "input": {"messages": OPENAI[:2]},
                "preferred_output": [{"role": "assistant", "content": "good"}],
                "non_preferred_output": [{"role": "assistant", "content": "bad"}],
            },
            {"prompt": OPENAI[:2], "chosen": "good", "rejected": "bad"},
        ),
        (  # calls of tools on the way: nothing of the last exchange is among the turns
            {
                "messages": [
                    {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
                    {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
                    {"role": "tool", "content": "42"},
                    {"role": "assistant", "content": "Hello"},
                    {"role": "user", "content": "Now?"},
                    {"role": "assistant", "content": "Yes"},
                ]
            },
            {"input": "Now?", "answer": "Yes", "turns": TURNS},
        ),
    ],
)
def test_every_shape_is_known_by_itself(record, row):
    assert rows_of(record, Reading()) == [row]


@pytest.mark.parametrize("record", [{"conversations": TALK}, {"messages": OPENAI}])
def test_every_turn_is_a_row_with_what_was_said_before(record):
    rows = rows_of(record, Reading(every_turn=True))
    assert [(row["input"], row["answer"], len(row.get("turns", []))) for row in rows] == [
        ("Hi", "Hello", 0),
        ("我的卡呢？", "在路上", 2),
    ]


def test_answers_of_weight_0_are_not_learned():
    messages = [dict(one) for one in OPENAI]
    messages[2]["weight"] = 0
    rows = rows_of({"messages": messages}, Reading(every_turn=True))
    assert rows == [LAST]
    messages[4]["weight"] = 0
    with pytest.raises(Unusable, match="weight 0"):
        rows_of({"messages": messages}, Reading())


def test_names_and_columns_are_mapped():
    reading = Reading(Shape.FLAT, FieldNames(input="q.text", answer="label"), fields=("age", "city"))
    assert rows_of({"q": {"text": "a"}, "label": 3, "age": 41, "city": None}, reading) == [
        {"input": "a", "answer": "3", "fields": {"age": 41}}
    ]


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({"answer": "b"}, "no 'input'"),
        ({"input": "  "}, "is empty"),
        ({"conversations": [{"from": "human", "value": "Hi"}]}, "nobody answers"),
        ({"messages": [{"role": "user", "content": "Hi"}]}, "no 'response'"),
        ({"instruction": "Sum", "output": ""}, "'output' is empty"),
        ({"conversations": ["Hi"]}, "no JSON object"),
        (
            {"input": {"messages": OPENAI[:2]}, "preferred_output": [], "non_preferred_output": []},
            "two answers",
        ),
        ({"input": {"messages": OPENAI}, "preferred_output": []}, "end with the user"),
    ],
)
def test_what_is_no_row_says_why(record, why):
    with pytest.raises(Unusable, match=why):
        rows_of(record, Reading())
