"""Schema, outliers and drift: found where they were put, silent where nothing is wrong."""

import json
import random

import pytest

from stepladder.core import BadRequest, DataError
from stepladder.data import validate

SCHEMA = {
    "type": "object",
    "required": ["input", "answer"],
    "properties": {"answer": {"enum": ["a", "b"]}, "input": {"type": "string"}},
}


def quiet(done, total, what):
    pass


def rows(count, seed=0, share=0.5, shift=0.0, words=6):
    draw = random.Random(seed)
    return [
        {
            "input": " ".join(
                draw.choices(["card", "order", "where", "my", "please"], k=words + draw.randrange(4))
            ),
            "answer": "a" if draw.random() < share else "b",
            "fields": {"age": draw.gauss(40 + shift, 10)},
        }
        for _ in range(count)
    ]


def write(path, found):
    path.write_text("".join(json.dumps(row) + "\n" for row in found), encoding="utf-8")
    return path


def test_rows_outside_the_schema_are_named_by_line(tmp_path):
    found = rows(5)
    found[1]["answer"] = "c"
    del found[3]["input"]
    path = write(tmp_path / "in.jsonl", found)
    path.write_text(path.read_text() + "no json\n")
    seen = validate(path, quiet, schema=SCHEMA)
    assert (seen.rows, seen.invalid) == (6, 3)
    assert [fault.line for fault in seen.faults] == [2, 4, 6]
    assert "answer" in seen.faults[0].what
    assert "input" in seen.faults[1].what


def test_outliers_of_numbers_and_lengths(tmp_path):
    found = rows(300)
    found[100]["fields"]["age"] = 4000.0
    found[200]["input"] = "card " * 2000
    seen = validate(write(tmp_path / "in.jsonl", found), quiet)
    assert [(fault.line, fault.what.split(" is ")[0]) for fault in seen.strange] == [
        (101, "fields.age"),
        (201, "length of input"),
    ]


@pytest.mark.parametrize("seed", range(4))
def test_two_files_alike_have_not_drifted(tmp_path, seed):
    before = write(tmp_path / "before.jsonl", rows(1500, seed))
    now = write(tmp_path / "now.jsonl", rows(800, seed + 100))
    assert validate(now, quiet, against=before).moved == ()


@pytest.mark.parametrize(
    ("changed", "trait"),
    [
        ({"share": 0.9}, "answer"),
        ({"shift": 8.0}, "fields.age"),
        ({"words": 9}, "length of input"),
    ],
)
def test_what_has_moved_is_named_and_nothing_else(tmp_path, changed, trait):
    before = write(tmp_path / "before.jsonl", rows(1500))
    now = write(tmp_path / "now.jsonl", rows(1500, 7, **changed))
    assert [one.trait for one in validate(now, quiet, against=before).moved] == [trait]


def test_new_labels_languages_and_fields_are_seen(tmp_path):
    before = write(tmp_path / "before.jsonl", rows(400))
    found = rows(400, 3)
    for row in found[200:]:
        row["input"] = "请问我的订单什么时候到啊谢谢你们"
        row["channel"] = 1
    found[0]["answer"] = "new"
    seen = validate(write(tmp_path / "now.jsonl", found), quiet, against=before)
    moved = {one.trait for one in seen.moved}
    assert {"language of input", "channel is new", "names of the fields"} <= moved
    assert any("answer has a value" in fault.what for fault in seen.strange)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="nowhere"):
        validate(tmp_path / "nowhere.jsonl", quiet)


def test_every_keyword_of_a_schema_is_kept_or_refused(tmp_path):
    path = write(tmp_path / "in.jsonl", [{"input": "Where is it?"}, {"input": "no"}, {"input": "Hm"}])
    rule = {"properties": {"input": {"minLength": 3, "pattern": "^[A-Z]"}}}
    seen = validate(path, quiet, schema=rule)
    assert [fault.line for fault in seen.faults] == [2, 3]
    assert seen.faults[1].what == "$.input does not keep 'minLength'"
    assert "Hm" not in str(seen.faults)
    for wrong in (
        {"type": "objct"},
        {"minProperties": "many"},
        {"properties": {"input": {"$ref": "x.json"}}},
    ):
        with pytest.raises(BadRequest, match="schema"):
            validate(path, quiet, schema=wrong)


def test_short_codes_are_no_outliers_and_an_empty_file_is_told(tmp_path):
    found = [{"input": f"row {n}", "user": f"u{n % 50}"} for n in range(300)]
    assert validate(write(tmp_path / "in.jsonl", found), quiet).outliers == 0
    found[7]["user"] = "what is this long text doing here"
    assert [fault.line for fault in validate(write(tmp_path / "in.jsonl", found), quiet).strange] == [8]
    for bad in ({}, {"against": tmp_path / "in.jsonl"}):
        with pytest.raises(DataError, match="no row"):
            validate(write(tmp_path / "empty.jsonl", []), quiet, **bad)
