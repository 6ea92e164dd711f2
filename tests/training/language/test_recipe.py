"""The `lora` recipe makes a release that loads, answers as it predicts, and knows how sure it is."""

import asyncio
from importlib.util import find_spec

import pytest

from stepladder.core import Answer, ConfigError, Dataset, Example, Question, Task, TrackedRun, plugins
from stepladder.evaluation import judge, stream
from stepladder.registry import Registry
from stepladder.store import Store
from stepladder.training import Following, Heard, admit, load_rungs
from tests.training.language.places import tiny_base

needed = ("torch", "transformers", "trl", "peft", "datasets", "gguf", "xllamacpp")
missing = [name for name in needed if find_spec(name) is None]
pytestmark = [
    pytest.mark.skipif(
        bool(missing), reason=f"needs stepladder[train,local]: {', '.join(missing)} is not installed"
    ),
    pytest.mark.timeout(600),
]
LABELS = ("cancel", "refund", "address")
TASK = Task("intent", top="top", prompt="What is asked?", labels=LABELS, rungs=("lora",))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny_base(tmp_path_factory.mktemp("tiny") / "base")


def dataset(rows=90):
    examples = [
        Example(str(k), f"{LABELS[k % 3]} my order {k}", LABELS[k % 3], drawn=k % 2 == 0) for k in range(rows)
    ]
    return Dataset("0" * 64, TASK.name, {"train": tuple(examples)})


def test_a_release_of_it_answers_as_it_predicts(base, tmp_path):
    found, heard = dataset(), []
    recipe = plugins.find(plugins.RECIPES, "lora")()
    settings = {
        "base": str(base),
        "steps": 150,
        "rate": 3e-3,
        "rank": 16,
        "alpha": 32.0,
        "threads": 1,
        "length": 64,
    }
    place = tmp_path / "lora"
    place.mkdir()
    store = Store.open("sqlite://")
    with Following(store.runs, TrackedRun("lora intent"), lambda event: None) as followed:
        told = Heard(lambda done, total, what: heard.append(what), [followed])
        fitted = recipe.fit(TASK, found, place, settings=settings, seed=3, progress=told)
    (run,) = store.runs.newest()
    steps = store.runs.figures(run.id)
    assert list(steps) == list(range(1, 151))
    assert steps[150]["loss"] < steps[1]["loss"]
    assert {"perplexity", "rate", "accuracy"} <= steps[150].keys()
    assert any("held_loss" in figures for figures in steps.values())

    assert any(what.startswith("loss") for what in heard)
    assert sum(guess is not None for guess in fitted.out_of_fold) == fitted.metrics["hidden"] == 18
    assert fitted.metrics["out_of_fold_accuracy"] == 1.0
    assert fitted.metrics["served_gap"] < 0.05
    # Judging takes the hidden examples alone.
    judgement = judge(TASK, found, {"lora": fitted}, stream(TASK), number=1)
    assert judgement.agreement == {"lora": 1.0}

    try:
        registry = Registry(store.catalogue, tmp_path / "registry")
        releases = admit(registry, found, tmp_path, {"lora": fitted})
        (rung,) = load_rungs(registry, releases)
        texts = ["refund my order 7", "address my order 900", "cancel my order 1", "x" * 5000, "\ud800 \0 ?"]
        asked = [Question(str(k), TASK.name, text) for k, text in enumerate(texts)]
        try:
            said = [answered(rung, question) for question in asked]
            guesses = rung.predict(asked)
            assert [(one.text, one.confidence) for one in said] == [
                (one.text, one.confidence) for one in guesses
            ]
            assert [one.text for one in said[:3]] == ["refund", "address", "cancel"]
            assert min(one.confidence for one in said[:3]) > 0.5
            assert said[3].confidence == 0.0  # too long: somebody else is asked
        finally:
            rung.model.close()
    finally:
        store.close()


def answered(rung, question):
    async def run():
        parts = [part async for part in rung.answer(question)]
        assert len(parts) == 1
        return parts[0]

    answer = asyncio.run(run())
    assert isinstance(answer, Answer)
    return answer


def test_a_task_without_labels_is_refused(base, tmp_path):
    recipe = plugins.find(plugins.RECIPES, "lora")()
    with pytest.raises(ConfigError, match="labels") as caught:
        recipe.fit(
            Task("prose", top="top"),
            dataset(),
            tmp_path,
            settings={},
            seed=0,
            progress=lambda done, total, what: None,
        )
    assert caught.value.param == "tasks.prose.labels"
