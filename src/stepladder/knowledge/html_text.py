"""HTML to text with Markdown's headings, lists and tables. Reads what browsers read: unclosed, nested, without end."""

import re
from html.parser import HTMLParser

_SILENT = frozenset(("script", "style", "template", "noscript", "nav", "svg", "iframe", "object", "head"))
_BLOCKS = "address article aside blockquote div dl dd dt figure footer form header hr main p pre section table ul ol body html"
_BREAKS = frozenset(_BLOCKS.split())
_SPACE = re.compile(r"\s+")


class _Reader(HTMLParser):
    """Writes lines; keeps no tree, so nothing nested can hurt it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self._parts: list[str] = []
        self._silent = ""
        self._in_title = False
        self._cells = -1
        self._header = False

    def text(self) -> str:
        """What was written, with at most one empty line between blocks."""
        lines = (_SPACE.sub(" ", line).strip() for line in "".join(self._parts).split("\n"))
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "title":
            self._in_title = True
        elif tag == "body":
            self._silent = ""
        elif not self._silent and tag in _SILENT:
            self._silent = tag
        self._parts.append(self._opening(tag))

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        elif tag == self._silent:
            self._silent = ""
        elif tag == "tr" and self._cells >= 0:
            self._parts.append(" |" + ("\n" + "| --- " * self._cells + "|" if self._header else ""))
            self._cells = -1
        elif tag in _BREAKS or tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
            self._parts.append("\n\n")

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
        elif not self._silent:
            self._parts.append(_SPACE.sub(" ", data))

    def _opening(self, tag: str) -> str:
        if len(tag) == 2 and tag[0] == "h" and tag[1] in "123456":
            return f"\n\n{'#' * int(tag[1])} "
        if tag == "tr":
            self._cells, self._header = 0, False
            return "\n"
        if tag in ("td", "th") and self._cells >= 0:
            self._cells += 1
            self._header = tag == "th"
            return "| " if self._cells == 1 else " | "
        return {"br": "\n", "li": "\n\n- "}.get(tag, "\n\n" if tag in _BREAKS else "")


def html_text(html: str) -> tuple[str, str]:
    """(title, text) of a page; menus, scripts and styles are left out."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return _SPACE.sub(" ", reader.title).strip(), reader.text()
