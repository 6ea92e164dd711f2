"""A site whose pages are documents."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from functools import partial
from urllib.parse import unquote, urldefrag, urlsplit

from stepladder.knowledge.decoding import code_of
from stepladder.knowledge.html_text import html_text
from stepladder.knowledge.nouns import Document, Refused
from stepladder.knowledge.reading import received
from stepladder.knowledge.sources.fetching import Fetcher, Page, Unreachable, site_of
from stepladder.knowledge.sources.links import Told, sitemap, told
from stepladder.knowledge.sources.visiting import PERHAPS, Seen, Visit

_PAGES = ("text/html", "application/xhtml+xml")
_FILES = ("text/", "application/pdf", "application/vnd.openxmlformats", "application/csv", "application/json")
_MOST_SITEMAPS = 50
_LINKS = "links:"
_MAP = "sitemap:"  # how many addresses the sitemap gave
_MEDIA = "jpg jpeg png gif svg webp ico css js mp4 mp3 zip gz woff woff2 ttf avi mov exe"
_UNWANTED = tuple(map(".{}".format, _MEDIA.split()))


class Site:
    """Pages of one site, breadth first from `url` on: never another site's, each one once."""

    def __init__(self, url: str, fetcher: Fetcher, *, depth: int, pages: int, with_sitemap: bool) -> None:
        self._url = urldefrag(url).url
        self._fetcher = fetcher
        self._depth = depth
        self._pages = pages
        self._sitemap = with_sitemap and depth > 0

    async def look(self, visit: Visit) -> AsyncIterator[Seen]:
        """Every page that may be had. Raises MissingExtra."""
        waiting: deque[tuple[str, int]] = deque([(self._url, 0)])
        try:
            mapped, maps = await self._mapped(visit)
        except Unreachable as error:
            visit.fail(self._url, str(error))
            return
        for seen in maps:
            yield seen
        waiting.extend((url, 1) for url in mapped)
        met = {url for url, _ in waiting}
        fetched = 0
        while waiting:
            if fetched >= self._pages:
                visit.whole = False  # what was not reached is not gone
                return
            url, depth = waiting.popleft()
            fetched += 1
            found, onward = await self._one(visit, url, alone=fetched == 1 and not waiting)
            for seen in found:
                yield seen
            for link in onward if depth < self._depth else ():
                if link not in met and self._wanted(link):
                    met.add(link)
                    waiting.append((link, depth + 1))

    async def _one(self, visit: Visit, url: str, alone: bool) -> tuple[list[Seen], list[str]]:
        """What a page shows, and where it leads to; what it led to last time, where it has not changed.

        `alone`: nothing else is known to be there, so that all others are gone where this one leads nowhere.
        """
        try:
            page = await self._fetcher.fetch(url, visit.state(url))
        except Unreachable as error:
            if error.gone and url != self._url:
                return [], []
            if error.settled and url != self._url:  # that page is not for us; the others are seen whole
                visit.refused.append(Refused(url, str(error), harmless=True))
                return _before(visit, url), visit.known.get(_LINKS + url, "").split()
            visit.fail(url, str(error))
            return _before(visit, url), []
        if page is None:
            return _before(visit, url), visit.known.get(_LINKS + url, "").split()
        return await self._read(visit, url, page, alone)

    async def _read(self, visit: Visit, url: str, page: Page, alone: bool) -> tuple[list[Seen], list[str]]:
        """The same of a page that was sent."""
        text = page.data.decode(_charset(page), "replace") if page.kind in _PAGES else ""
        said = await asyncio.to_thread(told, text, page.url)
        inside = [link for link in said.links if self._wanted(link)]
        if _blank(visit, url, page, text if url == self._url else None):
            return _before(visit, url), []
        behind = len(_pages(visit) - {url}) if alone and self._depth and said.follow and not inside else 0
        if visit.less(url, "page behind it", behind):
            return _before(visit, url), []
        if page.kind not in _PAGES:
            return self._file(visit, url, page), []
        found = [Seen(_LINKS + url, "\n".join(inside), _nothing, note=True)]
        if said.keep:
            found.append(Seen(url, page.state, partial(_page, text, url, said)))
        return found, inside

    def _file(self, visit: Visit, url: str, page: Page) -> list[Seen]:
        if page.kind.startswith(_FILES):
            return [Seen(url, page.state, partial(_downloaded, page, url))]
        visit.refused.append(Refused(url, f"it is {page.kind}, no text", harmless=True))
        return []

    async def _mapped(self, visit: Visit) -> tuple[list[str], list[Seen]]:
        """The addresses of the sitemap, which is where robots.txt says, or where it usually is.

        One that gave some on the last visit, and gives none or cannot be read now, takes no page out.
        """
        if not self._sitemap:
            return [], []
        before = int(visit.known.get(_MAP, "0"))
        waiting = await self._fetcher.sitemaps(self._url) or [f"{site_of(self._url)}/sitemap.xml"]
        found: dict[str, None] = {}
        for number, url in enumerate(waiting):
            if number >= _MOST_SITEMAPS or len(found) >= self._pages:
                break
            inside, index, wrong = await self._addresses(url)
            if before and wrong:
                visit.fail(url, wrong)
            if index:
                waiting += [link for link in inside if site_of(link) == site_of(self._url)]
            else:
                found |= dict.fromkeys(urldefrag(link).url for link in inside if self._wanted(link))
        shown = []
        if not visit.less(waiting[0], "address", 0 if found else before) and visit.whole:
            shown.append(Seen(_MAP, str(len(found)), None if before == len(found) else _nothing, note=True))
        return [url for url in found if url != self._url], shown

    async def _addresses(self, url: str) -> tuple[list[str], bool, str]:
        """(a sitemap's addresses, whether they are further sitemaps, what is wrong with it); one that is gone has none."""
        try:
            page = await self._fetcher.fetch(url)
        except Unreachable as error:
            return [], False, "" if error.gone else str(error)
        inside, index, whole = sitemap(page.data if page is not None else b"")
        return inside, index, "" if whole else "it breaks off, or is no sitemap"

    def _wanted(self, url: str) -> bool:
        return site_of(url) == site_of(self._url) and not urlsplit(url).path.lower().endswith(_UNWANTED)


def _before(visit: Visit, url: str) -> list[Seen]:
    """A page as it was."""
    keys = (url, _LINKS + url)
    return [Seen(key, visit.known[key], note=key != url) for key in keys if key in visit.known]


def _pages(visit: Visit) -> set[str]:
    """The pages that the last visit took in."""
    return {key for key in visit.known if not key.startswith((_LINKS, _MAP))}


def _blank(visit: Visit, url: str, page: Page, text: str | None) -> bool:
    """Whether a page that was kept has nothing in it any more; of the first one, nothing to be read (`text`)."""
    empty = not page.data.strip() or (
        text is not None and page.kind in _PAGES and not html_text(text)[1].strip()
    )
    if not empty or url not in visit.known or visit.emptied:
        return False
    visit.lose(url, f"it is empty now; {PERHAPS}")
    return True


def _nothing() -> Iterable[Document | Refused]:
    return ()


def _charset(page: Page) -> str:
    try:
        "".encode(page.charset)
    except LookupError:
        return code_of(page.data[: 1 << 16]) or "utf-8"
    return page.charset or code_of(page.data[: 1 << 16]) or "utf-8"


def _page(html: str, url: str, said: Told) -> Iterable[Document | Refused]:
    title, text = html_text(html)
    if not text.strip():
        return [Refused(url, "there is no text on the page", harmless=True)]
    found = Document(id=url[:500], text=text, title=title, source=url)
    return [replace(found, licence=said.licence, published=said.published)]


def _downloaded(page: Page, url: str) -> Iterable[Document | Refused]:
    """A file on the site, read as one that lies here."""
    return received(page.data, unquote(urlsplit(url).path), url)
