"""Ledger rows -> examples -> clean examples -> a frozen dataset."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b, sha256

import msgspec

from stepladder.core import Dataset, Example, Task
from stepladder.registry import dataset_hash
from stepladder.store import LabelledRow
from stepladder.text import normalise


def gather(rows: Iterable[LabelledRow]) -> list[Example]:
    """Examples in the ledger's order. A person's correction outranks what the top rung said, and counts as gold."""
    return [
        Example(
            id=row.id,
            text=row.text,
            label=label,
            fields=row.fields,
            origin="top" if row.correction is None else "feedback",
            drawn=row.drawn,
            gold=row.correction,
            at=row.at,
        )
        for row in rows
        if (label := row.top_answer if row.correction is None else row.correction) is not None
    ]


def unlabelled(texts: Iterable[str], *, limit: int = 20_000) -> dict[str, list[Example]]:
    """The split of this name: texts that nobody has answered yet, each once. Without any there is no such split.

    Of many, always the same ones are taken, whatever their order: none is preferred, so that a sample that is drawn of them
    to calibrate with stays like the rest.
    """
    ranked = sorted(set(texts), key=lambda text: blake2b(text.encode("utf-8", "replace")).digest())
    examples = [Example(f"text {number}", text, "") for number, text in enumerate(ranked[:limit])]
    return {"unlabelled": examples} if examples else {}


def clean(examples: Sequence[Example], labels: Sequence[str] = (), *, limit: int = 50_000) -> list[Example]:
    """Drop what would teach nothing or nonsense, and keep the newest `limit`, in order.

    Dropped: empty texts and labels; labels outside the task's `labels`, if it has any; all but the newest of equal
    questions (normal form and fields), since copies on both sides of a split make a model look better than it is; equal
    questions with different labels, unless a person settled it.
    """
    groups: dict[tuple[str, bytes], list[Example]] = defaultdict(list)
    for example in examples:
        allowed = example.label in labels if labels else example.label.strip()
        if allowed and (key := normalise(example.text)):
            groups[key, msgspec.json.encode(example.fields, order="sorted")].append(example)
    kept = {id(chosen) for group in groups.values() if (chosen := _one_of(group)) is not None}
    return [example for example in examples if id(example) in kept][-limit:]


def replay(examples: Sequence[Example], earlier: Iterable[Sequence[Example]], share: float) -> list[Example]:
    """The examples and, before them, so many of earlier data sets that these are the share `share` of all.

    None is taken whose question is among the examples, and none counts as drawn: they are not what is asked now. The same
    rows are taken every time.
    """
    fresh = {normalise(example.text) for example in examples}
    old = {key: one for part in earlier for one in part if (key := normalise(one.text)) not in fresh}
    wanted = round(len(examples) * share / (1 - share))
    chosen = sorted(old.values(), key=lambda one: sha256(one.id.encode()).digest())[:wanted]
    return [*(replace(one, drawn=False) for one in chosen), *examples]


def _one_of(group: Sequence[Example]) -> Example | None:
    settled = [example for example in group if example.gold is not None] or group
    return settled[-1] if len({example.label for example in settled}) == 1 else None


def training_set(
    task: Task, rows: Iterable[LabelledRow], earlier: Iterable[Dataset] = (), texts: Iterable[str] = ()
) -> Dataset:
    """What a turn trains on: clean rows, with the task's share of earlier data sets; `texts` are those to come."""
    fresh = clean(gather(rows), task.labels)
    share = task.flywheel.replay
    train = replay(fresh, [one.splits["train"] for one in earlier], share) if share else fresh
    return freeze(task.name, {"train": train, **unlabelled(texts)})


def freeze(task: str, splits: Mapping[str, Sequence[Example]]) -> Dataset:
    """Name the splits by what is in them: the same examples give the same hash, on every machine."""
    fixed = {name: tuple(examples) for name, examples in splits.items()}
    return Dataset(hash=dataset_hash(fixed), task=task, splits=fixed)
