"""A configuration is taken whole or refused with the key, the value and the remedy."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.core import ConfigError, Mode, PromiseKind, config

GOOD = """
[models.big]
kind = "chat"
base_url = "https://example.org/v1"
api_key = "env:BIG_KEY"
[tasks.mood]
top = "big"
labels = ["good", "bad"]
"""


def refused(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        config.parse(text)
    return caught.value


def test_what_is_left_out_has_its_default() -> None:
    found = config.parse(GOOD)
    task = found.tasks["mood"]
    assert (task.name, task.mode, task.promise.target, task.flywheel.labels) == (
        "mood",
        Mode.LADDER,
        0.95,
        1000,
    )
    assert found.server.host == "127.0.0.1"
    assert found.models["big"].settings["base_url"] == "https://example.org/v1"
    assert config.parse("").tasks == {}


def test_the_hash_names_the_text_and_no_secret_is_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIG_KEY", "very-secret")
    found = config.parse(GOOD)
    assert found.hash == config.parse(GOOD).hash
    assert found.hash != config.parse(GOOD + "\n# changed").hash
    assert "very-secret" not in repr(found)


@pytest.mark.parametrize(
    ("added", "param", "remedy"),
    [
        ("lables = []", "tasks.mood.lables", "'labels'"),
        ("[tasks.mood.promise]\ntargt = 0.9", "tasks.mood.promise.targt", "'target'"),
        ("[tasks.mood.promise]\ntarget = 1.5", "tasks.mood.promise.target", "0 to 1"),
        ('[tasks.mood.promise]\ntarget = "high"', "tasks.mood.promise.target", "'high'"),
        ("[tasks.mood.promise]\nrisk = 0", "tasks.mood.promise.risk", "0 to 1"),
        ("[tasks.mood.promise]\nhorizon = 0", "tasks.mood.promise.horizon", "above 0"),
        ('[tasks.mood.promise]\nkind = "recal"', "tasks.mood.promise.kind", "recal"),
        ('[tasks.mood.promise]\nkind = "recall"', "tasks.mood.promise.positive", "good, bad"),
        ('[tasks.mood.promise]\npositive = "bad"', "tasks.mood.promise.positive", "kind"),
        ("[tasks.mood.promise.floors]\nevery_label = 0.2", "tasks.mood.promise.floors: every_label", "0.5"),
        (
            "[tasks.mood.promise.floors]\nlabels = { meh = 0.9 }",
            "tasks.mood.promise.floors.labels",
            "good, bad",
        ),
        ("[tasks.mood.promise.floors]\nevery = 0.9", "tasks.mood.promise.floors.every", "every_label"),
        ('[tasks.other]\ntop = "offline"', "tasks.other.labeller", "big"),
        ('[tasks.other]\ntop = "offline"\nlabeller = "bigg"', "tasks.other.labeller", "big"),
        ('[tasks.other]\ntop = "big"\nlabeller = "big"', "tasks.other.labeller", "offline"),
        ('[tasks.mood.unsure]\nanswer = "good"', "tasks.mood.unsure", "offline"),
        (
            '[tasks.other]\ntop = "offline"\nlabeller = "big"\nlabels = ["a", "b"]\n'
            '[tasks.other.promise]\nkind = "recall"\npositive = "a"',
            "tasks.other.promise.kind",
            "agreement",
        ),
        (
            '[tasks.other]\ntop = "offline"\nlabeller = "big"\n[tasks.other.promise.floors]\ntenants = { a = 0.9 }',
            "tasks.other.promise.floors",
            "top",
        ),
        ("[tasks.mood.flywheel]\naudit = 2", "tasks.mood.flywheel.audit", "0 to 1"),
        ("[tasks.mood.flywheel]\ngrowth = 1.0", "tasks.mood.flywheel.growth", "above 1"),
        ("[tasks.mood.flywheel]\nlabels = -5", "tasks.mood.flywheel.labels", "above 0"),
        ('mode = "sometimes"', "tasks.mood.mode", "'sometimes'"),
        ("[server]\nprot = 80", "server.prot", "'port'"),
        ('[ledger]\ndurability = "magic"', "ledger.durability", "power"),
        ("[tusks.mood]\n", "tusks", "'tasks'"),
        ('[tasks.big]\ntop = "big"', "tasks.big", "Rename"),
        ('[tasks.other]\ntop = "bigg"', "tasks.other.top", "big"),
        ("[tasks.other]\n", "tasks.other.top", "top ="),
        ('[tasks.other]\ntop = "big"\nlabels = ["a", "a"]', "tasks.other.labels", "once"),
        ('[tasks.other]\ntop = "big"\nname = "x"', "tasks.other.name", "name"),
        ("[models.x]\nurl = 1", "models.x.kind", "kind"),
    ],
)
def test_a_mistake_names_the_key_and_what_to_do(added: str, param: str, remedy: str) -> None:
    error = refused(GOOD + added)
    assert error.param == param
    assert remedy in error.remedy


def test_broken_toml_and_missing_files_are_told_apart(tmp_path: Path) -> None:
    assert "TOML" in refused("[tasks").message
    with pytest.raises(ConfigError, match="stepladder init"):
        config.load(tmp_path / "none.toml")
    wrong = tmp_path / "latin.toml"
    wrong.write_bytes(b"# caf\xe9")
    with pytest.raises(ConfigError, match="UTF-8"):
        config.load(wrong)


@given(st.text(max_size=60))
def test_any_text_is_taken_or_refused_as_a_config_error(text: str) -> None:
    with suppress(ConfigError):
        config.parse(text)


class TestSecret:
    def test_from_the_environment_and_from_a_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KEY", "s3cret")
        (tmp_path / "key").write_text("from-file\n", encoding="utf-8")
        assert config.secret("env:KEY", "models.x.api_key") == "s3cret"
        assert config.secret(f"file:{tmp_path / 'key'}", "models.x.api_key") == "from-file"

    @pytest.mark.parametrize(
        "reference", ["sk-live-very-secret", "env:", "vault:very-secret", "env:sk-very-secret"]
    )
    def test_a_secret_written_down_is_refused_and_not_repeated(self, reference: str) -> None:
        with pytest.raises(ConfigError) as caught:
            config.secret(reference, "models.x.api_key")
        assert "very-secret" not in str(caught.value)
        assert "env:NAME" in caught.value.remedy

    def test_what_is_missing_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("NOPE", raising=False)
        with pytest.raises(ConfigError, match="export NOPE"):
            config.secret("env:NOPE", "models.x.api_key")
        with pytest.raises(ConfigError, match="no/such"):
            config.secret("file:no/such", "models.x.api_key")


def test_a_promise_of_a_kind_with_floors_is_read() -> None:
    found = config.parse(
        GOOD
        + """
[tasks.mood.promise]
kind = "recall"
positive = "bad"
[tasks.mood.promise.floors]
every_label = 0.8
labels = { bad = 0.9 }
tenants = { acme = 0.95 }
"""
    ).tasks["mood"]
    assert (found.promise.kind, found.promise.positive) == (PromiseKind.RECALL, "bad")
    assert found.promise.floors.of_labels(found.labels) == {"good": 0.8, "bad": 0.9}
    assert found.promise.floors.tenants == {"acme": 0.95}


def test_a_task_without_a_top_in_service_learns_from_its_labeller() -> None:
    text = (
        GOOD.replace('top = "big"', 'top = "offline"\nlabeller = "big"')
        + '[tasks.mood.unsure]\nanswer = "?"\n'
    )
    task = config.parse(text).tasks["mood"]
    assert (task.offline, task.teacher, task.unsure.answer) == (True, "big", "?")
    assert config.parse(GOOD).tasks["mood"].teacher == "big"


def test_a_word_that_is_none_of_several_names_them():
    with pytest.raises(ConfigError) as caught:
        config.parse('[guards]\npictures = "maybe"\n', origin="x")
    assert caught.value.param == "guards.pictures"
    assert caught.value.remedy == """It is 'maybe' now. It may be "off" or "read"."""


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ("[server]\nkeep_alive_seconds = 0", "Give a value above 0."),
        ("[server]\nworkers = 0", "Give a value from 1 to 32."),
        ("[classes.x]\nwait_seconds = -1", "Give a value of at least 0."),
    ],
)
def test_a_span_is_said_as_one_would_say_it(line, remedy):
    with pytest.raises(ConfigError) as caught:
        config.parse(line, origin="x")
    assert caught.value.remedy == remedy
