"""The stack: what members say becomes one answer and one confidence, by the written formula."""

import json

import numpy as np
import pytest

from stepladder.core import DataError
from stepladder.models import Look, StackModel, features, log_probabilities
from stepladder.training import StackSettings, fit_stack
from tests.training.test_linear import reviews

SETTINGS = StackSettings(("linear", "neighbours"), {"kind": "ngrams", "dimensions": 128})


class Says:
    """A member that gives every text the same probabilities."""

    classes = ("a", "b", "c")

    def __init__(self, *row, familiarity=1.0, classes=("a", "b", "c")):
        self.row, self.familiarity, self.classes = row, familiarity, classes

    def look(self, texts):
        return Look(np.array([self.row] * len(texts)), np.full(len(texts), self.familiarity))

    def save(self, folder):
        raise AssertionError("not asked for")


def stack(*members, slopes=None, weights=None, bias=0.0):
    named = {f"m{k}": member for k, member in enumerate(members)}
    zeros = np.zeros(4 + 2 * len(members))
    zeros[0] = 1.0
    return StackModel(
        ("a", "b", "c"),
        named,
        np.ones(len(members)) if slopes is None else np.array(slopes),
        np.zeros(3),
        zeros if weights is None else np.array(weights),
        bias,
    )


def test_the_pool_multiplies_what_members_say():
    found = stack(Says(0.5, 0.3, 0.2), Says(0.2, 0.6, 0.2)).predict(["x"])[0]
    product = np.array([0.1, 0.18, 0.04])
    assert found.text == "b"
    assert found.confidence == pytest.approx(0.18 / product.sum())


def test_a_slope_of_nothing_silences_a_member():
    assert stack(Says(0.5, 0.3, 0.2), Says(0.1, 0.8, 0.1), slopes=(1, 0)).predict(["x"])[0].text == "a"


def test_features_are_what_they_are_called():
    looks = [Says(0.5, 0.3, 0.2, familiarity=0.4).look(["xyz"]), Says(0.2, 0.6, 0.2).look(["xyz"])]
    pooled = np.array([[0.3, 0.6, 0.1]])
    (row,) = features(["xyz"], looks, pooled)
    odds = [np.log(0.6 / 0.4), np.log(2), np.log(4), 0.4, 0, np.log(0.3 / 0.7), 1, np.log(0.6 / 0.4)]
    assert row == pytest.approx(odds)
    assert log_probabilities(looks).shape == (1, 2, 3)


def test_doubt_about_strange_texts_lowers_the_confidence():
    weights = [1, 0, 0, 5.0, 0, 0]
    near, far = (
        stack(Says(0.8, 0.1, 0.1, familiarity=f), weights=weights, bias=-5).predict(["x"])[0] for f in (1, 0)
    )
    assert near.confidence == pytest.approx(0.8)
    assert far.confidence < 0.1


def test_a_member_that_is_certain_and_wrong_does_not_make_infinity():
    found = stack(Says(1.0, 0.0, 0.0), Says(0.0, 1.0, 0.0)).predict(["x"])[0]
    assert 0 < found.confidence < 1


def test_explain_says_what_each_member_says():
    voices = stack(Says(0.5, 0.3, 0.2), Says(0.2, 0.6, 0.2)).explain("x")
    assert [(v.member, v.answer, v.probability) for v in voices] == [("m1", "b", 0.6), ("m0", "a", 0.3)]


def test_members_of_other_classes_are_refused():
    with pytest.raises(DataError, match="other classes"):
        stack(Says(0.5, 0.5, 0, classes=("a", "b", "d")))


def test_save_and_load_answer_the_same_and_damage_is_told(tmp_path):
    before = fit_stack(*reviews(150), settings=SETTINGS).model
    before.save(tmp_path)
    texts = ["great lovely", "好", ""]
    assert StackModel.load(tmp_path).predict(texts) == before.predict(texts)
    path = tmp_path / "model.json"
    told = json.loads(path.read_text())
    for changes, message in (
        ({"format": 5}, "another format"),
        ({"members": ["linear"]}, "shape"),
        ({"members": ["linear", "oracle"]}, "no usable"),
        ({"classes": ["x", "y"]}, "other classes"),
    ):
        path.write_text(json.dumps(told | changes))
        with pytest.raises(DataError, match=message):
            StackModel.load(tmp_path)
