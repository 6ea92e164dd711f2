"""The linear rung's artefact and arithmetic, with weights written by hand."""

import asyncio
import json

import numpy as np
import pytest

from stepladder.core import Answer, DataError, Learned, Question
from stepladder.models import LinearModel, LinearRung
from stepladder.text import NgramHasher

WORDS = NgramHasher(bits=16, tokens=(1,), han=(), characters=())


def bucket(word):
    (found,) = WORDS.buckets(word)
    return int(found)


def model(words, *, classes=("neg", "pos"), bias=(0.0,), slope=1.0, offsets=None):
    """A model of `words`: word -> (idf, weight of each column)."""
    rows = sorted((bucket(word), idf, weights) for word, (idf, *weights) in words.items())
    return LinearModel(
        tuple(classes),
        WORDS,
        np.array([row[0] for row in rows], np.int32),
        np.array([[*(idf * w for w in weights), idf**2] for _, idf, weights in rows], np.float32),
        np.array(bias, np.float32),
        slope,
        np.zeros(len(classes), np.float32) if offsets is None else np.array(offsets, np.float32),
    )


PAIR = model(
    {"good": (1.0, 2.0), "bad": (2.0, -3.0), "好": (1.5, 1.0)}, bias=(0.5,), slope=0.7, offsets=(0.1, -0.1)
)
THREE = model(
    {"red": (1.0, 2.0, 0.0, 0.0), "blue": (1.0, 0.0, 2.0, 0.0), "cold": (2.0, -1.0, 1.0, 0.5)},
    classes=("r", "b", "c"),
    bias=(0.0, 0.0, 0.3),
)


def test_probabilities_are_those_of_the_written_formula():
    score = (1.0 * 2.0 + 2.0 * -3.0) / np.sqrt(1 + 4) + 0.5
    chance = 1 / (1 + np.exp(-(0.7 * score - 0.2)))
    found = PAIR.probabilities("Good, good; unknown BAD")
    assert found == pytest.approx([1 - chance, chance], abs=1e-6)
    assert PAIR.predict("Good, good; unknown BAD").text == "neg"
    assert PAIR.predict("好").text == "pos"


@pytest.mark.parametrize("text", ["", "unknown", " \u200b", "😀" * 1000])
def test_a_text_of_no_known_ngram_gets_the_bias_alone(text):
    chance = 1 / (1 + np.exp(-(0.7 * 0.5 - 0.2)))
    assert PAIR.probabilities(text)[1] == pytest.approx(chance, abs=1e-6)


def test_huge_scores_stay_finite_and_within_bounds():
    sure = model({"x": (1.0, 1e20)}, slope=1e10)
    guess = sure.predict("x")
    assert (guess.text, guess.confidence) == ("pos", 1.0)


def test_many_classes():
    found = THREE.probabilities("red cold")
    assert found.sum() == pytest.approx(1)
    raw = np.array([2.0 - 2.0, 2.0, 1.0]) / np.sqrt(5) + [0, 0, 0.3]
    assert found == pytest.approx(np.exp(raw) / np.exp(raw).sum(), abs=1e-6)


def test_save_and_load_answer_the_same(tmp_path):
    for number, before in enumerate((PAIR, THREE)):
        before.save(tmp_path / str(number))
        after = LinearModel.load(tmp_path / str(number))
        for text in ("good 好", "red cold", "", "bad"):
            assert (after.probabilities(text) == before.probabilities(text)).all()
        assert sorted(path.name for path in (tmp_path / str(number)).iterdir()) == [
            "model.json",
            "model.safetensors",
        ]


def damage_json(folder, **changes):
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: damage_json(f, format=99), "another format"),
        (lambda f: damage_json(f, probe=[1, 2]), "another normaliser"),
        (lambda f: damage_json(f, classes=["a", "b", "c"]), "shape"),
        (lambda f: damage_json(f, hasher={"bits": 16, "colour": 1}), "no usable"),
        (lambda f: damage_json(f, hasher={"bits": 99}), "bits is 99"),
        (lambda f: (f / "model.json").write_text("{"), "no usable"),
        (lambda f: (f / "model.json").unlink(), "no usable"),
        (lambda f: (f / "model.safetensors").unlink(), "no usable"),
        (lambda f: (f / "model.safetensors").write_bytes(b"\x08" + b"\0" * 20), "no usable"),
        (lambda f: THREE.save(f) or damage_json(f, classes=["a", "b"]), "shape"),
    ],
)
def test_a_damaged_folder_says_what_is_wrong_and_what_to_do(tmp_path, damage, message):
    PAIR.save(tmp_path)
    damage(tmp_path)
    with pytest.raises(DataError, match=message) as caught:
        LinearModel.load(tmp_path)
    assert "it again" in caught.value.remedy


def test_weights_that_are_not_finite_are_refused(tmp_path):
    model({"x": (1.0, float("nan"))}).save(tmp_path)
    with pytest.raises(DataError, match="not finite"):
        LinearModel.load(tmp_path)


def test_buckets_outside_the_range_are_refused():
    with pytest.raises(DataError, match="range"):
        LinearModel(
            ("a", "b"), WORDS, np.array([1 << 16], np.int32), *(np.ones((1, 2), np.float32), np.ones(1, np.float32)),
            1.0, np.zeros(2, np.float32),
        )  # fmt: skip


def test_a_failed_save_leaves_the_old_model(tmp_path, monkeypatch):
    PAIR.save(tmp_path)
    before = (tmp_path / "model.safetensors").read_bytes()
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        THREE.save(tmp_path)
    assert (tmp_path / "model.safetensors").read_bytes() == before
    assert LinearModel.load(tmp_path).classes == ("neg", "pos")


def test_explain_names_the_ngrams_in_the_text_and_their_pull():
    text = "It was GOOD but bad，好 bad"
    evidence = PAIR.explain(text)
    assert [e.text for e in evidence] == ["bad", "good", "好"]  # strongest first, each n-gram once
    answer = PAIR.predict(text).text
    assert answer == "neg"
    assert [e.weight > 0 for e in evidence] == [True, False, False]
    # The pulls add up to the logit, without the bias and offsets.
    probability = PAIR.probabilities(text)
    logit = np.log(probability[0] / probability[1])
    assert sum(e.weight for e in evidence) - 0.7 * 0.5 + 0.2 == pytest.approx(logit, abs=1e-5)
    assert len(PAIR.explain(text, limit=1)) == 1
    assert PAIR.explain("nothing known") == []


def test_explain_of_many_classes_is_against_the_runner_up():
    evidence = {e.text: e.weight for e in THREE.explain("blue cold")}
    assert THREE.predict("blue cold").text == "b"
    assert evidence["cold"] == pytest.approx(2 * (1 - 0.5) / np.sqrt(5), abs=1e-6)


def test_the_rung_answers_once_and_as_its_batch_does(tmp_path):
    PAIR.save(tmp_path)
    rung = LinearRung.load(tmp_path, name="linear", release="r1")
    assert isinstance(rung, Learned)
    question = Question(id="q", task="t", text="good 好")

    async def ask():
        return [part async for part in rung.answer(question)]

    (answer,) = asyncio.run(ask())
    assert isinstance(answer, Answer)
    assert (answer.rung, answer.release, answer.source, answer.cost) == ("linear", "r1", "live", 0.0)
    (guess,) = rung.predict([question])
    assert (answer.text, answer.confidence) == (guess.text, guess.confidence)
