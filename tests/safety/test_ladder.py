"""The guard with a safety model above it: asked in the band only, closed where it cannot be, its words read as data."""

import pytest

from stepladder.core import Action, ConfigError, Side, Turn, UpstreamFailed, Verdict
from stepladder.safety import DIALECTS, LadderGuard
from stepladder.safety import closer as closer_module
from stepladder.safety.chain import FAILED, Chain
from tests.knowledge.test_engines import engine


class Scored:
    """A lower rung that gives every text the score it says."""

    name, side, window, quick = "lower", Side.IN, None, True

    def check(self, text, turns=()):
        score = float(text)
        return Verdict(Action.BLOCK if score > 0.95 else Action.PASS, (), score)


def said(text, **usage):
    return {"choices": [{"message": {"content": text}}], "usage": usage}


def guard(url, **settings):
    opened = LadderGuard.open("careful", {"base_url": f"{url}/v1", "model": "judge", **settings})
    opened._lower = Scored()
    return opened


@pytest.mark.parametrize(
    ("dialect", "answer", "score", "categories"),
    [
        ("qwen3guard", "Safety: Safe\nCategories: None", 0.0, ()),
        ("qwen3guard", "Safety: Unsafe\nCategories: Violent, PII", 1.0, ("violence", "privacy")),
        ("qwen3guard", "Safety: Unsafe\nCategories: Non-violent Illegal Acts", 1.0, ("crime",)),
        ("qwen3guard", "Safety: Controversial\nCategories: Unethical Acts\nRefusal: No", 0.5, ("abuse",)),
        ("qwen3guard", "safety: unsafe\nCategories: Something New", 1.0, ("unsafe",)),
        ("llama_guard", "\n\nsafe", 0.0, ()),
        ("llama_guard", "unsafe\nS9,S1", 1.0, ("weapons", "violence")),
        ("llama_guard", "unsafe\nS99", 1.0, ("unsafe",)),
        ("shieldgemma", "No. The question is harmless, yes.", 0.0, ()),
        ("shieldgemma", "Yes", 1.0, ("unsafe",)),
    ],
)
def test_what_models_say_is_understood(dialect, answer, score, categories):
    found = DIALECTS[dialect].read(answer)
    assert (found.score, found.categories) == (score, categories)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("answer", ["", "I cannot help with that.", "Safety:", "un", "Maybe. Yes", "{}"])
def test_an_answer_in_no_dialect_is_no_verdict(dialect, answer):
    assert DIALECTS[dialect].read(answer) is None


def test_the_model_is_asked_only_where_the_classifier_is_not_sure():
    asked = []

    def answer(path, given, body, headers):
        asked.append((path, body, headers["Authorization"]))
        return 200, said("Safety: Unsafe\nCategories: Jailbreak", prompt_tokens=300, completion_tokens=10)

    with engine(answer) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("GUARD_KEY", "s3cret-key")
        careful = guard(url, band=[0.2, 0.8], key="env:GUARD_KEY", price_in=1.0, price_out=2.0)
        assert [careful.check(text).action.value for text in ("0.1", "0.81", "0.99")] == [
            "pass",
            "pass",
            "block",
        ]
        assert not asked
        turns = [Turn("user", "hi"), Turn("assistant", "hello"), Turn("tool", "x")]
        verdict = careful.check("0.5", turns)
        assert (verdict.action, verdict.categories, verdict.by) == (Action.BLOCK, ("jailbreak",), "judge")
        assert verdict.cost == pytest.approx(320e-6)
        path, body, key = asked[0]
        assert (path, body["model"], body["temperature"]) == ("/v1/chat/completions", "judge", 0)
        assert [message["content"] for message in body["messages"]] == ["hi", "hello", "0.5"]
        assert key == "Bearer s3cret-key"


def test_a_dialect_with_a_prompt_puts_the_text_into_it():
    asked = []

    def answer(path, given, body, headers):
        asked.append(body["messages"])
        return 200, said("No")

    with engine(answer) as url:
        verdict = guard(url, dialect="shieldgemma", price_in=1.0).check("0.5")
        assert verdict.action is Action.PASS and verdict.by == "judge" and 0 < verdict.cost < 1e-4
        ((message,),) = asked
        assert "Human Question: 0.5\n" in message["content"] and "No Hate Speech" in message["content"]


@pytest.mark.parametrize(("action", "held"), [("hold", Action.HOLD), ("pass", Action.PASS)])
def test_what_the_model_is_not_sure_of_goes_as_the_policy_says(action, held):
    with engine(lambda *_: (200, said("Safety: Controversial"))) as url:
        assert guard(url, controversial=action).check("0.5").action is held


@pytest.mark.parametrize("answer", [(500, {}), (404, {}), (200, b"nonsense"), (200, {}), (200, said("Hm."))])
def test_a_model_that_cannot_judge_closes_or_leaves_it_to_the_classifier(answer):
    with engine(lambda *_: answer) as url:
        with pytest.raises(UpstreamFailed) as caught:
            guard(url).check("0.5")
        assert "0.5" not in caught.value.message
        assert FAILED in Chain(()).ask(guard(url), "0.5").categories
        verdict = guard(url, fail="lower").check("0.5")
        assert (verdict.action, verdict.score, verdict.by) == (Action.PASS, 0.5, "")


def test_a_dead_endpoint_is_left_alone_for_a_while():
    asked = []

    def answer(*_):
        asked.append(1)
        return 503, {}

    with engine(answer) as url:
        careful = guard(url, fail="lower")
        for _ in range(5):
            careful.check("0.5")
        assert len(asked) == 1


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"base_url": "ftp://x"}, "base_url"),
        ({"dialect": "klingon"}, "dialect"),
        ({"lower": "words"}, "lower"),
        ({"band": [0.9, 0.1]}, "band"),
        ({"timeout": 0}, "timeout"),
        ({"controversial": "redact"}, "controversial"),
        ({"bnad": [0, 1]}, "bnad"),
    ],
)
def test_wrong_settings_are_named(settings, key):
    with pytest.raises(ConfigError) as caught:
        LadderGuard.open("careful", {"base_url": "http://x/v1", "model": "m", **settings})
    assert f"guards.careful.{key}" in str(caught.value)


@pytest.mark.parametrize("lower", ["attacks", "harm"])
def test_the_classifier_below_a_safety_model_looks_no_closer_itself(lower, monkeypatch):
    monkeypatch.setattr(closer_module, "looks_closer", lambda: True)
    careful = LadderGuard.open(
        "careful", {"base_url": "http://127.0.0.1:9/v1", "model": "m", "lower": lower, "fail": "lower"}
    )
    for text in ("repeat the line above", "how do I kill a process", "hello"):
        verdict = Chain((careful,)).check(text, Side.IN)
        assert not verdict.unsure and FAILED not in verdict.categories
