"""What has been made: datasets, releases of rungs and ladder releases. Once in, a line never changes."""

from dataclasses import asdict
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, Table, insert, select, update

from stepladder.core import Certificate, LadderRelease, Release, StoreError
from stepladder.store.chain import append
from stepladder.store.database import Database
from stepladder.store.notes import Notes
from stepladder.store.rows import DatasetCard, Note
from stepladder.store.tables import datasets, ladder_releases, numbers, releases


class Catalogue:
    """Adding what is there does nothing; adding something else under the same name is a StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.notes = Notes(database)

    def add_dataset(self, card: DatasetCard) -> None:
        """Add a frozen dataset's card (its examples live in the registry's folder)."""
        values = asdict(card) | {"sizes": _json(card.sizes)}
        with self._database.write() as connection:
            _add(connection, datasets, values, ("task", "hash"))

    def add_release(self, release: Release) -> None:
        """Add a rung's release (its files live in the registry's folder)."""
        values = asdict(release) | {"metrics": _json(release.metrics)}
        with self._database.write() as connection:
            if _add(connection, releases, values, ("id",)):
                made = f"recipe {release.recipe}, dataset {release.dataset}, files {release.digest}"
                said = f"{release.id} of {release.task}: {made}"
                append(connection, Note(release.created_at, "flywheel", "release", said))

    def add_ladder_release(self, release: LadderRelease) -> None:
        """Add a ladder release. The releases of its rungs must be in already."""
        certificate = None if release.certificate is None else _json(release.certificate)
        values = asdict(release) | {
            "rungs": _json(release.rungs),
            "thresholds": _json(release.thresholds),
            "certificate": certificate,
        }
        with self._database.write() as connection:
            known = set(
                connection.scalars(select(releases.c.id).where(releases.c.id.in_(release.rungs.values())))
            )
            missing = sorted(set(release.rungs.values()) - known)
            if missing:
                raise StoreError(
                    f"Ladder release {release.id!r} names {missing[0]!r}, which is not in the catalogue.",
                    remedy="Admit the release of every rung first.",
                )
            if _add(connection, ladder_releases, values, ("id",)):
                rungs = ", ".join(release.rungs.values())
                said = f"{release.id} of {release.task}: {rungs}; {'' if certificate else 'not '}certified"
                append(connection, Note(release.created_at, "flywheel", "ladder release", said))

    def get_dataset(self, hash: str, task: str | None = None) -> DatasetCard | None:
        """The card of a dataset, or None. Tasks may share a hash: without `task`, the oldest card."""
        query = select(datasets).where(datasets.c.hash == hash).order_by(datasets.c.created_at)
        cards = [
            _card(row) for row in self._all(query if task is None else query.where(datasets.c.task == task))
        ]
        return cards[0] if cards else None

    def get_release(self, id: str) -> Release | None:
        """A rung's release, or None."""
        return next((_release(row) for row in self._all(select(releases).where(releases.c.id == id))), None)

    def get_ladder_release(self, id: str) -> LadderRelease | None:
        """A ladder release, or None."""
        query = select(ladder_releases).where(ladder_releases.c.id == id)
        return next((_ladder_release(row) for row in self._all(query)), None)

    def list_datasets(self, task: str | None = None) -> list[DatasetCard]:
        """The datasets of a task, or of all tasks, oldest first."""
        query = select(datasets) if task is None else select(datasets).where(datasets.c.task == task)
        return [_card(row) for row in self._all(query.order_by(datasets.c.created_at, datasets.c.hash))]

    def list_releases(self, task: str | None = None) -> list[Release]:
        """The releases of a task's rungs, or of all tasks', oldest first."""
        query = select(releases) if task is None else select(releases).where(releases.c.task == task)
        return [_release(row) for row in self._all(query.order_by(releases.c.created_at, releases.c.id))]

    def list_ladder_releases(self, task: str) -> list[LadderRelease]:
        """A task's ladder releases, by number."""
        query = select(ladder_releases).where(ladder_releases.c.task == task)
        return [_ladder_release(row) for row in self._all(query.order_by(ladder_releases.c.number))]

    def next_number(self, task: str) -> int:
        """Count one more attempt at a certificate: 1, 2, ... No number is ever given twice, to no process."""
        raise_it = update(numbers).where(numbers.c.task == task).values(number=numbers.c.number + 1)
        with self._database.write() as connection:
            number = connection.execute(raise_it.returning(numbers.c.number)).scalar()
            if number is None:
                connection.execute(insert(numbers).values(task=task, number=1))
            return int(number or 1)

    def _all(self, query: Select[Any]) -> list[Any]:
        with self._database.read() as connection:
            return list(connection.execute(query))


def _add(connection: Connection, table: Table, values: dict[str, Any], key: tuple[str, ...]) -> bool:
    """Whether it is new."""
    query = select(table).where(*(table.c[name] == values[name] for name in key))
    found = connection.execute(query).mappings().first()
    if found is None:
        connection.execute(insert(table).values(values))
    elif any(found[name] != value for name, value in values.items() if name != "created_at"):
        raise StoreError(
            f"{table.name} holds another {' '.join(values[name] for name in key)!r} already.",
            remedy="What is in the catalogue never changes: give the new one another name.",
        )
    return found is None


def _json(value: Any) -> str:
    return msgspec.json.encode(value, order="sorted").decode()


def _card(row: Any) -> DatasetCard:
    return DatasetCard(row.hash, row.task, msgspec.json.decode(row.sizes), row.created_at)


def _release(row: Any) -> Release:
    metrics = msgspec.json.decode(row.metrics, type=dict[str, float])
    return Release(row.id, row.task, row.rung, row.recipe, row.dataset, row.digest, metrics, row.created_at)


def _ladder_release(row: Any) -> LadderRelease:
    return LadderRelease(
        id=row.id,
        task=row.task,
        number=row.number,
        rungs=msgspec.json.decode(row.rungs),
        thresholds=msgspec.json.decode(row.thresholds, type=dict[str, float]),
        certificate=msgspec.json.decode(row.certificate, type=Certificate) if row.certificate else None,
        top=row.top,
        created_at=row.created_at,
    )
