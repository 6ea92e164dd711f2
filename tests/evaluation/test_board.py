"""The leaderboard, and tasks for other people's evaluations."""

import ast
import json

import pytest

from stepladder.core import DataError
from stepladder.evaluation import Entry, board_page, keep, read_board, to_inspect, to_lm_eval

ROWS = [{"input": "很好", "target": "good"}, {"input": 'a "bad" one', "target": "bad"}]


def entry(name, figure, at=0.0, rows_hash="a" * 64):
    return Entry(name, "test.jsonl", rows_hash, 2, "accuracy", {"accuracy": figure}, at)


def test_the_newest_of_each_counts_and_the_best_stands_first(tmp_path):
    file = tmp_path / "board.jsonl"
    keep(file, [entry("one", 0.5), entry("two", 0.7)])
    keep(file, [entry("one", 0.9, 86_400.0), entry("one", 0.1, rows_hash="b" * 64)])
    found = read_board(file)
    assert len(found) == 3
    tables = board_page(found).tables
    assert [[row[0] for row in table.rows] for table in tables] == [["one", "two"], ["one"]]
    assert tables[0].rows[0][1] == "90.00%"
    file.write_text("{}\n", encoding="utf-8")
    with pytest.raises(DataError, match="is no leaderboard"):
        read_board(file)


def test_a_task_of_lm_eval_and_one_of_inspect(tmp_path):
    to_lm_eval(tmp_path, "mood", "How is it?", ROWS, ["good", "bad"])
    yaml = pytest.importorskip("yaml")
    told = yaml.safe_load((tmp_path / "mood.yaml").read_text(encoding="utf-8"))
    assert (told["task"], told["output_type"], told["doc_to_choice"]) == (
        "mood",
        "multiple_choice",
        ["good", "bad"],
    )
    rows = [json.loads(line) for line in (tmp_path / "mood.jsonl").read_text(encoding="utf-8").splitlines()]
    assert rows == [row | {"place": ["good", "bad"].index(row["target"])} for row in ROWS]
    assert told["dataset_kwargs"]["data_files"]["test"] == str(tmp_path / "mood.jsonl")

    to_inspect(tmp_path, "mood", 'say "x"', ROWS)
    tree = ast.parse((tmp_path / "mood.py").read_text(encoding="utf-8"))
    assert "task_mood" in [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
