"""Labelled rows as tasks of other people's evaluations: EleutherAI's lm-evaluation-harness and the UK AISI's inspect."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

Row = Mapping[str, str]
"""`input` and `target`."""


def to_lm_eval(folder: Path, name: str, prompt: str, rows: Sequence[Row], labels: Sequence[str] = ()) -> None:
    """A task of lm-eval (YAML, which JSON is) beside its rows: a choice of labels, or text that must be the answer.

    Asked by `lm_eval --include_path FOLDER --tasks NAME`. Its templates are Jinja's: so the prompt goes in as a text, whatever
    braces it has, and of a label its place, since a label that is a number would be taken for one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lead = f"{{{{ {json.dumps(prompt + chr(10) * 2, ensure_ascii=False)} }}}}" if prompt else ""
    task: dict[str, object] = {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str((folder / f"{name}.jsonl").absolute())}},
        "test_split": "test",
        "doc_to_text": f"{lead}{{{{input}}}}\n",
        "target_delimiter": "",
        "metadata": {"version": 2.0},
    }
    if labels:
        places = {label: place for place, label in enumerate(labels)}
        _write(folder / f"{name}.jsonl", [{**row, "place": places[row["target"]]} for row in rows])
        accuracy = {"metric": "acc", "aggregation": "mean", "higher_is_better": True}
        task |= {
            "output_type": "multiple_choice",
            "doc_to_choice": list(labels),
            "doc_to_target": "place",
            "metric_list": [accuracy],
        }
    else:
        _write(folder / f"{name}.jsonl", rows)
        exact = {"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}
        task |= {
            "output_type": "generate_until",
            "doc_to_target": "{{target}}",
            "generation_kwargs": {"until": ["\n\n"]},
            "metric_list": [exact],
        }
    (folder / f"{name}.yaml").write_text(
        json.dumps(task, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def to_inspect(folder: Path, name: str, prompt: str, rows: Sequence[Row], labels: Sequence[str] = ()) -> None:
    """A task of inspect (a Python file) beside its rows. Asked by `inspect eval FOLDER/NAME.py --model ...`."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / f"{name}.jsonl", rows)
    told = f"{prompt}\n\nAnswer with one of: {', '.join(labels)}." if labels else prompt
    scorer = "match(location='exact', ignore_case=True)" if labels else "f1()"
    function = "".join(letter if letter.isalnum() else "_" for letter in name)
    first = "system_message(PROMPT), " if told else ""  # some services refuse an empty one
    text = f'''"""{name}: {len(rows)} rows."""

from pathlib import Path

from inspect_ai import Task, task
from inspect_ai.dataset import json_dataset
from inspect_ai.scorer import f1, match
from inspect_ai.solver import generate, system_message

PROMPT = {told!r}
ROWS = Path(__file__).with_name({f"{name}.jsonl"!r})


@task
def task_{function}():
    """The rows, asked one by one."""
    return Task(
        dataset=json_dataset(str(ROWS)),
        solver=[{first}generate()],
        scorer={scorer},
    )
'''
    (folder / f"{name}.py").write_text(text, encoding="utf-8")


def _write(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
