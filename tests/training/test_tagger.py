"""The tagger: which properties are spans is found out, and one confidence says whether all of an answer is right."""

import json

import numpy as np
import pytest

from stepladder.core import DataError, Dataset, Example, Question, Task
from stepladder.models import Layout, TaggerModel, TaggerRung, tokens_of
from stepladder.testing.contracts import LearnedContract
from stepladder.training import TaggerRecipe, TaggerSettings, fit_tagger

pytest.importorskip("pycrfsuite")
QUICK = TaggerSettings(folds=2, rounds=20)
PLACES = ["Paris", "New York", "上海", "Rome", "San Marino", "北京"]
DAYS = ["today", "tomorrow", "on Monday"]


def orders(count, seed=0):
    """Weather and table bookings; the day is there for some."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        place, day = str(rng.choice(PLACES)), str(rng.choice(DAYS)) if rng.random() < 0.5 else None
        weather = rng.random() < 0.5
        text = f"{'how is the weather in' if weather else 'book a table in'} {place}{f' {day}' if day else ''} please"
        slots = {"place": place} | ({"day": day} if day else {})
        rows.append(
            (
                text,
                json.dumps(
                    {"intent": "forecast" if weather else "reserve", "slots": slots}, ensure_ascii=False
                ),
            )
        )
    return [text for text, _ in rows], [answer for _, answer in rows]


def test_spans_and_classes_are_found_out_and_learned():
    fitted = fit_tagger(*orders(200), settings=QUICK)
    assert fitted.model.layout.spans == (("slots", "day"), ("slots", "place"))
    assert fitted.model.layout.classes == (("intent",),)
    texts, answers = orders(50, seed=1)
    guesses = fitted.model.predict(texts)
    right = [
        json.loads(guess.text) == json.loads(answer) for guess, answer in zip(guesses, answers, strict=True)
    ]
    assert np.mean(right) > 0.95
    assert np.mean([guess.confidence for guess in guesses]) > 0.9
    assert fitted.metrics["out_of_fold_accuracy"] > 0.9


def test_values_are_the_text_s_own_letters_and_unknown_words_are_taken_from_where_they_stand():
    fitted = fit_tagger(*orders(300), settings=QUICK)
    (guess,) = fitted.model.predict(["how is the weather in Oslo tomorrow please"])
    assert json.loads(guess.text) == {"intent": "forecast", "slots": {"day": "tomorrow", "place": "Oslo"}}


def test_an_object_that_is_always_there_stays_and_lists_are_lists():
    texts = ["buy tea and milk", "buy nothing", "buy milk", "buy tea"] * 10
    answers = [
        json.dumps({"items": [one for one in ("tea", "milk") if one in text], "meta": {}}) for text in texts
    ]
    fitted = fit_tagger(texts, answers, settings=QUICK)
    assert fitted.model.layout.lists == {("items",)}
    assert json.loads(fitted.model.predict(["buy tea and milk"])[0].text) == {
        "items": ["tea", "milk"],
        "meta": {},
    }


def test_a_layout_writes_canonical_json():
    layout = Layout((("b",), ("a", "c")), (), frozenset({("b",)}), frozenset({("z",)}))
    assert (
        layout.write({("b",): ["2", "1"], ("a", "c"): ["x", "y"]}) == '{"a":{"c":"x"},"b":["2","1"],"z":{}}'
    )


def test_tokens_are_words_characters_and_marks():
    text = "iPhone15, 上海?"
    assert [token.text for token in tokens_of(text)] == ["iPhone15", ",", "上", "海", "?"]
    assert all(text[token.start : token.end] == token.text for token in tokens_of(text))


def test_confidence_knows_hard_rows_from_easy_ones():
    texts, answers = orders(200)
    rng = np.random.default_rng(0)
    hard = [
        text.replace("how is the weather", "something").replace("book a table", "something") for text in texts
    ]
    wrong = [
        json.dumps(
            json.loads(answer) | {"intent": str(rng.choice(["forecast", "reserve"]))}, ensure_ascii=False
        )
        for answer in answers
    ]
    fitted = fit_tagger(texts + hard, answers + wrong, settings=QUICK)
    easy, noisy = (
        np.mean([g.confidence for g in part]) for part in (fitted.guesses[:200], fitted.guesses[200:])
    )
    assert easy > noisy + 0.2


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (["x", "y"], "no JSON"),
        (['"x"', '"y"'], "no JSON object"),
        (['{"n": 1}', '{"n": 2}'], "neither a string"),
        (['{"a": ["x1"]}', '{"a": ["x2"]}'], "closed set"),
    ],
)
def test_answers_that_cannot_be_tagged_are_refused(answers, message):
    with pytest.raises(DataError, match=message):
        fit_tagger(["one text", "two texts"], answers, settings=QUICK)


def test_the_recipe_writes_what_loads_and_damage_is_told(tmp_path):
    texts, answers = orders(60)
    examples = tuple(Example(str(i), *row) for i, row in enumerate(zip(texts, answers, strict=True)))
    TaggerRecipe().fit(
        Task("t", top="big", schema={}),
        Dataset("h", "t", {"train": examples}),
        tmp_path,
        settings={"folds": 2, "rounds": 5},
        seed=0,
        progress=lambda *_: None,
    )
    again = fit_tagger(texts, answers, settings=TaggerSettings(2, 5)).model
    assert TaggerModel.load(tmp_path).predict(texts[:5]) == again.predict(texts[:5])
    (tmp_path / "crf.gz").write_bytes(b"\x1f\x8b")
    with pytest.raises(DataError, match="no usable"):
        TaggerModel.load(tmp_path)


class TestTagger(LearnedContract):
    model = None
    known = ("how is the weather in Rome", "book a table in 上海 tomorrow")

    def make(self):
        type(self).model = self.model or fit_tagger(*orders(80), settings=QUICK).model
        return TaggerRung("tagger", "r1", self.model)


def test_a_rung_answers_what_its_model_says():
    model = fit_tagger(*orders(60), settings=QUICK).model
    question = Question("q", "t", "book a table in Rome please")
    assert TaggerRung("tagger", "r", model).predict([question]) == model.predict([question.text])
