"""`[knowledge.sources.x]`: where documents come from by themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from stepladder.core.errors import ConfigError


class SourceKind(StrEnum):
    """What stands at `where`."""

    FEED = "feed"
    """An RSS or Atom feed at a URL; each item is a document."""
    FOLDER = "folder"
    """Files below a folder."""
    QUERY = "query"
    """Rows of a database: `where` is an SQLAlchemy URL, or "env:NAME" with one in it."""
    SITE = "site"
    """Web pages, from a URL on."""


class Vanished(StrEnum):
    """What becomes of documents that their source does not show any more."""

    REMOVE = "remove"
    KEEP = "keep"


_EVERY: Mapping[SourceKind, float] = {
    SourceKind.FEED: 20.0,
    SourceKind.FOLDER: 2.0,
    SourceKind.QUERY: 30.0,
    SourceKind.SITE: 86_400.0,
}


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """One source. `every` is in seconds; 0 stands for what suits its kind.

    Of a site, pages up to `depth` links away from the first, at most `pages` of them, at most `rate` a second, those of
    its sitemap too. `sql` gives a row for each document: id, text, and if it likes title, source, licence,
    tags, groups, valid_from, valid_until.
    """

    kind: SourceKind
    where: str
    collection: str
    tenant: str = ""
    every: float = 0.0
    vanished: Vanished = Vanished.REMOVE
    tags: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    licence: str = ""
    depth: int = 2
    pages: int = 500
    rate: float = 1.0
    sitemap: bool = True
    sql: str = ""

    @property
    def seconds(self) -> float:
        """How long after a visit the next one comes."""
        return self.every or _EVERY[self.kind]


@dataclass(frozen=True, slots=True)
class RetrieverConfig:
    """`[retrievers.x]`: the plug-in (`kind`) and its own settings, which the plug-in checks when it opens."""

    kind: str
    settings: Mapping[str, Any]


def retrievers(data: Any) -> dict[str, RetrieverConfig]:
    """The tables of `[retrievers]`. Raises ConfigError for one without a kind."""
    found = {}
    for name, given in data.items() if isinstance(data, Mapping) else ():
        where = f"retrievers.{name}"
        if not isinstance(given, Mapping) or not isinstance(given.get("kind"), str):
            raise ConfigError(
                f"[{where}] has no kind.", param=f"{where}.kind", remedy='Add kind = "searxng", for example.'
            )
        found[name] = RetrieverConfig(
            given["kind"], {key: value for key, value in given.items() if key != "kind"}
        )
    return found


def check_source(given: SourceConfig, where: str) -> None:
    """Raise ConfigError naming what is wrong with a source: one of the configuration, or ("--") of a command's options."""
    wrong: list[tuple[str, Any, str]] = []
    if given.kind in (SourceKind.FEED, SourceKind.SITE) and not _is_address(given.where):
        wrong.append(("where", given.where, "Give a URL that begins with http:// or https://, and a host."))
    if given.kind is SourceKind.QUERY and not given.sql.strip():
        wrong.append(("sql", given.sql, "Write a query that gives id and text."))
    if not given.collection:
        wrong.append(("collection", "", "Name the collection that the documents go to."))
    for key, least, most in (("every", 0, 1e9), ("depth", 0, 20), ("pages", 1, 1e6), ("rate", 0.001, 100)):
        if not least <= getattr(given, key) <= most:
            wrong.append((key, getattr(given, key), f"Give {least:g} to {most:g}."))
    for key, value, remedy in wrong[:1]:
        name = f"--{key}" if where == "--" else f"{where}.{key}"
        name = "The address" if name == "--where" else name
        raise ConfigError(f"{name} is {value!r}.", param=name, remedy=remedy)


def _is_address(where: str) -> bool:
    try:
        return where.startswith(("http://", "https://")) and bool(urlsplit(where).hostname)
    except ValueError:
        return False
