"""What a page says of other pages: its links, and what it does not want of robots."""

import xml.sax
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin


class _Links(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self.base = url
        self.found: dict[str, None] = {}
        self.robots = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "base" and given.get("href"):
            self.base = urljoin(self.base, given["href"] or "")
        elif tag == "meta" and (given.get("name") or "").lower() == "robots":
            self.robots += (given.get("content") or "").lower()
        elif tag == "a" and given.get("href") and "nofollow" not in (given.get("rel") or ""):
            try:
                self.found[urldefrag(urljoin(self.base, (given["href"] or "").strip())).url] = None
            except ValueError:  # an address that is none
                return


def links(html: str, url: str) -> tuple[list[str], bool]:
    """(addresses that the page links to, whether it may be kept): its own robots tag is followed."""
    reader = _Links(url)
    reader.feed(html)
    reader.close()
    follow = not any(word in reader.robots for word in ("nofollow", "none"))
    keep = not any(word in reader.robots for word in ("noindex", "none"))
    return list(reader.found) if follow else [], keep


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


def sitemap(data: bytes) -> tuple[list[str], bool]:
    """(addresses, whether they are further sitemaps); what cannot be parsed says nothing."""
    reader = _Locations()
    try:
        xml.sax.parseString(data, reader)
    except (xml.sax.SAXException, ValueError, LookupError):
        return reader.found, reader.index
    return reader.found, reader.index
