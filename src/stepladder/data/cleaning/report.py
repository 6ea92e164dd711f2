"""What cleaning did: how many rows each rule removed and changed, with samples, and what personal data was found."""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import msgspec

from stepladder.privacy import find, mask, redact

_SAMPLES = 5
_SHOWN = 100


class Sample(msgspec.Struct, frozen=True, order=True):
    """One row that a rule touched. `draw` decides which rows are shown: the same ones however often a run was broken off."""

    draw: int
    line: int
    reason: str
    text: str


class Tally(msgspec.Struct):
    """One rule's counts, and a few rows drawn at random from those it touched."""

    removed: int = 0
    changed: int = 0
    noted: int = 0
    samples: list[Sample] = []

    def show(self, line: int, reason: str, text: str) -> None:
        """Offer a row as a sample. Personal data in it is masked."""
        draw = int.from_bytes(blake2b(str(line).encode(), digest_size=6).digest(), "big")
        if len(self.samples) < _SAMPLES or draw < self.samples[-1].draw:
            clipped = text[:_SHOWN]
            shown = redact(clipped, find(clipped), mask)
            self.samples = heapq.nsmallest(_SAMPLES, [*self.samples, Sample(draw, line, reason, shown)])


class Counts(msgspec.Struct):
    """Running figures of a run: `rules` in their order, `inventory` rule -> kind -> how often it was found."""

    rules: dict[str, Tally]
    rows: int = 0
    kept: int = 0
    inventory: dict[str, dict[str, int]] = {}

    def found(self, rule: str, kinds: Mapping[str, int]) -> None:
        """Add to the inventory."""
        of_rule = self.inventory.setdefault(rule, {})
        for kind, count in kinds.items():
            of_rule[kind] = of_rule.get(kind, 0) + count


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The report of a finished run. `seconds` are those of the last process, of `resumed_at` rows by earlier ones."""

    counts: Counts
    seconds: float
    resumed_at: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def removed(self) -> int:
        """Rows that went."""
        return self.counts.rows - self.counts.kept

    def figures(self) -> dict[str, Any]:
        """As plain JSON values."""
        rules = {
            name: {
                "removed": tally.removed,
                "changed": tally.changed,
                "noted": tally.noted,
                "samples": [
                    {"line": one.line, "reason": one.reason, "text": one.text} for one in tally.samples
                ],
            }
            for name, tally in self.counts.rules.items()
        }
        return {
            "rows": self.counts.rows,
            "kept": self.counts.kept,
            "removed": self.removed,
            "rules": rules,
            "inventory": self.counts.inventory,
            "seconds": round(self.seconds, 2),
            "resumed_at": self.resumed_at,
            "settings": dict(self.settings),
        }
