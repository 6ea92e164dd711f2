"""A split is refused by name where its arms, its shares, or what names it cannot be."""

import pytest

from stepladder.core import ConfigError, config

MODELS = """
[models.a]
kind = "chat"
base_url = "http://127.0.0.1:1/v1"
model = "m"
[models.b]
kind = "chat"
base_url = "http://127.0.0.1:1/v1"
model = "m"
"""


def either(arms, more=""):
    return f'{MODELS}\n[models.either]\nkind = "split"\narms = {arms}\n{more}'


@pytest.mark.parametrize("arms", ["{ a = 0.9, b = 0.1 }", "{ a = 1, b = 0 }", "{ b = 1.0, a = 0.0 }"])
def test_shares_of_none_and_of_all_are_taken(arms):
    assert config.parse(either(arms)).models["either"].kind == "split"


@pytest.mark.parametrize(
    ("text", "said", "remedy"),
    [
        (either("{ a = 0.5, bb = 0.5 }"), "names 'bb'", "'b'"),
        (either("{ a = 0.5, b = 0.4 }"), "adds up to 0.9", "add up to 1"),
        (either("{ a = 1.2, b = -0.2 }"), "arms.a is 1.2", "0 to 1"),
        (either("{ a = nan, b = 0.2 }"), "arms.a is nan", "0 to 1"),
        (either('{ a = 0.5, b = "half" }'), "arms.b is 'half'", "0 to 1"),
        (either("{ a = 1.0 }"), "names 1 model", "two or more"),
        (either("{}"), "names 0 models", "two or more"),
        (f'{MODELS}\n[models.either]\nkind = "split"', "models.either.arms is missing", "Add it"),
        (either("{ a = 0.5, b = 0.5 }", 'shares = "x"'), "shares is not a known key", "arms"),
        (either("{ a = 0.5, either = 0.5 }"), "names itself", "models that answer"),
        (
            either(
                "{ a = 0.5, b = 0.5 }", '[models.outer]\nkind = "split"\narms = { a = 0.5, either = 0.5 }'
            ),
            "names 'either', which is a split too",
            "one split",
        ),
        (
            either("{ a = 0.5, c = 0.5 }", '[models.c]\nkind = "chat"\nfallback = ["either"]'),
            "models.c.fallback names 'either', which is a split",
            "one of its arms",
        ),
        (either("{ a = 0.5, b = 0.5 }", 'fallback = ["a"]'), "fallback does not go", "to the arms"),
        (either("{ a = 0.5, b = 0.5 }", "cache_seconds = 5"), "cache_seconds does not go", "to the arms"),
        (
            either("{ a = 0.5, b = 0.5 }", "max_output_tokens = 5"),
            "max_output_tokens does not go",
            "to the arms",
        ),
        (
            either("{ a = 0.5, b = 0.5 }", '[tasks.mood]\ntop = "either"\nlabels = ["x", "y"]'),
            "tasks.mood.top names 'either', which is a split",
            "one model",
        ),
    ],
)
def test_anything_else_is_refused_and_says_what_to_do(text, said, remedy):
    with pytest.raises(ConfigError) as caught:
        config.parse(text)
    assert said in caught.value.message
    assert remedy in (caught.value.remedy or "")


def test_names_that_may_be_used_are_those_of_models_that_answer():
    outer = '[models.outer]\nkind = "split"\narms = { a = 0.5, zzz = 0.5 }'
    with pytest.raises(ConfigError) as caught:
        config.parse(either("{ a = 0.5, b = 0.5 }", outer))
    assert caught.value.remedy == "There are: a, b."
    with pytest.raises(ConfigError) as caught:
        config.parse(either("{ a = 0.5, eithr = 0.5 }"))
    assert caught.value.remedy == "There are: a, b."
    with pytest.raises(ConfigError) as caught:
        config.parse(either("{ a = 0.5, b = 0.5 }", '[models.c]\nkind = "chat"\nfallback = ["zzz"]'))
    assert caught.value.remedy == "Other models: a, b."
