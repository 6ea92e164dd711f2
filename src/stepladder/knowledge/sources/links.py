"""What a page says of other pages and of itself: its links, what it does not want of robots, its licence, its date."""

import xml.sax
import zlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin

_GZIP = b"\x1f\x8b"
_MOST_BYTES = 50 << 20  # of a sitemap, as sitemaps.org has it
_DATES = ("article:published_time", "datepublished", "dcterms.date", "dc.date", "date")


class _Links(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self.base = url
        self.found: dict[str, None] = {}
        self.robots = ""
        self.licence = ""
        self.published: float | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "base" and given.get("href"):
            with suppress(ValueError):
                self.base = urljoin(self.base, given["href"] or "")
        elif tag == "meta":
            self._meta(given)
        if tag in ("a", "link") and "license" in (given.get("rel") or "").lower().split():
            with suppress(ValueError):
                self.licence = self.licence or urljoin(self.base, (given.get("href") or "").strip())
        if tag == "a" and given.get("href") and "nofollow" not in (given.get("rel") or ""):
            try:
                self.found[urldefrag(urljoin(self.base, (given["href"] or "").strip())).url] = None
            except ValueError:  # an address that is none
                return

    def _meta(self, given: dict[str, str | None]) -> None:
        name = (given.get("name") or given.get("property") or given.get("itemprop") or "").lower()
        if name == "robots":
            self.robots += (given.get("content") or "").lower()
        elif name in _DATES and self.published is None:
            self.published = _seconds(given.get("content") or "")


@dataclass(frozen=True, slots=True)
class Told:
    """What a page says: where it links to, whether it may be kept, its licence's address, and its date in Unix seconds."""

    links: list[str]
    keep: bool
    licence: str
    published: float | None
    follow: bool


def told(html: str, url: str) -> Told:
    """Read a page. Its own robots tag is followed."""
    reader = _Links(url)
    reader.feed(html)
    reader.close()
    follow = not any(word in reader.robots for word in ("nofollow", "none"))
    keep = not any(word in reader.robots for word in ("noindex", "none"))
    return Told(list(reader.found) if follow else [], keep, reader.licence, reader.published, follow)


def _seconds(date: str) -> float | None:
    try:
        at = datetime.fromisoformat(date.strip())
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


class _Locations(xml.sax.ContentHandler):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.index = False
        self._text: list[str] | None = None

    def startElement(self, name: str, attrs: object) -> None:  # noqa: N802 - the parser's own name
        self.index = self.index or name.endswith("sitemapindex")
        self._text = [] if name.rpartition(":")[2] == "loc" else self._text

    def characters(self, content: str) -> None:
        if self._text is not None:
            self._text.append(content)

    def endElement(self, name: str) -> None:  # noqa: N802 - the parser's own name
        if self._text is not None and name.rpartition(":")[2] == "loc":
            self.found.append("".join(self._text).strip())
            self._text = None


def sitemap(data: bytes) -> tuple[list[str], bool, bool]:
    """(addresses, whether they are further sitemaps, whether it was read to its end); it may be a .gz."""
    reader = _Locations()
    try:
        if data.startswith(_GZIP):
            data = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data, _MOST_BYTES)
        xml.sax.parseString(data, reader)
    except (xml.sax.SAXException, zlib.error, ValueError, LookupError):
        return reader.found, reader.index, False
    return reader.found, reader.index, True
