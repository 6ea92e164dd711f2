"""Strikes: how often somebody did what is counted, and until when they are banned. A table of a fixed size."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

_PLACES = 8192
_WAYS = 8
"""Of so many places the one that was idle longest is given to somebody new."""
_WHO, _SINCE, _COUNT, _LAST, _UNTIL, _BANS, _WIDTH = range(7)
CELLS = _PLACES * _WIDTH
"""64-bit integers that the table takes up."""
_NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Rule:
    """More than `after` within `window` seconds."""

    after: int
    window: float


def _nothing() -> None:
    """There is nobody to share it with."""


class Strikes:
    """Counts and bans by a hash of who it is. Times are monotonic seconds.

    On the board they are every worker's: `lock` and `unlock` keep the others out.
    """

    def __init__(
        self,
        cells: memoryview | None = None,
        lock: Callable[[], None] = _nothing,
        unlock: Callable[[], None] = _nothing,
    ) -> None:
        self._cells = cells if cells is not None else memoryview(bytearray(8 * CELLS)).cast("q")
        self._lock = lock
        self._unlock = unlock

    def add(self, who: str, rule: Rule, now: float, mark: str = "") -> bool:
        """Count one more; whether it is one too many, which starts the count anew.

        One with the same `mark` as the last one counts for nothing.
        """
        cells, at, last = self._cells, _hash(who), _hash(mark) if mark else 0
        self._lock()
        try:
            place = self._place(at, now)
            if mark and cells[place + _LAST] == last:
                return False
            if now * _NANO - cells[place + _SINCE] > rule.window * _NANO:
                cells[place + _SINCE], cells[place + _COUNT] = int(now * _NANO), 0
            cells[place + _LAST] = last
            cells[place + _COUNT] += 1
            over = cells[place + _COUNT] > rule.after
            if over:
                cells[place + _COUNT] = 0
            return over
        finally:
            self._unlock()

    def ban(self, who: str, seconds: float, longest: float, now: float) -> float:
        """Ban for `seconds`, twice as long each time, up to `longest`: for how long it is."""
        cells, at = self._cells, _hash(who)
        self._lock()
        try:
            place = self._place(at, now)
            bans = min(cells[place + _BANS], 40)
            length = min(seconds * float(2**bans), max(seconds, longest))
            cells[place + _UNTIL] = int((now + length) * _NANO)
            cells[place + _SINCE], cells[place + _COUNT] = cells[place + _UNTIL], 0
            cells[place + _BANS] = bans + 1
            return length
        finally:
            self._unlock()

    def banned(self, who: str, now: float) -> float:
        """For how many seconds yet; 0 where it is not."""
        cells, at = self._cells, _hash(who)
        for place in _ways(at):
            if cells[place] == at:
                return max(cells[place + _UNTIL] / _NANO - now, 0.0)
        return 0.0

    def standing(self, now: float) -> list[tuple[str, float, int]]:
        """Every ban: the mark of who it is (see `mark_of`), for how many seconds yet, and how many bans it has had."""
        cells = self._cells
        found = []
        for place in range(0, CELLS, _WIDTH):
            left = cells[place + _UNTIL] / _NANO - now
            if left > 0:
                found.append((_shown(cells[place]), left, cells[place + _BANS]))
        return found

    def lift(self, mark: str, now: float) -> bool:
        """End a ban, and forget those before it: whether there was one. One cell tells, so it needs no lock."""
        cells = self._cells
        for place in range(0, CELLS, _WIDTH):
            if cells[place + _UNTIL] > now * _NANO and _shown(cells[place]) == mark:
                cells[place + _UNTIL], cells[place + _BANS] = 0, 0
                cells[place + _SINCE] = int(now * _NANO)
                return True
        return False

    def release(self) -> None:
        """Let go of the memory."""
        self._cells.release()

    def _place(self, at: int, now: float) -> int:
        cells, ways = self._cells, _ways(at)
        for place in ways:
            if cells[place] == at:
                return place
        place = min(ways, key=lambda way: max(cells[way + _SINCE], cells[way + _UNTIL]))
        for part in range(_WIDTH):
            cells[place + part] = 0
        cells[place], cells[place + _SINCE] = at, int(now * _NANO)
        return place


def mark_of(who: str) -> str:
    """What names somebody in the table: 16 hexadecimal digits."""
    return _shown(_hash(who))


def _shown(hash: int) -> str:
    return f"{hash & (1 << 64) - 1:016x}"


def _hash(who: str) -> int:
    digest = blake2b(who.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True) or 1


def _ways(at: int) -> range:
    first = (at % (_PLACES // _WAYS)) * _WAYS * _WIDTH
    return range(first, first + _WAYS * _WIDTH, _WIDTH)
