"""On what terms an engine is asked: what every kind of engine is configured with."""

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsOfUse:
    """Only results from `domains` (and below them) are taken; none named: all.

    `collections` are what it answers for, and `tenants` who may ask it; none named: any. `timeout` in seconds;
    `per_minute` and `per_day` requests at most (0: as many as one likes); a search is remembered for `keep_seconds`.
    """

    domains: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    timeout: float = 5.0
    per_minute: int = 0
    per_day: int = 0
    keep_seconds: float = 60.0

    def spans(self) -> tuple[tuple[float, int], ...]:
        """(seconds, most requests in them) of what is bounded."""
        return tuple(
            (seconds, most) for seconds, most in ((60.0, self.per_minute), (86_400.0, self.per_day)) if most
        )

    def terms(self) -> dict[str, Any]:
        """These alone, by name."""
        return {one.name: getattr(self, one.name) for one in fields(TermsOfUse)}
