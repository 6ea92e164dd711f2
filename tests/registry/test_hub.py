"""A release in the layout of a Hugging Face repository."""

import json

import pytest

from stepladder.core import BadRequest, Task
from stepladder.registry import Registry, export_hub_folder, record_of
from stepladder.store import Store


@pytest.fixture
def made(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path}/stepladder.db")
    registry = Registry(store.catalogue, tmp_path / "releases")
    staged = tmp_path / "staged"
    staged.mkdir()
    (staged / "model.safetensors").write_bytes(b"weights")
    (staged / "card.json").write_bytes(b"{}")
    release = registry.admit("天气", "linear", "linear", "h1", staged, {"out_of_fold_accuracy": 0.9})
    registry.note(release, record_dict())
    yield store, registry, release
    store.close()


def record_dict():
    import msgspec

    return msgspec.to_builtins(record_of(Task("天气", top="t", labels=("晴: sun", "雨")), {"bits": 12}, 3))


def test_the_folder_has_files_a_card_and_attributes(made, tmp_path):
    store, registry, release = made
    out = tmp_path / "deep" / "hub"
    assert export_hub_folder(store, registry, release.id, out) == release
    assert {path.name for path in out.iterdir()} == {
        "model.safetensors",
        "card.json",
        "README.md",
        ".gitattributes",
    }
    assert (out / "model.safetensors").read_bytes() == b"weights"
    assert "*.safetensors filter=lfs" in (out / ".gitattributes").read_text(encoding="utf-8")
    _, header, text = (out / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    told = {key: json.loads(value) for key, value in (line.split(": ", 1) for line in header.splitlines())}
    assert told["pipeline_tag"] == "text-classification"
    assert told["model-index"][0]["results"][0]["metrics"][0]["value"] == 0.9
    assert "`晴: sun`" in text
    assert release.digest in text
    with pytest.raises(BadRequest, match="there already"):
        export_hub_folder(store, registry, release.id, out)
    assert [path.name for path in out.parent.iterdir()] == ["hub"]


def test_the_hub_s_own_library_reads_the_card(made, tmp_path):
    hub = pytest.importorskip("huggingface_hub")
    store, registry, release = made
    export_hub_folder(store, registry, release.id, tmp_path / "hub")
    card = hub.ModelCard.load(tmp_path / "hub" / "README.md")
    assert card.data.library_name == "stepladder"
    assert card.data.tags == ["stepladder", "linear"]
    (result,) = card.data.eval_results
    assert (result.metric_type, result.metric_value, result.dataset_name) == (
        "out_of_fold_accuracy",
        0.9,
        "天气",
    )
