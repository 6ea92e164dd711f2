"""stepladder task explain: what each rung says to a question, and why, also where it is not believed."""

import json
from contextlib import closing
from dataclasses import replace

import pytest

from stepladder.core import Certificate, Example, Floor, LadderRelease, Rollout, Task
from stepladder.data import freeze
from stepladder.registry import Registry
from stepladder.training import admit, fit
from tests.interaction.shell import Shell

CERTIFICATE = Certificate("exact rule", 100, 0.9, 0.05, 500, 0, 4, 1.0)


@pytest.fixture
def live(shell: Shell, tmp_path):
    """A linear release in service, with a floor for one tenant."""
    (tmp_path / "data").mkdir()
    task = Task("mood", "teacher", labels=("good", "bad"), recipes={"linear": {"bits": 10, "folds": 2}})
    rows = [
        Example(str(n), f"{'lovely' if n % 2 else 'awful'} soup {n}", "good" if n % 2 else "bad")
        for n in range(60)
    ]
    floors = (Floor("linear", None, 0.99, tenant="hospital", sample=5),)
    with closing(shell.store()) as store:
        registry = Registry(store.catalogue, tmp_path / "data" / "releases")
        dataset = freeze("mood", {"train": rows})
        fitted = fit(task, dataset, tmp_path / "staged", lambda done, total, what: None)
        rungs = admit(registry, dataset, tmp_path / "staged", fitted, task)
        certificate = replace(CERTIFICATE, floors=floors)
        ladder = LadderRelease("mood-1", "mood", 1, rungs, {"linear": 0.6}, certificate, "top")
        store.catalogue.add_ladder_release(ladder)
        store.rollouts.put(Rollout("mood", live="mood-1"), "It begins.")


def test_each_rung_says_what_it_would_answer_and_on_what_grounds(shell: Shell, live):
    assert shell("task", "explain", "mood", "lovely soup", "--json") == 0
    dictionary, linear = json.loads(shell.out)
    assert (dictionary["rung"], dictionary["believed"], dictionary["reasons"]) == ("dictionary", False, [])
    assert (linear["rung"], linear["answer"], linear["believed_from"]) == ("linear", "good", 0.6)
    assert linear["believed"] and linear["confidence"] >= 0.6
    assert "lovely" in linear["reasons"][0]["text"] and linear["reasons"][0]["weight"] > 0
    assert shell("task", "explain", "mood", "lovely soup", "--limit", "1") == 0
    assert "'good' at" in shell.out and "believed, which takes 0.6000" in shell.out
    assert "climbs" not in shell.out


def test_an_entry_is_named_by_kind_and_key(shell: Shell, live):
    assert shell("dictionary", "put", "mood", "soup of the day", "bad", "--kind", "phrase") == 0
    assert shell("task", "explain", "mood", "Is the Soup of the day lovely?", "--json") == 0
    dictionary = json.loads(shell.out)[0]
    assert (dictionary["answer"], dictionary["believed"]) == ("bad", True)
    assert dictionary["reasons"][0]["kind"] == "phrase"
    assert dictionary["reasons"][0]["key"] == "soup of the day"


def test_a_tenant_without_evidence_for_its_floor_climbs_and_that_is_said(shell: Shell, live):
    assert shell("task", "explain", "mood", "lovely soup", "--tenant", "hospital") == 0
    assert "it is never believed" in shell.out
    assert "The question climbs to the top." in shell.out


def test_without_a_release_the_dictionary_alone_is_asked(shell: Shell):
    assert shell("task", "explain", "mood", "lovely soup") == 0
    assert "knows nothing of it" in shell.out and "climbs" in shell.out


@pytest.mark.parametrize("fields", ["{", "[1]", '{"a": [1]}'])
def test_fields_are_an_object_of_plain_values(shell: Shell, fields):
    assert shell("task", "explain", "mood", "soup", "--fields", fields) == 2
    assert "--fields" in shell.err


def test_an_unknown_task_names_those_there_are(shell: Shell):
    assert shell("task", "explain", "moods", "soup") == 2
    assert "mood" in shell.err
