"""Reads the documentation's pages: their code blocks, how each is to be checked, and their links.

A comment on the line above a fence says how the block is treated:

    <!-- run -->                       a console block whose `$ stepladder ...` lines are run and must succeed
    <!-- not run: REASON -->           any block that is only shown; the reason appears in the test report
    <!-- run by tests/PATH.py -->      any block that another test executes (it must exist)

Without one, python is executed, toml, json and jsonl are parsed, bash is checked for its syntax.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LANGUAGES = {"python", "console", "toml", "json", "jsonl", "bash", "text", "http", "mermaid", "sql"}
FENCE = re.compile(r"^(?P<indent>\s*)(?P<ticks>`{3,})\s*(?P<language>[\w+-]*)\s*$")
NOTE = re.compile(r"^\s*<!--\s*(?P<note>(?:not )?run\b.*?)\s*-->\s*$")
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?(?P<target>[^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: `line` is that of its first line of code, counted from 1."""

    page: Path
    line: int
    language: str
    code: str
    note: str

    @property
    def shown_only(self) -> str:
        """The reason why the block is not run, or ''."""
        return self.note.partition(":")[2].strip() if self.note.startswith("not run") else ""

    @property
    def run_by(self) -> str:
        """The test file that executes the block, or ''."""
        return self.note.removeprefix("run by ").strip() if self.note.startswith("run by ") else ""

    @property
    def checked_here(self) -> bool:
        """Whether the block is for the tests of this room."""
        return not self.note.startswith(("not run", "run by"))


def pages(root: Path) -> list[Path]:
    """The pages whose blocks are checked: the readmes and everything in `docs/`."""
    return sorted([*root.glob("README*.md"), *root.glob("docs/**/*.md")])


def linked_pages(root: Path) -> list[Path]:
    """The pages whose links are checked: those, and the others that stand at the root."""
    return sorted({*root.glob("*.md"), *pages(root)})


def blocks(page: Path) -> list[Block]:
    """Every fenced block of a page. Raises ValueError where a fence is left open."""
    found = []
    lines = page.read_text(encoding="utf-8").splitlines()
    index = 0
    while index < len(lines):
        fence = FENCE.match(lines[index])
        if fence is None:
            index += 1
            continue
        start = index + 1
        close = fence["ticks"]
        end = next((i for i in range(start, len(lines)) if lines[i].strip() == close), None)
        if end is None:
            raise ValueError(f"{page}:{start}: the fence is never closed")
        note = NOTE.match(lines[index - 1]) if index else None
        code = "\n".join(line.removeprefix(fence["indent"]) for line in lines[start:end])
        found.append(Block(page, start + 1, fence["language"], code, note["note"] if note else ""))
        index = end + 1
    return found


def odd_blocks(page: Path, root: Path) -> list[str]:
    """Blocks that would escape every check: language or comment unknown, no reason, no such test."""
    complaints = []
    for block in blocks(page):
        where = f"{page.relative_to(root).as_posix()}:{block.line}"
        if block.language not in LANGUAGES:
            complaints.append(f"{where}: '{block.language}' is none of {', '.join(sorted(LANGUAGES))}")
        if block.note.startswith("not run") and not block.shown_only:
            complaints.append(f"{where}: say why it is not run")
        if block.run_by and not (root / block.run_by).is_file():
            complaints.append(f"{where}: there is no {block.run_by}")
        if block.checked_here and block.note not in ("", "run"):
            complaints.append(f"{where}: the comment '{block.note}' is not known")
    return complaints


def script(page: Path) -> str:
    """The page's python blocks as one script, on the lines that they have in the page: errors point there."""
    lines: list[str] = []
    for block in blocks(page):
        if block.language == "python" and block.checked_here:
            lines += [""] * (block.line - 1 - len(lines))
            lines += block.code.splitlines()
    return "\n".join(lines)


def commands(block: Block) -> list[str]:
    """The command lines of a console block, without the prompt, continued lines joined."""
    joined = block.code.replace("\\\n", " ")
    return [line[2:].strip() for line in joined.splitlines() if line.startswith("$ ")]


def _prose(page: Path) -> Iterator[tuple[int, str]]:
    """(line number, line) outside code fences, with inline code taken out."""
    closing = ""
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        fence = FENCE.match(line)
        if closing:
            closing = "" if line.strip() == closing else closing
        elif fence:
            closing = fence["ticks"]
        else:
            yield number, re.sub(r"`[^`]*`", "`", line) if not line.startswith("#") else line


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings make, as the usual renderers name them."""
    found: set[str] = set()
    for _, line in _prose(page):
        if re.match(r"#{1,6} ", line):
            title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", line.lstrip("#").strip().lower())
            plain = re.sub(r"[^\w\- ]", "", title).replace(" ", "-")
            copies = sum(1 for anchor in found if re.fullmatch(rf"{re.escape(plain)}(-\d+)?", anchor))
            found.add(f"{plain}-{copies}" if copies else plain)
    return found


def broken_links(page: Path, root: Path) -> list[str]:
    """Relative links to files outside the project or that do not exist, and to headings that do not exist."""
    complaints = []
    for number, line in _prose(page):
        for match in LINK.finditer(line):
            path, _, anchor = match["target"].partition("#")
            if re.match(r"[a-z][a-z0-9+.-]*:", path):
                continue
            target = (page.parent / path).resolve() if path else page.resolve()
            where = f"{page.relative_to(root).as_posix()}:{number}"
            if not target.is_relative_to(root.resolve()) or not target.exists():
                complaints.append(f"{where}: there is no {path}")
            elif anchor and target.suffix == ".md" and anchor not in anchors(target):
                complaints.append(f"{where}: {target.name} has no heading #{anchor}")
    return complaints
