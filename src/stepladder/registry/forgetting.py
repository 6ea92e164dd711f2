"""Taking people's rows out of frozen datasets, and naming the releases that were trained on them.

A dataset's name stays the hash of what it was frozen with; a note in the catalogue says which hash it has since.
"""

import os
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from stepladder.core import Example, StoreError
from stepladder.registry.datasets import dataset_hash, write_dataset
from stepladder.registry.registry import FORGOTTEN, Registry
from stepladder.store import Catalogue


@dataclass(frozen=True, slots=True)
class Held:
    """Where rows of these requests are: "TASK HASH" of each dataset -> how many; and the releases trained on them."""

    examples: dict[str, int]
    releases: tuple[str, ...]

    def __str__(self) -> str:
        rows = f"{sum(self.examples.values())} examples in {len(self.examples)} datasets"
        return f"{rows}, releases: {', '.join(self.releases) or 'none'}"


def held(catalogue: Catalogue, registry: Registry, ids: Collection[str]) -> Held:
    """What holds examples of these requests. Reads every dataset there is."""
    return _through(catalogue, registry, ids, forget=False)


def forget(catalogue: Catalogue, registry: Registry, ids: Collection[str]) -> Held:
    """Take them out of every dataset; what held them. The releases stay: train them anew, or take them out of service."""
    return _through(catalogue, registry, ids, forget=True)


def forget_before(catalogue: Catalogue, registry: Registry, before: float) -> int:
    """Take every example out of datasets that were frozen before then (Unix seconds); how many examples it was."""
    count = 0
    for card in catalogue.list_datasets():
        if card.created_at >= before:
            continue
        splits = registry.dataset(card.hash, card.task).splits
        rows = sum(map(len, splits.values()))
        if rows:
            place = registry.dataset_place(card.task, card.hash)
            _rewrite(catalogue, place, (card.task, card.hash), dict.fromkeys(splits, ()))
            count += rows
    return count


def _through(catalogue: Catalogue, registry: Registry, ids: Collection[str], *, forget: bool) -> Held:
    wanted, found, releases = set(ids), {}, []
    trained = catalogue.list_releases()
    for card in catalogue.list_datasets() if wanted else ():
        task = card.task
        splits = registry.dataset(card.hash, task).splits
        count = sum(example.id in wanted for examples in splits.values() for example in examples)
        if not count:
            continue
        found[f"{task} {card.hash}"] = count
        releases += [one.id for one in trained if (one.task, one.dataset) == (task, card.hash)]
        if forget:
            kept = {
                name: tuple(example for example in examples if example.id not in wanted)
                for name, examples in splits.items()
            }
            _rewrite(catalogue, registry.dataset_place(task, card.hash), (task, card.hash), kept)
    return Held(found, tuple(releases))


def _rewrite(
    catalogue: Catalogue, place: Path, name: tuple[str, str], splits: dict[str, tuple[Example, ...]]
) -> None:
    """The note first: a dataset that was rewritten without one would count as damaged, the other way round is harmless."""
    task, hash = name
    before = catalogue.notes.get(FORGOTTEN, f"{task} {hash}") or {}
    digests = [*before.get("digests", []), dataset_hash(splits)]
    catalogue.notes.put(FORGOTTEN, f"{task} {hash}", {"digests": digests})
    try:
        with tempfile.TemporaryDirectory(prefix=".forgetting-", dir=place.parent) as folder:
            write_dataset(Path(folder), task, hash, splits)
            for file in Path(folder).iterdir():
                file.chmod(0o444)
                os.replace(file, place / file.name)
    except OSError as error:
        raise StoreError(
            f"Cannot take rows out of the dataset in {place}: {error.strerror}.",
            remedy="Check the data folder's rights and free space, and erase again.",
        ) from error
