"""Logs of every usual shape are read, and broken rows are named without being quoted."""

import gzip
import json

import pytest

from stepladder.core import DataError
from stepladder.data import FieldNames, LogRow, read_log


def write(path, *rows):
    lines = [row if isinstance(row, bytes) else json.dumps(row, ensure_ascii=False).encode() for row in rows]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def test_flat_rows_keep_text_answer_gold_fields_and_time(tmp_path):
    row = {"input": "好吃吗？", "answer": "yes", "gold": "no", "fields": {"stars": 5}, "time": 1.5}
    log = read_log(write(tmp_path / "log.jsonl", row))
    assert log.rows == (LogRow(1, "好吃吗？", "yes", "no", {"stars": 5}, 1.5),)
    assert log.skipped == 0


def test_names_are_mapped_also_into_nested_objects(tmp_path):
    row = {"payload": {"text": "hello"}, "gpt": 1, "human": False, "a.b": "x"}
    names = FieldNames(input="payload.text", answer="gpt", gold="human")
    assert read_log(write(tmp_path / "log.jsonl", row), names).rows == (LogRow(1, "hello", "1", "false"),)
    dotted = FieldNames(input="a.b", answer="gpt")
    assert read_log(tmp_path / "log.jsonl", dotted).rows[0].text == "x"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (True, "true"), (1.5, "1.5"), ({"b": 1, "a": "ü"}, '{"a":"ü","b":1}'), (["x"], '["x"]')],
)
def test_answers_that_are_no_text_keep_the_spelling_of_json(tmp_path, value, text):
    assert read_log(write(tmp_path / "log.jsonl", {"input": "q", "answer": value})).rows[0].answer == text


MESSAGES = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": "first"},
    {"role": "assistant", "content": "hm"},
    {"role": "user", "content": [{"type": "text", "text": "is it"}, {"type": "text", "text": "good?"}]},
]
RESPONSE = {"choices": [{"message": {"role": "assistant", "content": "yes"}}]}


@pytest.mark.parametrize(
    "row",
    [
        {"request": {"model": "m", "messages": MESSAGES}, "response": RESPONSE},
        {"body": {"messages": MESSAGES}, "response": {"status_code": 200, "body": RESPONSE}},
        {"request": {"body": {"messages": MESSAGES}}, "response": {"body": RESPONSE}},
        {"request": json.dumps({"messages": MESSAGES}), "response": json.dumps(RESPONSE)},
        {"messages": MESSAGES, "response": RESPONSE},
        {"messages": [*MESSAGES, {"role": "assistant", "content": "yes"}]},
    ],
)
def test_openai_exchanges_in_their_usual_wrappings(tmp_path, row):
    found = read_log(write(tmp_path / "log.jsonl", row)).rows[0]
    assert (found.text, found.answer) == ("is it\ngood?", "yes")


def test_broken_rows_are_counted_and_the_first_five_named_with_their_lines(tmp_path):
    good = {"input": "q", "answer": "a"}
    rows = [
        b'{"input": "secret words',
        good,
        b"",
        {"input": "q"},
        {"input": 7, "answer": "a"},
        ["no object"],
        {"input": " ", "answer": "a"},
        {"input": "q", "answer": "a", "time": "yesterday"},
        {"input": "q", "answer": None},
        b'{"input": "\xff", "answer": "a"}',
        good,
    ]
    log = read_log(write(tmp_path / "log.jsonl", *rows))
    assert [row.line for row in log.rows] == [2, 11]
    assert log.skipped == 8
    assert [(row.line, row.reason) for row in log.first_skipped] == [
        (1, "it is not valid JSON"),
        (4, "it has no 'answer'"),
        (5, "'input' is no text"),
        (6, "it is no JSON object"),
        (7, "'input' is empty"),
    ]
    assert not any("secret" in row.reason for row in log.first_skipped)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"request": {"messages": MESSAGES}}, "it has a request but no 'response'"),
        ({"request": {"messages": MESSAGES}, "response": {"error": "x"}}, "its response has no 'choices'"),
        (
            {"request": {"messages": MESSAGES}, "response": {"status_code": 500, "body": {}}},
            "its response is an error",
        ),
        ({"messages": [{"role": "system", "content": "x"}]}, "its messages hold none of the user's"),
        (
            {"messages": MESSAGES, "response": {"choices": [{"message": {"content": None}}]}},
            "a message holds no text",
        ),
        (
            {"input": "q", "answer": "a", "fields": {"x": {}}},
            "fields.x is neither text, a number, a boolean nor null",
        ),
    ],
)
def test_reasons(tmp_path, row, reason):
    log = read_log(write(tmp_path / "log.jsonl", row, {"input": "q", "answer": "a"}))
    assert [skipped.reason for skipped in log.first_skipped] == [reason]


def test_times_are_unix_seconds_or_iso(tmp_path):
    rows = [
        {"input": "q", "answer": "a", "time": time}
        for time in (12, "1970-01-01T00:01:00Z", "1970-01-01 00:02")
    ]
    assert [row.at for row in read_log(write(tmp_path / "log.jsonl", *rows)).rows] == [12.0, 60.0, 120.0]


def test_gzip_is_read_and_a_damaged_one_is_named(tmp_path):
    plain = json.dumps({"input": "q", "answer": "a"}).encode() * 1
    path = tmp_path / "log.jsonl.gz"
    path.write_bytes(gzip.compress(plain))
    assert len(read_log(path).rows) == 1
    path.write_bytes(gzip.compress(plain * 1000)[:-20])
    with pytest.raises(DataError, match="damaged"):
        read_log(path)
    path.write_bytes(plain)
    with pytest.raises(DataError, match="no gzip"):
        read_log(path)


def test_a_file_without_a_usable_row_says_what_a_row_looks_like(tmp_path):
    with pytest.raises(
        DataError, match=r"log\.jsonl holds no usable row. Line 1: it has no 'input'.*\"answer\""
    ):
        read_log(write(tmp_path / "log.jsonl", {"text": "q", "label": 1}))
    with pytest.raises(DataError, match="It is empty"):
        read_log(write(tmp_path / "log.jsonl"))
    with pytest.raises(DataError, match="There is no file"):
        read_log(tmp_path / "other.jsonl")


def test_an_answer_of_weight_0_is_no_row(tmp_path):
    chats = [[*MESSAGES, {"role": "assistant", "content": "yes", "weight": weight}] for weight in (0, 1)]
    log = read_log(write(tmp_path / "log.jsonl", *({"messages": chat} for chat in chats)))
    assert [row.line for row in log.rows] == [2]
    assert log.first_skipped[0].reason == "its last answer has the weight 0"
