"""Pages of a site, or items of a feed, as records: fetched as knowledge fetches them, politely."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepladder.core import BadRequest, SourceConfig, SourceKind
from stepladder.data.gathering.shapes import Reading, Shape
from stepladder.data.gathering.sources import Record, Source
from stepladder.data.log import Skipped
from stepladder.knowledge import Document, Refused, Visit, open_source

_END = object()


@dataclass(frozen=True, slots=True)
class Crawl:
    """How far a site is followed and how fast: pages up to `depth` links away, at most `pages`, at most `rate` a second.

    `licence` is that of whatever does not name its own.
    """

    depth: int = 2
    pages: int = 500
    rate: float = 1.0
    licence: str = ""


def web_source(url: str, kind: SourceKind, crawl: Crawl) -> Source:
    """A record for each page of a site, or each item of a feed: {"input", "url", "title"?, "licence"?, "time"?}.

    robots.txt is kept, a site is never left, and what cannot be had is skipped with the reason. Raises BadRequest for an
    address or bounds that are none; opening it raises MissingExtra.
    """
    if not url.startswith(("http://", "https://")):
        raise BadRequest(f"{url[:200]} is no web address.", remedy="Write http://... or https://...")
    if crawl.depth < 0 or crawl.pages < 1 or not 0 < crawl.rate <= 100:
        raise BadRequest("--depth is 0 or more, --pages 1 or more, --rate above 0, to 100.", param="--depth")
    given = SourceConfig(
        kind, url, "", licence=crawl.licence, depth=crawl.depth, pages=crawl.pages, rate=crawl.rate
    )
    return Source(url, lambda: _records(given), fleeting=True, reading=Reading(Shape.FLAT))


def _records(given: SourceConfig) -> Iterator[Record]:
    """One after the other, in an event loop that runs while the next one is wanted."""

    async def following() -> Any:
        return await anext(shown, _END)

    with asyncio.Runner() as runner:
        shown = _shown(given)
        try:
            number = 0
            while (found := runner.run(following())) is not _END:
                number += 1
                yield Skipped(number, found) if isinstance(found, str) else _record(found, given.licence)
        finally:
            runner.run(shown.aclose())  # type: ignore[attr-defined]


async def _shown(given: SourceConfig) -> AsyncIterator[Document | str]:
    """Documents, and why something is none."""
    visit = Visit({})
    async with open_source("gather", given, Path()) as source, aclosing(source.look(visit)) as seen:  # type: ignore[type-var]
        async for one in seen:
            for item in await asyncio.to_thread(list, one.read()) if one.read is not None else ():
                yield _reason(item) if isinstance(item, Refused) else item
            while visit.refused:
                yield _reason(visit.refused.pop(0))
    for refused in visit.refused:
        yield _reason(refused)


def _reason(refused: Refused) -> str:
    return f"{refused.where}: {refused.reason}"


def _record(document: Document, licence: str) -> dict[str, Any]:
    told: dict[str, Any] = {"input": document.text, "url": document.source}
    told |= {"title": document.title} if document.title else {}
    told |= {"licence": document.licence or licence} if document.licence or licence else {}
    return told | ({"time": document.published} if document.published is not None else {})
