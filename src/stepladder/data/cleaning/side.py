"""The side file: every row that went or was changed, as it was, with the rule and the reason. Nothing is lost by cleaning."""

import base64
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from stepladder.core import DataError
from stepladder.data.log import open_log
from stepladder.data.rowfile import whole_file


class Aside(msgspec.Struct, omit_defaults=True):
    """A line of the side file: the input's line number (from 1), who touched it and why, and the line as it was.

    `kept`: a changed form of it stands in the output. `base64` holds a line that is no UTF-8. `scores` are those of a row
    that went for them.
    """

    line: int
    rules: list[str]
    reason: str
    row: str = ""
    base64: str = ""
    kept: bool = False
    scores: dict[str, float] = {}

    @classmethod
    def of(cls, line: int, rules: list[str], reason: str, raw: bytes, kept: bool = False) -> "Aside":
        """From the line's own bytes."""
        try:
            return cls(line, rules, reason, row=raw.decode("utf-8"), kept=kept)
        except UnicodeDecodeError:
            return cls(line, rules, reason, base64=base64.b64encode(raw).decode(), kept=kept)

    @property
    def raw(self) -> bytes:
        """The line as it was."""
        return base64.b64decode(self.base64) if self.base64 else self.row.encode("utf-8")


def restore(cleaned: Path, side: Path, out: Path, rules: Collection[str] = ()) -> tuple[int, int]:
    """Put rows back where they stood: those of `rules`, or, without any, all of them; returns (rows, put back).

    With all rules the input is written again, byte for byte (but for a missing line break at its end). Raises DataError
    where the first file is too short to be of one run with the other, or a rule has touched nothing.
    """
    touched: set[str] = set()
    rows = back = 0
    with open_log(cleaned) as file, whole_file(out) as target:
        kept = iter(file)
        last = 0
        for aside in _asides(side):
            for _ in range(last + 1, aside.line):
                target.write(_next(kept, cleaned, side))
                rows += 1
            last = aside.line
            touched.update(aside.rules)
            wanted = not rules or any(rule in rules for rule in aside.rules)
            changed = _next(kept, cleaned, side) if aside.kept else b""
            if wanted or aside.kept:
                target.write(aside.raw + b"\n" if wanted else changed)
                rows += 1
            back += wanted
        for line in kept:
            target.write(line)
            rows += 1
        _check(rules, touched, side)
    return rows, back


def _check(rules: Collection[str], touched: Collection[str], side: Path) -> None:
    if unknown := sorted(set(rules) - set(touched)):
        raise DataError(
            f"No row in {side} was touched by {unknown[0]!r}.",
            remedy=f"Rules there: {', '.join(sorted(touched)) or 'none'}.",
        )


def _asides(side: Path) -> Iterator[Aside]:
    decoder = msgspec.json.Decoder(Aside)
    with open_log(side) as file:
        for number, line in enumerate(file, 1):
            try:
                yield decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise DataError(
                    f"{side}:{number} is no row that was put aside.",
                    remedy="Give the file that --removed wrote.",
                ) from error


def _next(kept: Iterator[bytes], cleaned: Path, side: Path) -> bytes:
    line = next(kept, None)
    if line is None:
        raise DataError(
            f"{cleaned} and {side} are not of one run: {cleaned} is too short.",
            remedy="Give the two files that one run of `data clean` wrote.",
        )
    return line
