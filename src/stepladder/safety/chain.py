"""Several guards as one: every guard of a side is asked, the severest action holds, and what fails blocks.

A guard that raises, answers nonsense, takes too long or is missing closes the way: its text is blocked with an error's
name in the reason, never with the text. Quick guards run where they are called; any other runs in a thread of its own
under a limit; one that hangs again and again is not asked until it comes back, so that hanging threads do not pile up.
"""

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from stepladder.core import Action, Guard, Side, Turn, Verdict
from stepladder.safety.spans import joined, mask

FAILED = "guard_failed"
"""The category of a text that is blocked because a guard could not judge it."""
_MOST_HANGING = 4  # threads of one guard


@dataclass(slots=True)
class Chain:
    """Guards in order. `limit` (seconds) is for guards that are not quick; a `dry_run` says what it saw and passes it."""

    guards: tuple[Guard, ...]
    limit: float = 2.0
    dry_run: bool = False
    _hanging: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self, text: str, side: Side, turns: Sequence[Turn] = ()) -> Verdict:
        """Return what all guards of the side say together; `reason` names each guard that objects."""
        verdicts = [
            (guard.name, self.ask(guard, text, turns)) for guard in self.guards if guard.side.covers(side)
        ]
        if all(verdict.action is Action.PASS and not verdict.spans for _, verdict in verdicts):
            return Verdict(score=max((verdict.score for _, verdict in verdicts), default=0.0))
        whole = merge(text, verdicts)
        return replace(whole, action=Action.PASS, redacted=None) if self.dry_run else whole

    def ask(self, guard: Guard, text: str, turns: Sequence[Turn] = (), *, closely: bool = True) -> Verdict:
        """Ask one guard; what fails blocks. `closely`: also what takes longer, where it is unsure."""
        try:
            verdict = guard.check(text, turns) if guard.quick else self._in_time(guard, text, turns)
            if closely and getattr(verdict, "unsure", False):
                verdict = guard.closely(text, turns)  # type: ignore[attr-defined]
        except Exception as error:  # noqa: BLE001 - a stranger's code: whatever it raises must close the way
            return closed(guard.name, type(error).__name__)
        return _checked(verdict, text, guard.name)

    def _in_time(self, guard: Guard, text: str, turns: Sequence[Turn]) -> Verdict:
        if self._hanging[guard.name] >= _MOST_HANGING:
            return closed(guard.name, "it still hangs")
        found: list[Verdict | BaseException] = []

        def ask() -> None:
            try:
                found.append(guard.check(text, turns))
            except BaseException as error:  # noqa: BLE001 - handed over to the caller's thread
                found.append(error)
            finally:
                with self._lock:
                    over.append(True)
                    self._hanging[guard.name] -= len(over) == 2

        over: list[bool] = []  # one for each of the two ways to the end: it came back, its time was up
        thread = threading.Thread(target=ask, name=f"guard {guard.name}", daemon=True)
        thread.start()
        thread.join(self.limit)
        with self._lock:
            if not over:
                over.append(True)
                self._hanging[guard.name] += 1
                return closed(guard.name, f"no verdict in {self.limit:g} s")
        if isinstance(found[0], BaseException):
            return closed(guard.name, type(found[0]).__name__)
        return found[0]


def closed(guard: str, why: str) -> Verdict:
    """Return the verdict of a guard that could not judge."""
    return Verdict(Action.BLOCK, (FAILED,), 1.0, reason=f"guard {guard} failed: {why}")


def _checked(verdict: object, text: str, guard: str) -> Verdict:
    """Refuse a verdict that makes no sense, rather than act on it."""
    if not isinstance(verdict, Verdict):
        return closed(guard, f"it returned {type(verdict).__name__}")
    if verdict.action is Action.PASS and not verdict.spans:
        return verdict
    if any(not 0 <= span.start < span.end <= len(text) for span in verdict.spans):
        return closed(guard, "a span lies outside the text")
    if verdict.action is Action.REDACT and not verdict.spans:
        return closed(guard, "it redacts nothing")
    return verdict


def merge(text: str, verdicts: Sequence[tuple[str, Verdict]]) -> Verdict:
    """Return one verdict: the severest action, all categories and spans, the highest score, everybody's redactions."""
    spoken = [(name, verdict) for name, verdict in verdicts if verdict.action is not Action.PASS]
    spans = tuple(joined(span for _, verdict in verdicts for span in verdict.spans))
    if not spoken:
        return Verdict(score=max((verdict.score for _, verdict in verdicts), default=0.0), spans=spans)
    action = max((verdict.action for _, verdict in spoken), key=lambda one: one.severity)
    hidden = [span for _, verdict in spoken if verdict.action is Action.REDACT for span in verdict.spans]
    return Verdict(
        action,
        tuple(dict.fromkeys(category for _, verdict in spoken for category in verdict.categories)),
        max(verdict.score for _, verdict in spoken),
        spans,
        "; ".join(f"{name}: {verdict.reason}" for name, verdict in spoken),
        mask(text, hidden) if action is Action.REDACT else None,
    )
