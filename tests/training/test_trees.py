"""The trees recipe and rung: fields count wherever they stand, and the text counts with them."""

import json

import numpy as np
import pytest

from stepladder.core import ConfigError, DataError, Dataset, Example, Question, Task
from stepladder.models import TreesModel, TreesRung
from stepladder.testing.contracts import LearnedContract
from stepladder.training import TreesRecipe, TreesSettings, fit_trees

pytest.importorskip("lightgbm")
QUICK = TreesSettings(folds=2)


def orders(count, seed=0, classes=2):
    """Refused where a late amount is high or the text complains; the shop's number and the time say nothing."""
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(count):
        fields = {f"n{place:02}": float(rng.normal()) for place in range(30)}
        fields |= {"shop": str(rng.integers(0, 5)), "at": f"2026-11-{rng.integers(1, 28):02}T10:00:00"}
        angry = rng.random() < 0.3
        score = int(fields["n29"] > 0.6) + int(angry)
        text = f"order {k}, {'this is broken 退款' if angry else 'all is fine'}"
        rows.append(Example(str(k), text, ("keep", "refund", "review")[min(score, classes - 1)], fields))
    return rows


def question(example):
    return Question(example.id, "t", example.text, fields=example.fields)


@pytest.mark.parametrize("classes", [2, 3])
def test_fields_and_text_are_both_learned(classes):
    fitted = fit_trees(orders(500, classes=classes), settings=QUICK)
    fresh = orders(300, seed=1, classes=classes)
    guesses = TreesRung("trees", "r", fitted.model).predict([question(one) for one in fresh])
    agreed = np.mean([guess.text == one.label for guess, one in zip(guesses, fresh, strict=True)])
    assert agreed > 0.93
    assert np.mean([guess.confidence for guess in guesses]) == pytest.approx(agreed, abs=0.06)
    assert fitted.metrics["out_of_fold_accuracy"] == pytest.approx(agreed, abs=0.05)


def test_hidden_guesses_know_nothing_of_their_labels():
    rng = np.random.default_rng(0)
    rows = [Example(one.id, one.text, str(rng.integers(0, 2)), one.fields) for one in orders(400)]
    assert fit_trees(rows, settings=QUICK).metrics["out_of_fold_accuracy"] < 0.58


def test_explain_names_the_column_that_counts():
    fitted = fit_trees(orders(400), settings=QUICK)
    example = orders(1, seed=3)[0]
    high = Question("q", "t", "order, all is fine", fields=dict(example.fields) | {"n29": 3.0})
    pulls = fitted.model.explain(high, limit=3)
    assert "n29" in {pull.column for pull in pulls}
    assert next(pull.weight for pull in pulls if pull.column == "n29") > 0


def test_one_text_for_all_leaves_the_fields_alone():
    rows = [Example(one.id, "same", one.label, one.fields) for one in orders(200)]
    assert fit_trees(rows, settings=QUICK).model.text is None


def test_neither_fields_nor_texts_is_a_clear_error():
    with pytest.raises(DataError, match="neither fields nor texts"):
        fit_trees([Example("1", "x", "a"), Example("2", "x", "b")])


@pytest.mark.parametrize("wrong", [{"leaves": 1}, {"rate": 0.0}, {"folds": 1}, {"leafs": 3}])
def test_settings_are_checked(wrong):
    with pytest.raises(ConfigError):
        TreesSettings.read(wrong)


def save(tmp_path):
    TreesRecipe().fit(
        Task("t", top="big"),
        Dataset("h", "t", {"train": tuple(orders(120))}),
        tmp_path,
        settings={"folds": 2},
        seed=0,
        progress=lambda *_: None,
    )


def test_what_is_saved_answers_the_same_and_is_the_same_each_time(tmp_path):
    for name in ("one", "two"):
        save(tmp_path / name)
    questions = [question(one) for one in orders(5, seed=2)]
    one, two = (TreesModel.load(tmp_path / name) for name in ("one", "two"))
    assert (one.probabilities(questions) == two.probabilities(questions)).all()
    assert (tmp_path / "one/trees.txt.gz").read_bytes() == (tmp_path / "two/trees.txt.gz").read_bytes()


@pytest.mark.parametrize(
    "damage",
    [
        lambda f: (f / "trees.txt.gz").write_bytes(b"\x1f\x8b"),
        lambda f: (f / "trees.txt.gz").unlink(),
        lambda f: (f / "linear" / "model.json").unlink(),
        lambda f: (f / "model.json").write_text(
            json.dumps(json.loads((f / "model.json").read_text()) | {"columns": []})
        ),
    ],
)
def test_a_damaged_folder_says_what_to_do(tmp_path, damage):
    save(tmp_path)
    damage(tmp_path)
    with pytest.raises(DataError) as caught:
        TreesModel.load(tmp_path)
    assert "it again" in caught.value.remedy


class TestTrees(LearnedContract):
    model = None

    def make(self):
        type(self).model = self.model or fit_trees(orders(100), settings=QUICK).model
        return TreesRung("trees", "r1", self.model)


def test_ids_of_any_number_are_told_apart():
    """Each of 600 customers keeps to one answer; most have no place of their own among the 256."""
    rng = np.random.default_rng(0)
    rows = [
        Example(str(k), "same", "ab"[int(customer) * 7919 % 1000 % 2], {"customer": f"c{customer}"})
        for k, customer in enumerate(rng.integers(0, 600, 3000))
    ]
    fitted = fit_trees(rows, settings=QUICK)
    assert fitted.metrics["out_of_fold_accuracy"] > 0.6


def test_with_an_embedder_the_texts_meaning_is_a_part_of_the_table(tmp_path):
    table = {"kind": "ngrams", "dimensions": 64}
    fitted = fit_trees(orders(300), settings=TreesSettings(folds=2, text=False, embedder=table, directions=8))
    model = fitted.model
    assert model.names[-8:] == [f"meaning {k}" for k in range(8)]
    assert fitted.metrics["out_of_fold_accuracy"] > 0.85  # "broken" is in the text alone
    model.save(tmp_path)
    asked = [question(one) for one in orders(20, seed=5)]
    assert np.array_equal(TreesModel.load(tmp_path).probabilities(asked), model.probabilities(asked))
