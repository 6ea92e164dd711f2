"""An RSS or Atom feed whose items are documents."""

import asyncio
import calendar
import hashlib
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

from stepladder.core import MissingExtra
from stepladder.knowledge.html_text import html_text
from stepladder.knowledge.nouns import Document, Refused
from stepladder.knowledge.sources.fetching import Fetcher, Unreachable
from stepladder.knowledge.sources.visiting import Seen, Visit

_END = re.compile(rb"</\s*(?:[\w-]+:)?(?:rss|feed|rdf)\s*>", re.IGNORECASE)
_STATE = ""  # the feed's own key among the items': its ETag and date


class Feed:
    """Items of a feed, known by what they say. A feed that has not changed since is not even sent (ETag, date)."""

    def __init__(self, url: str, fetcher: Fetcher) -> None:
        self._url = url
        self._fetcher = fetcher

    async def look(self, visit: Visit) -> AsyncIterator[Seen]:
        """Every item. Raises MissingExtra."""
        try:
            state = "" if visit.otherwise or visit.emptied else visit.known.get(_STATE, "")
            page = await self._fetcher.fetch(self._url, state, anywhere=True)
        except Unreachable as error:
            visit.fail(self._url, str(error))
            return
        if page is None:
            for key, state in visit.known.items():
                yield Seen(key, state, note=key == _STATE)
            return
        items, reason = await asyncio.to_thread(_parsed, page.data, page.url, page.kind)
        if reason:
            visit.fail(self._url, reason)
        if not items and visit.less(self._url, "item", len(visit.known.keys() - {_STATE})):
            return
        for document in items:
            state = hashlib.sha256(
                repr((document.title, document.text, document.licence)).encode()
            ).hexdigest()
            same = visit.state(document.id) == state
            yield Seen(document.id, state, None if same else lambda document=document: [document])  # type: ignore[misc]
        if reason:  # to be asked for again as it is
            return
        same = visit.known.get(_STATE) == page.state
        yield Seen(_STATE, page.state, None if same else _nothing, note=True)


def _nothing() -> list[Document | Refused]:
    return []


def _parsed(data: bytes, url: str, kind: str) -> tuple[list[Document], str]:
    """(items, "") or ([], why it is no feed), or (items so far, that it breaks off)."""
    try:
        import feedparser
    except ImportError as error:
        raise MissingExtra("Reading feeds", "documents") from error
    found = feedparser.parse(data, response_headers={"content-location": url, "content-type": kind})
    if not found.version and not found.entries:
        return [], f"it is no RSS or Atom feed ({kind or 'no content type'})"
    items = {document.id: document for document in _documents(found.entries, url, _licence(found.feed))}
    whole = not found.bozo or _END.search(data) is not None  # a feed may be ill, and still be all there
    return list(items.values()), "" if whole else "it breaks off before its end"


def _licence(said: Any) -> str:
    """The address of a licence that a feed, or an item, links to."""
    return next((link.get("href", "") for link in said.get("links", []) if link.get("rel") == "license"), "")


def _published(entry: Any) -> float | None:
    at = entry.get("published_parsed") or entry.get("updated_parsed")
    return float(calendar.timegm(at)) if at else None


def _documents(entries: list[Any], url: str, licence: str) -> Iterator[Document]:
    links = Counter(entry.get("link", "") for entry in entries)
    for entry in entries:
        link, title = entry.get("link", ""), entry.get("title", "")
        bodies = [part.get("value", "") for part in entry.get("content", [])] or [entry.get("summary", "")]
        said = max((html_text(body)[1] for body in bodies), key=len).strip()
        name = entry.get("id", "") or link or title
        own = (
            link.startswith(("http://", "https://")) and links[link] == 1
        )  # else items of one page are each their own
        id = link if own else f"{url}#{name}"
        heading = html_text(title)[1]
        if name and (said or heading):
            yield Document(
                id=id[:500],
                text=said or heading,
                title=heading,
                source=link or url,
                licence=_licence(entry) or licence,
                published=_published(entry),
            )
