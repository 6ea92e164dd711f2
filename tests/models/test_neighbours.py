"""The neighbours rung: votes by hand, new classes from a handful, and an artefact that says what is wrong with it."""

import json

import numpy as np
import pytest

from stepladder.core import DataError
from stepladder.models import Look, NeighboursModel, Vote, centred, shared_embedder
from stepladder.training import fit_neighbours

SETTINGS = {"kind": "ngrams", "dimensions": 256}
TEXTS = (
    "cold soup again",
    "the soup was cold",
    "lovely friendly waiter",
    "friendly staff, lovely",
    "账单错了",
    "账单算错",
)
LABELS = (0, 0, 1, 1, 2, 2)


def model(texts=TEXTS, labels=LABELS):
    embedder = shared_embedder(SETTINGS)
    vectors = embedder.embed(texts)
    centre = vectors.mean(axis=0)
    classes = ("food", "staff", "bill")
    return NeighboursModel(
        classes,
        embedder,
        SETTINGS,
        tuple(f"e{k}" for k in range(len(texts))),
        np.array(labels, np.int64),
        centre,
        centred(vectors, centre),
        Vote(4, 0.1, 0.01),
        1.0,
        np.zeros(3, np.float32),
        np.ones(3, np.float32),
    )


def test_votes_are_those_of_the_written_formula():
    similar, labels = np.array([[1.0, 0.9, 0.5]]), np.array([[1, 0, 1]])
    vote = Vote(2, 0.1, 0.05)
    means = np.array([[0.0, 0.5, -0.5]])
    found = vote.scores(similar, labels, np.ones(3), means)
    assert found == pytest.approx(np.log([[np.exp(-1) + 0.05, 1 + 0.05, 0.05]]))
    found = vote.scores(similar, labels, np.array([3, 1, 1]), means)
    assert found[0, 0] == pytest.approx(np.log(3 * np.exp(-1) + 0.05))
    pulled = Vote(2, 0.1, 0.05, 4.0).scores(similar, labels, np.ones(3), means)
    assert pulled - vote.scores(similar, labels, np.ones(3), means) == pytest.approx(4 * means)


def test_a_handful_of_a_new_class_is_not_outvoted():
    many = [f"my order number {k} is late" for k in range(40)] + [f"refund of invoice {k}" for k in range(40)]
    before = fit_neighbours(many, ["order"] * 40 + ["refund"] * 40, embedder=SETTINGS).model
    after = before.with_examples(["n"], ["my order number is to be cancelled"], ["cancel"])
    assert after.predict(["order number to be cancelled"])[0].text == "cancel"
    assert after.predict(["my order number 7 is late"])[0].text == "order"


def test_a_row_that_is_left_out_is_no_part_of_its_class():
    many = [f"my order number {k} is late" for k in range(20)] + [f"refund of invoice {k}" for k in range(20)]
    labels = ["order"] * 20 + ["refund"] * 20
    alone = fit_neighbours(["gibberish qqq", *many], ["order", *labels], embedder=SETTINGS)
    assert alone.out_of_fold.probabilities[0, 0] < alone.model.look(["gibberish qqq"]).probabilities[0, 0]
    assert alone.metrics["pull"] in (0, 10, 20)


@pytest.mark.parametrize(
    ("text", "answer"), [("cold soup", "food"), ("lovely staff", "staff"), ("账单", "bill")]
)
def test_the_nearest_examples_answer(text, answer):
    assert model().predict([text])[0].text == answer
    nearest = model().explain(text, limit=2)
    assert [one.label for one in nearest] == [answer, answer]
    assert nearest[0].similarity >= nearest[1].similarity
    assert nearest[0].example in {
        f"e{k}" for k, label in enumerate(LABELS) if model().classes[label] == answer
    }


def test_what_is_near_to_nothing_is_unsure_and_unfamiliar():
    known, strange = model().predict(["the soup was cold", "zzz qqq"])
    assert known.confidence > 0.9
    assert strange.confidence < 0.5
    look = model().look(["the soup was cold", "zzz qqq"])
    assert isinstance(look, Look)
    assert look.familiarity[0] == pytest.approx(1, abs=1e-5)
    assert look.familiarity[1] < 0.5


def test_a_new_class_needs_a_handful_of_examples():
    before = model()
    assert "parking" not in before.classes
    after = before.with_examples(
        ["n1", "n2"], ["no parking space", "parking was full"], ["parking", "parking"]
    )
    assert after.predict(["where is parking"])[0].text == "parking"
    assert after.predict(["cold soup"])[0].text == "food"
    assert len(before.ids) == len(TEXTS), "the old model is as it was"


def test_save_and_load_answer_the_same(tmp_path):
    before = model()
    before.save(tmp_path)
    after = NeighboursModel.load(tmp_path)
    texts = ["cold", "staff", "账单", "", "other"]
    assert after.predict(texts) == before.predict(texts)
    assert after.explain("cold soup") == before.explain("cold soup")


def damage(folder, **changes):
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 9}, "another format"),
        ({"embedder_name": "other"}, "fitted with 'other'"),
        ({"ids": ["only one"]}, "shape"),
        ({"classes": ["a", "b"]}, "shape"),
        ({"vote": [1]}, "no usable"),
    ],
)
def test_a_damaged_folder_says_what_is_wrong(tmp_path, changes, message):
    model().save(tmp_path)
    damage(tmp_path, **changes)
    with pytest.raises(DataError, match=message) as caught:
        NeighboursModel.load(tmp_path)
    assert "it again" in caught.value.remedy
