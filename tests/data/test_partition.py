"""Splits: near the shares asked for, stable, and with nothing similar on two sides."""

import json
import random
from collections import Counter

import pytest

from stepladder.core import BadRequest, DataError
from stepladder.data import By, Cut, RowFile, find_contamination, near_groups, split_rows, write_splits
from tests.data.test_duplicates import edited, sentence


def quiet(done, total, what):
    pass


def rows(count=600, copies=200, seed=4):
    draw = random.Random(seed)
    texts = [sentence(draw) for _ in range(count)]
    for _ in range(copies):
        texts.append(edited(draw.choice(texts), draw))  # also copies of copies
    draw.shuffle(texts)
    return [
        {"input": text, "customer": f"c{draw.randrange(5000)}", "time": float(at)}
        for at, text in enumerate(texts)
    ]


def write(path, found):
    path.write_text("".join(json.dumps(row) + "\n" for row in found), encoding="utf-8")
    return path


SHARES = {"train": 0.7, "test": 0.3}


@pytest.mark.parametrize(("by", "field"), [(By.HASH, ""), (By.GROUP, "customer"), (By.TIME, "")])
def test_nothing_similar_stands_on_both_sides(tmp_path, by, field):
    found = rows()
    with RowFile(write(tmp_path / "in.jsonl", found)) as file:
        names = split_rows(file, Cut(SHARES, by, field), quiet)
        counts = write_splits(file, names, tmp_path / "out")
    assert sum(counts.values()) == 800
    assert 0.6 < counts["train"] / 800 < 0.8
    with RowFile(tmp_path / "out" / "train.jsonl") as train, RowFile(tmp_path / "out" / "test.jsonl") as test:
        assert not len(find_contamination(train, test, quiet))


def test_a_split_without_rows_is_written_empty_over_an_earlier_one(tmp_path):
    (tmp_path / "out").mkdir()
    write(tmp_path / "out" / "test.jsonl", rows())
    with RowFile(write(tmp_path / "in.jsonl", rows()[:3])) as file:
        counts = write_splits(file, ["train"] * 3, tmp_path / "out", splits=SHARES)
    assert counts == {"test": 0, "train": 3}
    assert (tmp_path / "out" / "test.jsonl").read_bytes() == b""


def test_groups_stay_together(tmp_path):
    draw = random.Random(1)
    found = [{"input": sentence(draw), "customer": f"c{n % 50}"} for n in range(500)]
    with RowFile(write(tmp_path / "in.jsonl", found)) as file:
        names = split_rows(file, Cut(SHARES, By.GROUP, "customer"), quiet)
    sides = {(row["customer"], name) for row, name in zip(found, names, strict=True)}
    assert len(sides) == 50
    assert 0.5 < Counter(names)["train"] / 500 < 0.9


def test_by_time_the_earlier_rows_train(tmp_path):
    draw = random.Random(1)
    found = [{"input": sentence(draw), "at": f"2026-01-{1 + n % 28:02d}"} for n in range(280)]
    with RowFile(write(tmp_path / "in.jsonl", found)) as file:
        names = split_rows(file, Cut({"train": 0.8, "valid": 0.1, "test": 0.1}, By.TIME, "at"), quiet)
    days = {
        name: [row["at"] for row, side in zip(found, names, strict=True) if side == name]
        for name in set(names)
    }
    assert max(days["train"]) <= min(days["valid"]) <= max(days["valid"]) <= min(days["test"])
    assert [len(days[name]) for name in ("train", "valid", "test")] == [224, 28, 28]


def test_a_hash_split_does_not_depend_on_the_other_rows(tmp_path):
    found = rows(copies=0)
    with RowFile(write(tmp_path / "a.jsonl", found)) as file:
        names = dict(zip((row["input"] for row in found), split_rows(file, Cut(SHARES), quiet), strict=True))
    half = found[::-2]
    with RowFile(write(tmp_path / "b.jsonl", half)) as file:
        assert split_rows(file, Cut(SHARES), quiet) == [names[row["input"]] for row in half]
        assert split_rows(file, Cut(SHARES, seed=1), quiet) != [names[row["input"]] for row in half]


def test_groups_of_the_similar_reach_over_many_steps():
    base = "the quick brown fox jumps over the lazy dog while seven wizards watch from afar"
    steps = [base]
    for word in ("and sing", "at noon", "every day", "in june", "with joy", "for fun"):
        steps.append(f"{steps[-1]} {word}")
    assert set(near_groups([*steps, "something else entirely, about refunds"], quiet).tolist()) == {
        0,
        len(steps),
    }


def test_bad_shares_and_missing_fields_are_named(tmp_path):
    with RowFile(write(tmp_path / "in.jsonl", rows(20, 0))) as file:
        with pytest.raises(BadRequest, match="shares"):
            split_rows(file, Cut({}), quiet)
        with pytest.raises(DataError, match="'shop'"):
            split_rows(file, Cut(SHARES, By.GROUP, "shop"), quiet)
        with pytest.raises(DataError, match="ISO 8601"):
            split_rows(file, Cut(SHARES, By.TIME, "customer"), quiet)
