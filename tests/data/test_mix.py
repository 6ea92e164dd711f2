"""Mixtures: weights met, classes balanced, the same again for the same seed."""

import json
from collections import Counter

import pytest

from stepladder.core import BadRequest
from stepladder.data import Mixture, mix


def write(path, count, label=lambda n: "x"):
    rows = [{"input": f"{path.stem} {n}", "answer": label(n)} for n in range(count)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def mixed(folder, parts, recipe):
    found = mix(parts, recipe, folder / "out.jsonl")
    return found, [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(("rows", "taken"), [(100, [70, 30]), (7, [5, 2]), (None, [140, 60])])
def test_weights_are_met(tmp_path, rows, taken):
    parts = [(write(tmp_path / "a.jsonl", 500), 0.7), (write(tmp_path / "b.jsonl", 60), 0.3)]
    found, out = mixed(tmp_path, parts, Mixture(rows))
    assert [one.taken for one in found] == taken
    assert Counter(row["source"] for row in out) == Counter({"a.jsonl": taken[0], "b.jsonl": taken[1]})
    assert len({row["input"] for row in out}) == len(out)


def test_the_seed_decides_and_order_is_shuffled(tmp_path):
    parts = [(write(tmp_path / "a.jsonl", 50), 1.0), (write(tmp_path / "b.jsonl", 50), 1.0)]
    _, one = mixed(tmp_path, parts, Mixture(60, seed=1))
    _, same = mixed(tmp_path, parts, Mixture(60, seed=1))
    _, other = mixed(tmp_path, parts, Mixture(60, seed=2))
    assert one == same != other
    assert {row["source"] for row in one[:15]} == {"a.jsonl", "b.jsonl"}


def test_rows_repeat_only_as_often_as_allowed_and_the_rest_is_told(tmp_path):
    parts = [(write(tmp_path / "a.jsonl", 100), 1.0), (write(tmp_path / "b.jsonl", 10), 1.0)]
    found, out = mixed(tmp_path, parts, Mixture(100, repeat=3))
    assert [(one.taken, one.short) for one in found] == [(50, 0), (30, 20)]
    counts = Counter(row["input"] for row in out if row["source"] == "b.jsonl")
    assert set(counts.values()) == {3}


def test_classes_get_equal_numbers_and_share_what_a_small_one_lacks(tmp_path):
    path = write(tmp_path / "a.jsonl", 300, lambda n: "rare" if n % 30 == 0 else "one" if n % 2 else "two")
    _, out = mixed(tmp_path, [(path, 1.0)], Mixture(90, balance="answer"))
    assert Counter(row["answer"] for row in out) == {"rare": 10, "one": 40, "two": 40}
    _, out = mixed(tmp_path, [(path, 1.0)], Mixture(90, balance="answer", repeat=3))
    assert Counter(row["answer"] for row in out) == {"rare": 30, "one": 30, "two": 30}


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan"), float("inf")])
def test_weights_that_are_none(tmp_path, weight):
    with pytest.raises(BadRequest, match="weights"):
        mix([(write(tmp_path / "a.jsonl", 5), weight)], Mixture(), tmp_path / "out.jsonl")


def test_the_hardest_are_taken_and_the_easiest_come_first(tmp_path):
    parts = [(write(tmp_path / "a.jsonl", 30), 1.0), (write(tmp_path / "b.jsonl", 30), 1.0)]
    hard = [[float((7 * n) % 30) for n in range(30)], [float(n) for n in range(30)]]
    found = mix(parts, Mixture(20, hardest=True, rising=True), tmp_path / "out.jsonl", hardness=hard)
    out = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    values = [hard["ab".index(row["source"][0])][int(row["input"].split()[1])] for row in out]
    assert [one.taken for one in found] == [10, 10]
    assert values == sorted(values)
    assert set(values) == set(range(20, 30))


def test_a_curriculum_takes_any_rows_and_the_seed_breaks_ties(tmp_path):
    parts = [(write(tmp_path / "a.jsonl", 100), 1.0)]
    hard = [[float(n % 2) for n in range(100)]]
    orders = []
    for seed in (1, 1, 2):
        mix(parts, Mixture(40, seed=seed, rising=True), tmp_path / "out.jsonl", hardness=hard)
        rows = [json.loads(line)["input"] for line in (tmp_path / "out.jsonl").read_text().splitlines()]
        easy = [int(text.split()[1]) % 2 for text in rows]
        assert easy == sorted(easy)
        orders.append(rows)
    assert orders[0] == orders[1] != orders[2]


@pytest.mark.parametrize("asked", [{"hardest": True}, {"rising": True}])
def test_without_a_rank_there_is_no_hardest(tmp_path, asked):
    with pytest.raises(BadRequest, match="hard"):
        mix([(write(tmp_path / "a.jsonl", 5), 1.0)], Mixture(**asked), tmp_path / "out.jsonl")
