"""A release as a folder in the layout of a Hugging Face repository: its files, a model card (README.md) and .gitattributes.

The card's header is YAML, of which JSON values are a part, with the keys that the hub knows: library, pipeline, tags, results
(https://huggingface.co/docs/hub/model-cards, model-index). Nothing is sent anywhere, and no rows of people are in it.
"""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from stepladder.core import BadRequest, Release, StoreError
from stepladder.registry.files import release_files
from stepladder.registry.keeping import Keeping
from stepladder.registry.record import Record
from stepladder.registry.registry import Registry
from stepladder.store import Store

_LARGE = ("*.safetensors", "*.gguf", "*.onnx", "*.gz")


def export_hub_folder(store: Store, registry: Registry, id: str, out: Path) -> Release:
    """Write the folder, whole or not at all. Raises BadRequest where it is there already or the release unknown, StoreError."""
    keeping = Keeping(store, registry)
    release = keeping.find(id)
    if out.exists():
        raise BadRequest(f"{out} is there already.", param="--out", remedy="Give a new folder.")
    files = release_files(registry.folder(release))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".exporting-", dir=out.parent) as name:
            draft = Path(name) / out.name
            for file, path in files.items():
                (draft / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, draft / file)
            attributes = "".join(f"{kind} filter=lfs diff=lfs merge=lfs -text\n" for kind in _LARGE)
            (draft / ".gitattributes").write_text(attributes, encoding="utf-8")
            card = _card(release, keeping.record(release.id))
            (draft / "README.md").write_text(card, encoding="utf-8")
            draft.rename(out)
    except OSError as error:
        raise StoreError(
            f"Cannot write {out}: {error.strerror}.", remedy="Check its folder and free space."
        ) from error
    return release


def _card(release: Release, record: Record | None) -> str:
    header = "".join(
        f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in _header(release, record).items()
    )
    labels = ", ".join(f"`{label}`" for label in (record.task.get("labels") or ())) if record else ""
    lines = [
        f"# {release.id}",
        f"A `{release.rung}` rung for the task `{release.task}`, made by the recipe `{release.recipe}` of Stepladder.",
        *([f"It answers with one of: {labels}."] if labels else []),
        f"- files' digest: `{release.digest}`",
        f"- data set's hash: `{release.dataset}` (its rows are not in this folder)",
        *([f"- Stepladder {record.version}, source `{record.code}`, seed {record.seed}"] if record else []),
        *(
            [f"- settings: `{json.dumps(dict(record.settings), ensure_ascii=False, sort_keys=True)}`"]
            if record
            else []
        ),
        f"Load it: `stepladder.core.plugins.find('stepladder.rungs', {release.rung!r}).load(folder, name=..., release=...)`.",
    ]
    return f"---\n{header}---\n\n" + "\n\n".join(lines) + "\n"


def _header(release: Release, record: Record | None) -> dict[str, Any]:
    results = [
        {"type": name, "name": name.replace("_", " "), "value": value}
        for name, value in sorted(release.metrics.items())
    ]
    labels = bool(record and record.task.get("labels"))
    pipeline = "text-classification" if labels else "text-generation"
    told: dict[str, Any] = {
        "library_name": "stepladder",
        "pipeline_tag": pipeline,
        "tags": list(dict.fromkeys(("stepladder", release.rung, release.recipe))),
    }
    if results:
        told["model-index"] = [
            {
                "name": release.id,
                "results": [
                    {
                        "task": {"type": pipeline},
                        "dataset": {"name": release.task, "type": release.dataset[:12] or release.task},
                        "metrics": results,
                    }
                ],
            }
        ]
    return told
