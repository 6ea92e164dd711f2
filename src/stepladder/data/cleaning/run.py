"""A file through the rules: line by line in blocks, in bounded memory, and on from where it stopped after any end."""

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from stepladder.core import DataError, Progress
from stepladder.data.cleaning.report import Cleaned, Counts, Tally
from stepladder.data.cleaning.rules import Copies, Reach, Rule
from stepladder.data.cleaning.side import Aside
from stepladder.data.log import find, open_log

_BLOCK = 512
_SAVED_SECONDS = 5.0
Place = tuple[str | int, ...]
PROVENANCE = ("id", "source", "split", "origin", "url", "licence")
"""Names under which a row says where it comes from: what they hold is no text to learn from."""
BROKEN = "broken"
"""The rule that every line passes first: it is a JSON object with text in the question's field."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done: rules in their order, on the field `text`; those that mend also on `also`, and those that look for
    what should not be there on every text of a row, but for the names in `PROVENANCE`.

    `settings` are for the report; with the input they decide whether an earlier run is gone on with.
    """

    source: Path
    out: Path
    side: Path
    rules: Sequence[Rule]
    text: str = "input"
    also: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    def fields(self, reach: Reach) -> tuple[str, ...]:
        """The fields that a rule which does not watch looks at."""
        also = self.also if reach is not Reach.QUESTION else ()
        return tuple(dict.fromkeys((self.text, *also)))

    @property
    def progress(self) -> Path:
        """Where an unfinished run says how far it is."""
        return self.out.with_name(f"{self.out.name}.progress")

    @property
    def drafts(self) -> tuple[Path, Path]:
        """The output and the side file until they are whole."""
        return (
            self.out.with_name(f"{self.out.name}.part"),
            self.side.with_name(f"{self.side.name}.part"),
        )

    def sign(self) -> str:
        """A hash of the input's size and time and of all settings: another one is another run."""
        found = self.source.stat()
        told = [
            found.st_size,
            found.st_mtime_ns,
            str(self.source),
            self.text,
            list(self.also),
            dict(self.settings),
        ]
        return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


class _Reached(msgspec.Struct):
    """A point that all files have reached: bytes read and written, lines read, and the figures until there."""

    sign: str
    counts: Counts
    lines: int = 0
    read: int = 0
    out: int = 0
    side: int = 0


def clean_file(job: Job, progress: Progress) -> Cleaned:
    """Clean a file. Every line ends in the output, in the side file, or, changed, in both; nothing is lost.

    What is left of a run that was stopped, also by kill -9, is gone on with. Raises DataError where a file cannot be read
    or written.
    """
    began = time.monotonic()
    try:
        reached = _start(job)
        resumed = reached.counts.rows
        _remember(job)
        _go_on(job, reached, progress)
        for draft, whole in zip(job.drafts, (job.out, job.side), strict=True):
            draft.replace(whole)
        job.progress.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(
            f"Cannot clean {job.source}: {error.strerror}.",
            remedy="Check paths, rights and free space, and run it again.",
        ) from error
    return Cleaned(reached.counts, time.monotonic() - began, resumed, job.settings)


def _start(job: Job) -> _Reached:
    """Where to go on: files cut to the last point that all had reached, or empty ones."""
    fresh = _Reached(
        job.sign(), Counts({name: Tally() for name in (BROKEN, *(rule.name for rule in job.rules))})
    )
    try:
        reached = msgspec.json.decode(job.progress.read_bytes(), type=_Reached)
    except (OSError, msgspec.DecodeError):
        reached = fresh
    if reached.sign != fresh.sign:
        reached = fresh
    for draft, size in zip(job.drafts, (reached.out, reached.side), strict=True):
        draft.touch()
        if draft.stat().st_size < size:
            return _start_anew(job, fresh)
        os.truncate(draft, size)
    return reached


def _start_anew(job: Job, fresh: _Reached) -> _Reached:
    for draft in job.drafts:
        draft.write_bytes(b"")
    return fresh


def _remember(job: Job) -> None:
    """The copies' rule must know the rows that an earlier process kept."""
    for rule in job.rules:
        if isinstance(rule, Copies):
            with job.drafts[0].open("rb") as file:
                for line in file:
                    rule.remember(find(msgspec.json.decode(line), job.text))


def _go_on(job: Job, reached: _Reached, progress: Progress) -> None:
    total = job.source.stat().st_size
    whole = total if job.source.suffix != ".gz" else 0
    drafts = job.drafts
    with open_log(job.source) as source, drafts[0].open("ab") as out, drafts[1].open("ab") as side:
        source.seek(reached.read)
        saved = time.monotonic()
        block = _Block(job, reached.counts)
        while lines := list(islice(source, _BLOCK)):
            block.write(lines, reached.lines, out, side)
            reached.lines += len(lines)
            reached.read += sum(map(len, lines))
            if time.monotonic() - saved > _SAVED_SECONDS:
                _save(job, reached, out, side)
                saved = time.monotonic()
            progress(reached.read, whole or reached.read, f"{reached.counts.rows:,} rows")
        for file in (out, side):
            file.flush()
            os.fsync(file.fileno())


def _save(job: Job, reached: _Reached, out: BinaryIO, side: BinaryIO) -> None:
    for file in (out, side):
        file.flush()
        os.fsync(file.fileno())
    reached.out, reached.side = out.tell(), side.tell()
    draft = job.progress.with_name(f"{job.progress.name}.draft")
    draft.write_bytes(msgspec.json.encode(reached))
    draft.replace(job.progress)


class _Row:
    """A line on its way: its object, the texts that are cleaned, and who changed it."""

    def __init__(self, line: int, raw: bytes, field: str) -> None:
        self.line, self.raw = line, raw
        self.changed: list[str] = []
        self.gone = ""
        self.reason = ""
        self.data: dict[str, Any] = {}
        try:
            data = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self.remove(BROKEN, "it is not valid JSON")
            return
        if not isinstance(data, dict) or not isinstance(find(data, field), str):
            self.remove(BROKEN, f"it has no text under {field!r}")
            return
        self.data = data

    def remove(self, rule: str, reason: str) -> None:
        """The row goes."""
        self.gone, self.reason = rule, reason

    def place(self, name: str) -> Place | None:
        """Where the text under a name is (a path with dots, unless the key itself has them)."""
        keys = [name] if name in self.data else name.split(".")
        return tuple(keys) if isinstance(find(self.data, name), str) else None

    def places(self) -> Iterator[Place]:
        """Where every text of the row is, but for those that say where it comes from."""
        for name, value in self.data.items():
            if name not in PROVENANCE:
                yield from _texts(value, (name,))

    def get(self, place: Place) -> str:
        """The text at a place."""
        found: Any = self.data
        for key in place:
            found = found[key]
        return str(found)

    def put(self, place: Place, text: str) -> None:
        """Change the text at a place."""
        found: Any = self.data
        for key in place[:-1]:
            found = found[key]
        found[place[-1]] = text


def _texts(value: Any, at: Place) -> Iterator[Place]:
    if isinstance(value, str):
        yield at
    elif isinstance(value, dict | list):
        for key, inside in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(inside, (*at, key))


class _Block:
    """Puts blocks of lines through the rules and writes them to their files."""

    def __init__(self, job: Job, counts: Counts) -> None:
        self._job, self._counts = job, counts

    def write(self, lines: Sequence[bytes], before: int, out: BinaryIO, side: BinaryIO) -> None:
        """Write each line to the output, to the side file, or, changed, to both."""
        rows = [_Row(before + at, raw.removesuffix(b"\n"), self._job.text) for at, raw in enumerate(lines, 1)]
        for row in rows:
            if row.gone:
                self._removed(row, BROKEN, row.reason, "")
        for rule in self._job.rules:
            self._look(rule, rows)
        for row in rows:
            self._counts.rows += 1
            if row.gone or row.changed:
                rules = [row.gone] if row.gone else row.changed
                aside = Aside.of(row.line, rules, row.reason, row.raw, kept=not row.gone)
                side.write(msgspec.json.encode(aside) + b"\n")
            if not row.gone:
                self._counts.kept += 1
                out.write((msgspec.json.encode(row.data) if row.changed else row.raw) + b"\n")

    def _look(self, rule: Rule, rows: Sequence[_Row]) -> None:
        if rule.reach is Reach.WATCHED:
            self._apply(rule, [(row, place) for row in rows for place in row.places()])
            return
        for name in self._job.fields(rule.reach):
            named = ((row, row.place(name)) for row in rows if not row.gone)
            self._apply(rule, [(row, place) for row, place in named if place is not None])

    def _apply(self, rule: Rule, here: Sequence[tuple[_Row, Place]]) -> None:
        """What is found goes into the inventory also where its row goes for another reason, or has gone."""
        texts = [row.get(place) for row, place in here]
        tally = self._counts.rules[rule.name]
        for (row, place), text, outcome in zip(here, texts, rule.look(texts) if texts else (), strict=True):
            if outcome.found:
                self._counts.found(rule.name, outcome.found)
                tally.noted += 1
            if row.gone:
                continue
            hides = bool(outcome.found)
            if outcome.text is None:
                self._removed(row, rule.name, outcome.reason, "" if hides else text)
            elif outcome.text != text:
                if rule.name not in row.changed:
                    row.changed.append(rule.name)
                    tally.changed += 1
                row.reason = "; ".join(filter(None, (row.reason, outcome.reason)))
                row.put(place, outcome.text)
                tally.show(row.line, outcome.reason, outcome.text)
            elif hides:
                tally.show(row.line, outcome.reason, "")

    def _removed(self, row: _Row, rule: str, reason: str, text: str) -> None:
        row.remove(rule, reason)
        tally = self._counts.rules[rule]
        tally.removed += 1
        tally.show(row.line, reason, text)


def sample_of(path: Path, text: str = "input", rows: int = 20_000) -> list[str]:
    """Texts from all over a file, at most so many: what rules that learn from the file itself are fitted on.

    Every k-th line of the file, k from its size and its first lines: one pass, nothing kept but the sample.
    """
    try:
        with open_log(path) as file:
            head = list(islice(file, 1_000))
            size = sum(map(len, head)) / max(len(head), 1)
            packed = 4 if path.suffix == ".gz" else 1
            step = max(1, int(path.stat().st_size * packed / max(size, 1.0) / rows))
            lines: Iterator[bytes] = islice((line for part in (head, file) for line in part), 0, None, step)
            found = [text_ for line in lines if (text_ := _text(line, text))]
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror}.", remedy="Check the path.") from error
    return found[: 2 * rows]


def _text(line: bytes, name: str) -> str:
    try:
        found = find(msgspec.json.decode(line), name)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return found if isinstance(found, str) else ""
