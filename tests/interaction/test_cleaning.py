"""stepladder data clean, restore and validate, as they are typed."""

import json

from tests.interaction.shell import Shell
from tests.interaction.test_data import write

ROWS = [
    {"input": "please call 13812345678 about my card", "answer": "call"},
    {"input": "please CALL 13812345678 about my card", "answer": "call"},
    {"input": "the key is AKIAABCDEFGHIJKLMNOP thank you", "answer": "key"},
    {"input": "<p>where</p><p>is it</p>", "answer": "where"},
    {"input": "我的订单在哪里", "answer": "where"},
    {"input": "spam " * 60, "answer": "spam"},
]


def test_clean_then_restore(shell: Shell, tmp_path):
    write(tmp_path / "in.jsonl", ROWS)
    words = ["data", "clean", "in.jsonl", "--out", "out.jsonl", "--personal", "mask", "--secrets", "remove"]
    assert shell(*words, "--html", "page.html", "--report", "report.json", "--json") == 0
    figures = json.loads(shell.out)
    assert (figures["rows"], figures["kept"]) == (6, 3)
    assert {name: one["removed"] for name, one in figures["rules"].items() if one["removed"]} == {
        "secrets": 1,
        "copy": 1,
        "repetition": 1,
    }
    assert figures["inventory"] == {"personal": {"phone": 2}, "secrets": {"aws_key": 1}}
    assert json.loads((tmp_path / "report.json").read_text()) == figures
    shown = (tmp_path / "page.html").read_text() + (tmp_path / "out.jsonl").read_text()
    assert "13812345678" not in shown
    assert "AKIAABCDEFGHIJKLMNOP" not in shown
    assert shell("data", "restore", "out.jsonl", "out.jsonl.removed", "--out", "back.jsonl") == 0
    assert (tmp_path / "back.jsonl").read_bytes() == (tmp_path / "in.jsonl").read_bytes()
    assert shell(*words) == 0
    assert "3 of 6 rows stay" in shell.out


def test_rules_are_left_out_and_named(shell: Shell, tmp_path):
    write(tmp_path / "in.jsonl", ROWS)
    words = ["data", "clean", "in.jsonl", "--out", "out.jsonl", "--json"]
    assert shell(*words, "--skip", "copy", "--skip", "repetition", "--language", "en") == 0
    assert json.loads(shell.out)["kept"] == 5
    assert shell(*words, "--skip", "coppy") == 2
    assert "coppy" in shell.err
    assert "copy" in shell.err
    assert shell(*words, "--personal", "hide") == 2
    assert "--personal" in shell.err


def test_validate_says_by_its_exit_code_whether_all_is_well(shell: Shell, tmp_path):
    write(tmp_path / "in.jsonl", ROWS)
    (tmp_path / "schema.json").write_text(
        '{"properties": {"answer": {"enum": ["call", "key", "where", "spam"]}}}'
    )
    assert shell("data", "validate", "in.jsonl", "--schema", "schema.json", "--json") == 0
    assert json.loads(shell.out)["invalid"] == 0
    write(tmp_path / "in.jsonl", [*ROWS, {"input": "x", "answer": "other"}])
    assert shell("data", "validate", "in.jsonl", "--schema", "schema.json") == 1
    assert "invalid: 1" in shell.out
    assert shell("data", "validate", "in.jsonl", "--against", "in.jsonl", "--json") == 0
    assert shell("data", "validate", "in.jsonl", "--schema", "in.jsonl") == 2
