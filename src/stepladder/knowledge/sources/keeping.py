"""One visit of a source: what is new or changed goes in, what is gone goes out, and what was seen is written down."""

import asyncio
import hashlib
import json
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from stepladder.core import BadRequest, Progress, SourceConfig, Vanished
from stepladder.knowledge.knowledge import Knowledge
from stepladder.knowledge.nouns import Change, Document, Refused
from stepladder.knowledge.reading import sorted_out
from stepladder.knowledge.shelf import Shelf
from stepladder.knowledge.sources.visiting import Seen, Source, Visit


@dataclass(slots=True)
class Outcome:
    """What a visit did; `lost` says why the source could not be looked at though it should be there."""

    added: int = 0
    updated: int = 0
    removed: int = 0
    unchanged: int = 0
    refused: list[Refused] = field(default_factory=list)
    lost: str = ""

    @property
    def changed(self) -> bool:
        """Whether anything can be found that could not, or the other way round."""
        return bool(self.added or self.updated or self.removed)

    def __str__(self) -> str:
        return (
            f"{self.added} added, {self.updated} updated, {self.removed} removed, {self.unchanged} unchanged"
        )


async def keep_up(
    knowledge: Knowledge,
    name: str,
    given: SourceConfig,
    source: Source,
    progress: Progress,
    emptied: bool = False,
) -> Outcome:
    """Visit a source once. What it says of itself is written with its documents: killed half-way, the next visit goes on.

    `emptied` says that it has nothing where it shows nothing. What cannot be read is in the outcome, with the reason. Raises
    StoreError, MissingExtra.
    """
    shelf = knowledge.shelf(name, given.collection, tenant=given.tenant, labels=_labels(given))
    known, otherwise = await asyncio.to_thread(shelf.known), await asyncio.to_thread(shelf.otherwise)
    visit = Visit(known, otherwise, emptied=emptied, at_stake=given.vanished is Vanished.REMOVE)
    outcome = Outcome()
    there: set[str] = set()
    async with aclosing(source.look(visit)) as shown:  # type: ignore[type-var]
        async for seen in shown:
            there.add(seen.key)
            if seen.read is None:
                outcome.unchanged += not seen.note
                continue
            await asyncio.to_thread(_take, shelf, given, seen, outcome)
            progress(len(there), 0, seen.key[-60:])
    if visit.whole and given.vanished is Vanished.REMOVE:
        gone = [key for key in visit.known if key not in there]
        outcome.removed += await asyncio.to_thread(shelf.forget, gone)
    await asyncio.to_thread(shelf.lose, visit.lost)
    outcome.refused += visit.refused
    outcome.lost = visit.lost
    return outcome


def _take(shelf: Shelf, given: SourceConfig, seen: Seen, outcome: Outcome) -> None:
    items, before = seen.read() if seen.read is not None else (), len(outcome.refused)
    read = (_labelled(document, given) for document in sorted_out(items, outcome.refused))
    try:
        changes, removed = shelf.put(
            seen.key, seen.state, read, lambda: all(one.harmless for one in outcome.refused[before:])
        )
    except BadRequest as error:
        outcome.refused.append(Refused(seen.key, str(error)))
        return
    outcome.removed += removed
    outcome.added += changes.count(Change.ADDED)
    outcome.updated += changes.count(Change.UPDATED)
    outcome.unchanged += changes.count(Change.UNCHANGED)


def _labels(given: SourceConfig) -> str:
    """What tells one way of labelling from another; "" for none at all."""
    said = [given.licence, given.tags, given.groups]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16] if any(said) else ""


def _labelled(document: Document, given: SourceConfig) -> Document:
    licence = document.licence or given.licence
    tags = tuple(dict.fromkeys((*document.tags, *given.tags)))
    return replace(document, licence=licence, tags=tags, groups=document.groups or given.groups)
