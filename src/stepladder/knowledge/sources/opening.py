"""A source as a configuration names it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from stepladder.core import SourceConfig, SourceKind, config
from stepladder.knowledge.sources.feed import Feed
from stepladder.knowledge.sources.fetching import Fetcher
from stepladder.knowledge.sources.folder import Folder
from stepladder.knowledge.sources.query import Query
from stepladder.knowledge.sources.site import Site
from stepladder.knowledge.sources.visiting import Source


@asynccontextmanager
async def open_source(name: str, given: SourceConfig, home: Path) -> AsyncIterator[Source]:
    """The source, ready to be looked at. A folder is relative to `home`. Raises ConfigError."""
    match given.kind:
        case SourceKind.FOLDER:
            yield Folder(_below(home, given.where))
        case SourceKind.QUERY:
            where = f"knowledge.sources.{name}.where"
            url = (
                config.secret(given.where, where)
                if given.where.startswith(("env:", "file:"))
                else given.where
            )
            yield Query(f"knowledge.sources.{name}", url, given.sql)
        case SourceKind.FEED:
            async with Fetcher(given.rate) as fetcher:
                yield Feed(given.where, fetcher)
        case SourceKind.SITE:
            async with Fetcher(given.rate) as fetcher:
                yield Site(
                    given.where,
                    fetcher,
                    depth=given.depth,
                    pages=given.pages,
                    with_sitemap=given.sitemap,
                )


def _below(home: Path, where: str) -> Path:
    return home / Path(where).expanduser()
