"""Frozen folders: the hash is of the content, the card tells where it comes from, leaks are refused."""

import json
import random

import pytest

from stepladder.core import DataError
from stepladder.data import About, compare, freeze_folder, read_card
from tests.data.test_duplicates import edited, sentence


def quiet(done, total, what):
    pass


def write(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def rows(count, seed, **more):
    draw = random.Random(seed)
    return [
        {"input": sentence(draw), "answer": "ab"[n % 2], "source": f"crm.csv:{n}", **more}
        for n in range(count)
    ]


@pytest.fixture
def splits(tmp_path):
    return {
        "train": write(tmp_path / "train.jsonl", rows(40, 1)),
        "test": write(tmp_path / "test.jsonl", rows(10, 2, synthetic=True)),
    }


def test_the_card_tells_what_is_in_it(tmp_path, splits):
    about = About(
        "support", {"crm.csv": "our own"}, [{"source": "raw.jsonl", "rows": 60, "kept": 50}], parent="abc"
    )
    card = freeze_folder(splits, tmp_path / "v1", about, quiet)
    assert card == read_card(tmp_path / "v1")
    assert (card["rows"], card["synthetic_share"], card["parent"]) == (50, 0.2, "abc")
    assert card["splits"]["train"]["labels"] == {"a": 20, "b": 20}
    assert card["licences"] == {"crm.csv": "our own"}
    assert card["leaks"] == {"test and train": 0}
    assert card["filters"] == [{"source": "raw.jsonl", "rows": 60, "kept": 50}]
    page = (tmp_path / "v1" / "README.md").read_text(encoding="utf-8")
    assert card["hash"] in page
    assert "| crm.csv | 50 | our own |" in page


def test_the_hash_is_of_the_rows_alone(tmp_path, splits):
    one = freeze_folder(splits, tmp_path / "v1", About("one"), quiet)
    spelled = [json.loads(line) for line in splits["train"].read_text().splitlines()]
    splits["train"].write_text("".join(json.dumps(dict(reversed(row.items()))) + "\n\n" for row in spelled))
    assert freeze_folder(splits, tmp_path / "v2", About("two"), quiet)["hash"] == one["hash"]
    swapped = {"train": splits["test"], "test": splits["train"]}
    assert freeze_folder(swapped, tmp_path / "v3", About("one"), quiet)["hash"] != one["hash"]


def test_what_was_changed_afterwards_is_no_data_set(tmp_path, splits):
    freeze_folder(splits, tmp_path / "v1", About("one"), quiet)
    (tmp_path / "v1" / "train.jsonl").chmod(0o644)
    with (tmp_path / "v1" / "train.jsonl").open("a") as file:
        file.write("{}\n")
    with pytest.raises(DataError, match="changed"):
        read_card(tmp_path / "v1")
    with pytest.raises(DataError, match="no frozen"):
        read_card(tmp_path)


def test_leaks_are_refused_unless_allowed(tmp_path, splits):
    draw = random.Random(9)
    train = [json.loads(line) for line in splits["train"].read_text().splitlines()]
    write(splits["test"], [*rows(10, 2), {"input": edited(train[3]["input"], draw), "answer": "a"}])
    with pytest.raises(DataError, match="1 rows of test and train"):
        freeze_folder(splits, tmp_path / "v1", About("one"), quiet)
    assert not (tmp_path / "v1").exists()
    assert freeze_folder(splits, tmp_path / "v1", About("one"), quiet, allow_leaks=True)["leaks"] == {
        "test and train": 1
    }
    with pytest.raises(DataError, match="there already"):
        freeze_folder(splits, tmp_path / "v1", About("one"), quiet)


def test_two_versions_are_compared(tmp_path, splits):
    freeze_folder(splits, tmp_path / "v1", About("one"), quiet)
    train, test = (
        [json.loads(line) for line in splits[name].read_text().splitlines()] for name in ("train", "test")
    )
    train[0]["answer"] = "c"
    moved = test.pop()
    write(splits["train"], [*train[:-3], moved, *rows(5, 77)])
    write(splits["test"], test)
    freeze_folder(splits, tmp_path / "v2", About("two"), quiet)
    found = compare(tmp_path / "v1", tmp_path / "v2")
    assert (found.before, found.now, found.added, found.removed) == (50, 52, 5, 3)
    assert (found.relabelled, found.moved) == (1, 1)
    assert found.labels["c"] == (0, 1)
    same = compare(tmp_path / "v1" / "train.jsonl", tmp_path / "v1" / "train.jsonl")
    assert (same.added, same.removed, same.relabelled, same.moved) == (0, 0, 0, 0)


def test_licences_that_rows_bring_are_told_and_a_person_outranks_them(tmp_path):
    found = [*rows(3, 1, licence="CC-BY-4.0"), {"input": "mine", "answer": "a"}]
    splits = {"train": write(tmp_path / "train.jsonl", found)}
    told = freeze_folder(splits, tmp_path / "v1", About("x", {"": "MIT"}), quiet)["licences"]
    assert told == {"crm.csv": "CC-BY-4.0", "train.jsonl": "MIT"}
    told = freeze_folder(splits, tmp_path / "v2", About("x", {"crm.csv": "our own"}), quiet)["licences"]
    assert told == {"crm.csv": "our own", "train.jsonl": "not declared"}


def test_pairs_of_answers_are_compared_whole(tmp_path):
    pairs = [
        {"prompt": [{"role": "user", "content": f"q{n}"}], "chosen": "a", "rejected": "b"} for n in range(3)
    ]
    before, now = write(tmp_path / "a.jsonl", pairs), write(tmp_path / "b.jsonl", pairs[1:])
    found = compare(before, now)
    assert (found.before, found.now, found.removed, found.added) == (3, 2, 1, 0)
