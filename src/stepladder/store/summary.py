"""A task's figures, from one pass over its rows."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, select

from stepladder.store.rows import Latency, TaskSummary
from stepladder.store.tables import audits, ledger


@dataclass(slots=True)
class _Stratum:
    """One ladder release: within it, rows are drawn at one rate."""

    answers: int = 0
    drawn: int = 0
    agreed: int = 0


@dataclass(slots=True)
class _Tally:
    by_rung: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    by_status: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    strata: defaultdict[str, _Stratum] = field(default_factory=lambda: defaultdict(_Stratum))
    cost: float = 0.0
    top_calls: int = 0
    priced: int = 0
    priced_cost: float = 0.0


def summarise(connection: Connection, task: str, where: Sequence[ColumnElement[bool]]) -> TaskSummary:
    """The figures of the rows that `where` (a condition on the ledger) picks."""
    tally = _Tally()
    for group in connection.execute(_groups(where)):
        _count(tally, group)
    answers = tally.by_status["ok"] + tally.by_status["partial"]
    sampled = [stratum for stratum in tally.strata.values() if stratum.drawn]
    weight = sum(stratum.answers for stratum in sampled)
    agreeing = sum(stratum.answers * stratum.agreed / stratum.drawn for stratum in sampled)
    return TaskSummary(
        task=task,
        answers=answers,
        by_rung=dict(sorted(tally.by_rung.items())),
        top_calls=tally.top_calls,
        avoided=1 - tally.top_calls / answers if answers else None,
        drawn=sum(stratum.drawn for stratum in sampled),
        agreed=sum(stratum.agreed for stratum in sampled),
        agreement=agreeing / weight if weight else None,
        cost=tally.cost,
        cost_if_top=answers * tally.priced_cost / tally.priced if tally.priced else None,
        latency=_latency(connection, where),
        failed=tally.by_status["failed"],
        partial=tally.by_status["partial"],
    )


def _groups(where: Sequence[ColumnElement[bool]]) -> Any:
    keys = (
        *(ledger.c.status, ledger.c.rung, ledger.c.top, ledger.c.drawn, ledger.c.ladder_release),
        (ledger.c.source == "cache").label("cached"),  # said before: the top was not called
        (ledger.c.error == "below_promise").label("late"),  # the top was called, in vain
    )
    ok = audits.c.status == "ok"
    return (
        select(
            *keys,
            func.count().label("rows"),
            func.sum(ledger.c.cost).label("cost"),
            func.count(audits.c.seq).label("audits"),
            func.coalesce(func.sum(audits.c.cost), 0.0).label("audits_cost"),
            func.sum(case((ok, 1), else_=0)).label("audits_ok"),
            func.sum(case((ok, audits.c.cost), else_=0.0)).label("audits_ok_cost"),
            func.sum(case((ok & audits.c.agreed, 1), else_=0)).label("audits_agreed"),
        )
        .join(audits, audits.c.seq == ledger.c.seq, isouter=True)
        .where(*where)
        .group_by(*keys)
    )


def _count(tally: _Tally, group: Any) -> None:
    tally.by_status[group.status] += group.rows
    tally.cost += group.cost + group.audits_cost
    tally.top_calls += group.audits
    tally.priced += group.audits_ok
    tally.priced_cost += group.audits_ok_cost
    if group.status == "failed":
        return
    tally.by_rung[group.rung] += group.rows
    tally.top_calls += group.rows if (group.top or group.late) and not group.cached else 0
    if group.status == "ok":
        _count_ok(tally, group)


def _count_ok(tally: _Tally, group: Any) -> None:
    if group.top and not group.cached:
        tally.priced += group.rows
        tally.priced_cost += group.cost
    stratum = tally.strata[group.ladder_release]
    stratum.answers += group.rows
    if group.drawn:
        stratum.drawn += group.rows if group.top else group.audits_ok
        stratum.agreed += group.rows if group.top else group.audits_agreed


def _latency(connection: Connection, where: Sequence[ColumnElement[bool]]) -> dict[str, Latency]:
    query = select(ledger.c.rung, ledger.c.latency_ms).where(*where, ledger.c.status == "ok")
    by_rung: defaultdict[str, list[float]] = defaultdict(list)
    for rung, milliseconds in connection.execute(query):
        by_rung[rung].append(milliseconds)
    return {
        rung: Latency(len(values), _nearest(values, 50), _nearest(values, 99))
        for rung, values in sorted((rung, sorted(values)) for rung, values in by_rung.items())
    }


def _nearest(values: Sequence[float], percent: int) -> float:
    return values[(len(values) * percent + 99) // 100 - 1]
