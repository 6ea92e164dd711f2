"""Runs of training, kept beside the ledger: losses, rates and whatever else a trainer tells, while they come."""

import math
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import delete, insert, select, update

from stepladder.core import Clock, StoreError, TrackedRun, TrackerFailed
from stepladder.store.database import Database
from stepladder.store.run_tables import run_steps, runs

Figures = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Run:
    """A run: `ended_at` is None while it goes on, or where its process died; `figures` are its last ones."""

    id: str
    name: str
    began_at: float
    ended_at: float | None
    failed: bool
    settings: Mapping[str, str]
    figures: Figures


class Runs:
    """A `Followed` of core: one transaction a call. Raises TrackerFailed where that cannot be written."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def begin(self, run: TrackedRun) -> str:
        """Write down that a run begins; its id."""
        id = f"run-{secrets.token_hex(6)}"
        told = {**run.settings, **run.tags}
        row = {"id": id, "name": run.name, "began_at": self._clock.time(), "failed": 0, "figures": "{}"}
        self._write(insert(runs).values(**row, settings=_json(told)))
        return id

    def steps(self, run: str, told: Mapping[int, Figures]) -> None:
        """Keep figures by step. What is told of a step again, since the run went back, stands for what was told before."""
        known = self.figures(run, among=told)
        rows = [
            {"run": run, "step": step, "figures": _finite({**known.get(step, {}), **figures})}
            for step, figures in told.items()
        ]
        if rows:
            again = delete(run_steps).where(run_steps.c.run == run, run_steps.c.step.in_(told))
            self._write(self._known(run), again, insert(run_steps).values(rows))

    def end(self, run: str, figures: Figures, *, failed: bool = False) -> None:
        """Write down how a run ended."""
        ended = {"ended_at": self._clock.time(), "failed": int(failed), "figures": _finite(figures)}
        self._write(update(runs).where(runs.c.id == run).values(**ended))

    def newest(self, most: int = 50) -> list[Run]:
        """The newest runs, newest first."""
        query = select(runs).order_by(runs.c.began_at.desc(), runs.c.id).limit(most)
        with self._database.read() as connection:
            return [_run(row) for row in connection.execute(query)]

    def get(self, id: str) -> Run | None:
        """A run by its id."""
        with self._database.read() as connection:
            row = connection.execute(select(runs).where(runs.c.id == id)).first()
        return None if row is None else _run(row)

    def figures(self, run: str, *, among: Collection[int] | None = None) -> dict[int, dict[str, float]]:
        """A run's figures by step, in order; of all its steps, or of those `among` these."""
        query = select(run_steps.c.step, run_steps.c.figures).where(run_steps.c.run == run)
        query = query if among is None else query.where(run_steps.c.step.in_(among))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(run_steps.c.step)).all()
        return {row.step: msgspec.json.decode(row.figures, type=dict[str, float]) for row in rows}

    def _known(self, run: str) -> Any:
        """A change that touches one row where the run is here: figures of nobody's run are not kept."""
        return update(runs).where(runs.c.id == run).values(ended_at=None, failed=0)

    def _write(self, first: Any, *more: Any) -> None:
        try:
            with self._database.write() as connection:
                if connection.execute(first).rowcount == 0:
                    raise TrackerFailed(
                        "The ledger does not know this run.",
                        remedy="Give the configuration that it began with.",
                    )
                for change in more:
                    connection.execute(change)
        except StoreError as error:
            raise TrackerFailed(error.message, remedy=error.remedy) from error


def _json(told: Mapping[str, Any]) -> str:
    return msgspec.json.encode(told).decode()


def _finite(figures: Figures) -> str:
    """JSON has no other numbers; a loss that is none leaves a gap."""
    return _json({key: value for key, value in figures.items() if math.isfinite(value)})


def _run(row: Any) -> Run:
    settings = msgspec.json.decode(row.settings, type=dict[str, str])
    figures = msgspec.json.decode(row.figures, type=dict[str, float])
    return Run(row.id, row.name, row.began_at, row.ended_at, bool(row.failed), settings, figures)
