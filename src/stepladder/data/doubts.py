"""Labels out of the ledger that are probably wrong wait for a person, whose word then is the label.

A row knows by its `source` and `id` which question it was. What is approved or corrected is feedback like any reviewer's: the
task learns it, and `data gather` gives it. What nobody looked at stays as it is.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from stepladder.core import Remark
from stepladder.store import HeldRow, Store

LABEL = "label"
"""The side of what waits here: neither a question nor an answer on its way, but a label."""

_PATIENCE = 30 * 86400.0


def queue_labels(store: Store, doubts: Sequence[tuple[Mapping[str, Any], str, float]]) -> int:
    """Let labels wait for a person: of each a row as `gather` wrote it, what it should rather say, and how sure that is.

    Returns how many wait now that did not before; rows of other sources, and questions that somebody has decided about, do not.
    """
    now = store.sources.clock.time()
    queued = 0
    for row, suggestion, confidence in doubts:
        known = str(row.get("source", "")).startswith("ledger:")
        entry = store.ledger.get(str(row.get("id", ""))) if known else None
        if entry is None or store.reviews.get(entry.id) is not None:
            continue
        said = (f"rather {suggestion}",)
        store.reviews.put(
            HeldRow(
                id=entry.id,
                at=now,
                due=now + _PATIENCE,
                tenant=entry.tenant,
                task=entry.task,
                model=entry.model,
                side=LABEL,
                text=entry.text,
                request="",
                remarks=(Remark("label errors", LABEL, "review", said, confidence),),
                answer=str(row.get("answer", "")),
            )
        )
        queued += 1
    return queued
