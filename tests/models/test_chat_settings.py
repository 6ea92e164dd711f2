"""`[models.x]` of kind chat: what is wrong is named, and a key never."""

import pytest

from stepladder.core import ConfigError, UnknownPlugin, plugins
from stepladder.models import ChatModel

GOOD = {"base_url": "http://127.0.0.1:1/v1", "model": "gpt-x"}
SECRET = "sk-secret-123456"


def wrong(**settings):
    with pytest.raises(ConfigError) as caught:
        ChatModel.open("big", {**GOOD, **settings})
    assert caught.value.remedy
    assert SECRET not in str(caught.value)
    return caught.value


def test_opening_needs_no_event_loop_and_connects_nothing():
    assert ChatModel.open("big", GOOD).name == "big"


@pytest.mark.parametrize(
    ("settings", "param", "says"),
    [
        ({"bas_url": "x"}, "models.big.bas_url", "'base_url'"),
        ({"price_inn": 1.0}, "models.big.price_inn", "'price_in'"),
        ({"timeout": 1}, "models.big.timeout", "not a known key"),
        ({"base_url": "127.0.0.1:8000"}, "models.big.base_url", "http(s)://HOST/v1"),
        ({"base_url": "http:///v1"}, "models.big.base_url", "http(s)://HOST/v1"),
        ({"base_url": f"http://me:{SECRET}@host/v1"}, "models.big.base_url", "api_key"),
        ({"base_url": f"http://host/v1?key={SECRET}"}, "models.big.base_url", "api_key"),
        ({"concurrency": 0}, "models.big.concurrency", "1 or more"),
        ({"between_timeout": 0.0}, "models.big.between_timeout", "more than 0"),
        ({"total_timeout": float("nan")}, "models.big.total_timeout", "more than 0"),
        ({"price_in": "cheap"}, "models.big.price_in", "'cheap'"),
        ({"extra": {"messages": []}}, "models.big.extra.messages", "Leave it out"),
        ({"api_key": SECRET}, "models.big.api_key", "env:NAME"),
        ({"api_key": "env:NOT_SET_ANYWHERE"}, "models.big.api_key", "NOT_SET_ANYWHERE"),
        ({"api_key": "file:/not/there"}, "models.big.api_key", "/not/there"),
        ({"headers": {"api-key": "env:NOT_SET_ANYWHERE"}}, "models.big.headers.api-key", "NOT_SET_ANYWHERE"),
    ],
)
def test_what_is_wrong_is_named(settings, param, says):
    error = wrong(**settings)
    assert error.param == param
    assert says in str(error)


@pytest.mark.parametrize("missing", ["base_url", "model"])
def test_what_is_missing_is_named(missing):
    with pytest.raises(ConfigError) as caught:
        ChatModel.open("big", {key: value for key, value in GOOD.items() if key != missing})
    assert caught.value.param == f"models.big.{missing}"


@pytest.mark.parametrize("value", [f"{SECRET}\n", f"{SECRET}é", f"{SECRET}\r\nX: y"])
@pytest.mark.parametrize("setting", [{"api_key": "env:BIG_KEY"}, {"headers": {"api-key": "env:BIG_KEY"}}])
def test_a_key_that_no_header_can_carry_is_refused_when_it_is_opened(monkeypatch, value, setting):
    monkeypatch.setenv("BIG_KEY", value)
    assert "line break" in wrong(**setting).remedy


def test_chat_is_found_as_a_plugin():
    try:
        found = plugins.find(plugins.MODELS, "chat")
    except UnknownPlugin:
        pytest.skip("Stepladder is not installed here, so it has no entry points.")
    assert found.__name__ == "ChatModel"
