"""Nouns, errors, events and the plug-in catalogue."""

import dataclasses

import pytest

from stepladder import core
from stepladder.core import (
    Audited,
    Equal,
    Events,
    MissingExtra,
    NotAllowed,
    StepladderError,
    Task,
    UnknownPlugin,
    UpstreamFailed,
    plugins,
)


def test_every_noun_is_frozen_and_slotted() -> None:
    nouns = [
        value for value in vars(core).values() if dataclasses.is_dataclass(value) and isinstance(value, type)
    ]
    assert len(nouns) > 20
    for noun in nouns:
        how = noun.__dataclass_params__  # type: ignore[attr-defined]
        assert how.frozen or how.unsafe_hash, noun  # the latter is a `record`: frozen to the type checker
        assert "__slots__" in vars(noun), noun


@pytest.mark.parametrize(
    ("task", "equality"),
    [
        (Task("t", "top", labels=("a", "b")), Equal.LABEL),
        (Task("t", "top", schema={"type": "object"}), Equal.JSON),
        (Task("t", "top"), Equal.TEXT),
        (Task("t", "top", labels=("a", "b"), equal=Equal.TEXT), Equal.TEXT),
    ],
)
def test_answers_are_compared_by_what_the_contract_allows(task: Task, equality: Equal) -> None:
    assert task.equality is equality


def test_an_error_says_what_is_wrong_and_what_to_do() -> None:
    assert str(StepladderError("It broke.", remedy="Mend it.")) == "It broke. Mend it."
    assert NotAllowed("No.").status == 401
    assert NotAllowed("No.", forbidden=True).status == 403
    assert "pip install 'stepladder[local]'" in MissingExtra("The local model", "local").remedy


@pytest.mark.parametrize(("upstream", "status"), [(429, 429), (400, 400), (500, 502), (None, 502)])
def test_an_upstreams_refusal_is_passed_on_and_its_trouble_is_a_bad_gateway(
    upstream: int | None, status: int
) -> None:
    assert UpstreamFailed("big", "It failed.", upstream_status=upstream).status == status


def test_every_listener_hears_every_event_in_order() -> None:
    events, heard = Events(), []
    events.subscribe(lambda event: heard.append(("one", event)))
    events.subscribe(lambda event: heard.append(("two", event)))
    said = Audited("mood", "mood-1", True)
    events.emit(said)
    assert heard == [("one", said), ("two", said)]


def test_our_own_plug_ins_enter_by_the_same_door() -> None:
    assert {"dictionary", "linear"} <= set(plugins.names(plugins.RUNGS))
    assert {"chat", "local", "recorded"} <= set(plugins.names(plugins.MODELS))
    assert plugins.find(plugins.RECIPES, "linear").__name__ == "LinearRecipe"


def test_an_unknown_plug_in_lists_the_installed_ones() -> None:
    with pytest.raises(UnknownPlugin, match="no rung named 'linaer'") as caught:
        plugins.find(plugins.RUNGS, "linaer")
    assert {"dictionary", "linear"} <= set(
        caught.value.remedy.removeprefix("Installed: ").rstrip(".").split(", ")
    )
