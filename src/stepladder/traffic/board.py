"""The board: who has how much under way, asked and spent right now, in memory that all workers of a machine share.

A file in the data folder is mapped by every worker. One lock, which the system takes back from a process that dies,
guards a few additions at a time. Each worker writes cells of its own (its slot), so that when it is killed the others
can strike what it had reserved, and set what it had spent to what the store says was committed.
"""

import mmap
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from stepladder.core import StoreError, record
from stepladder.store import Spent
from stepladder.traffic import strikes
from stepladder.traffic.byte_locks import SHARED, ByteLocks
from stepladder.traffic.mapped import emptied, opened

SLOTS = 32
"""The most workers at a time."""

_RECORDS = 8192
VERSION, _COUNT, _USED, _TODAY, WANTED, _PIDS = 0, 1, 2, 3, 4, 8
_HEADER = 64
# A record: whose it is, the day its sums are of, when its buckets will be full again, and four cells for each slot.
_DAY, _REQUESTS, _TOKENS = 2, 3, 4
_SPENT_DAY, _SPENT_MONTH, _RESERVED, _ACTIVE = (8 + at * SLOTS for at in range(4))
_WIDTH = 8 + 4 * SLOTS
STRIKES = _HEADER + _RECORDS * _WIDTH
SIZE = 8 * (STRIKES + strikes.CELLS)
MAGIC = 0x57E9_1ADD_0002
_CELLS, SLOT, _DOOR = 0, 1, 1 + SLOTS
"""What is locked: the cells, each slot, and the door, which whoever is about to join holds with all others who are."""
_MINUTE = 60_000_000_000

Load = Callable[[int | None], Iterable[Spent]]
"""What was spent this month, by every worker or by one slot's."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits in the board's units: nanoseconds a request and a token take up of a minute, billionths of money."""

    request_ns: int | None
    token_ns: int | None
    day: int | None
    month: int | None
    concurrency: int | None


@record
class Claim:
    """What one question may take at most: `now` in monotonic nanoseconds, `day` as in 20261121."""

    now: int
    day: int
    tokens: int
    nanos: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Which bound is reached, and after how many seconds (0: unknown) it may let the question pass."""

    bound: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Standing:
    """What a scope has spent, reserved and under way, across all workers; money in billionths."""

    day: int
    spent_day: int
    spent_month: int
    reserved: int
    active: int


class Board:
    """Scopes (a tenant, or a key of it) and their cells. All calls come from one thread of a process."""

    def __init__(self, file: Path | None, load: Load, day: int, *, eager: bool = False) -> None:
        """Join the workers that have `file` open, or begin anew from what the store says. None: this process alone.

        An `eager` one keeps the lock until somebody else wants it, and must look for that now and then: by `recover`.
        Raises StoreError when the file cannot be used, or every slot is taken.
        """
        self._load = load
        self._places: dict[str, int] = {}
        self._file = opened(file, SIZE) if file is not None and SHARED else -1
        self._locks = ByteLocks(self._file)
        self._map = mmap.mmap(self._file, SIZE)
        self._cells = memoryview(self._map).cast("q")
        self.strikes = strikes.Strikes(self._cells[STRIKES:], self._lock, self._unlock)
        self.slot = 0
        self._kept = False
        self._wanted = 0
        self._want()
        self._lock()
        try:
            self._kept = self._join(day) and eager
        finally:
            self._unlock()

    def place(self, scope: str) -> int:
        """Where a scope's record is; it is made when it is new. Raises StoreError when there is no room."""
        found = self._places.get(scope)
        if found is None:
            self._lock()
            try:
                found = self._places[scope] = self._find(scope)
            finally:
                self._unlock()
        return found

    def reserve(self, claim: Claim, asked: Sequence[tuple[int, Bounds]]) -> Refusal | None:
        """Take what the question may need of every scope, or of none where one refuses."""
        self._lock()
        try:
            for place, bounds in asked:
                refusal = self._refusal(place, bounds, claim)
                if refusal is not None:
                    return refusal
            for place, bounds in asked:
                self._take(place, bounds, claim)
            return None
        finally:
            self._unlock()

    def extend(self, claim: Claim, asked: Sequence[tuple[int, Bounds]], nanos: int) -> Refusal | None:
        """Take so much money more for a question under way, of every scope or of none."""
        more = Claim(claim.now, claim.day, 0, nanos)
        self._lock()
        try:
            for place, bounds in asked:
                if (refusal := self._too_dear(place, bounds, more)) is not None:
                    return refusal
            for place, _ in asked:
                self._cells[place + _RESERVED + self.slot] += nanos
            return None
        finally:
            self._unlock()

    def settle(self, claim: Claim, asked: Sequence[tuple[int, Bounds]], tokens: int, nanos: int) -> None:
        """Give back what was reserved, and count what was used."""
        cells, slot = self._cells, self.slot
        self._lock()
        try:
            for place, bounds in asked:
                cells[place + _RESERVED + slot] -= claim.nanos
                cells[place + _ACTIVE + slot] -= 1
                if bounds.token_ns and tokens != claim.tokens:
                    cells[place + _TOKENS] -= (claim.tokens - tokens) * bounds.token_ns
                if nanos and cells[place + _DAY] // 100 == claim.day // 100:
                    cells[place + _SPENT_MONTH + slot] += nanos
                    if cells[place + _DAY] == claim.day:
                        cells[place + _SPENT_DAY + slot] += nanos
        finally:
            self._unlock()

    def day(self, today: int) -> int:
        """The day that counts: `today`, unless a later one has begun here before the clock was set back."""
        latest = self._cells[_TODAY]
        if today > latest:
            self._cells[_TODAY] = latest = today
        return latest

    def standing(self, scope: str, today: int) -> Standing:
        """What a scope has now."""
        place, day = self.place(scope), self.day(today)
        self._lock()
        try:
            self._turn(place, day)
            sums = (self._sum(place + part) for part in (_SPENT_DAY, _SPENT_MONTH, _RESERVED, _ACTIVE))
            return Standing(self._cells[place + _DAY], *sums)
        finally:
            self._unlock()

    def recover(self) -> int:
        """Strike what dead workers had under way; how many there were. Reads the store when there were any."""
        self._lock()
        self._unlock()
        dead = 0
        for slot in range(self._cells[_USED]):
            if slot != self.slot and self._cells[_PIDS + slot] and self._locks.had(SLOT + slot):
                try:
                    self._strike(slot)
                finally:
                    self._locks.give(SLOT + slot)
                dead += 1
        return dead

    def close(self) -> None:
        """Leave: what is under way here is struck."""
        if self._map.closed:
            return
        self._lock()
        try:
            self._clear(self.slot)
            self._cells[_PIDS + self.slot] = 0
        finally:
            self._kept = False
            self._unlock()
            self.strikes.release()
            self._cells.release()
            self._map.close()
            if self._file >= 0:
                os.close(self._file)

    def _refusal(self, place: int, bounds: Bounds, claim: Claim) -> Refusal | None:
        cells, now = self._cells, claim.now
        if cells[place + _DAY] != claim.day:
            self._turn(place, claim.day)
        if bounds.concurrency is not None and self._sum(place + _ACTIVE) >= bounds.concurrency:
            return Refusal("concurrency")
        if bounds.request_ns:
            late = cells[place + _REQUESTS] + bounds.request_ns - now - _MINUTE
            if late > 0:
                return Refusal("requests", late / 1e9)
        if bounds.token_ns:
            late = cells[place + _TOKENS] + _worth(claim, bounds) - now - _MINUTE
            if late > 0:
                return Refusal("tokens", late / 1e9)
        if claim.nanos:
            return self._too_dear(place, bounds, claim)
        return None

    def _too_dear(self, place: int, bounds: Bounds, claim: Claim) -> Refusal | None:
        for bound, most, part in (
            ("day", bounds.day, _SPENT_DAY),
            ("month", bounds.month, _SPENT_MONTH),
        ):
            if most is None:
                continue
            left = most - claim.nanos - self._sum(place + part)
            if left < 0:
                return Refusal(bound)
            if left < self._sum(place + _RESERVED):
                return Refusal("reserved", 1.0)
        return None

    def _take(self, place: int, bounds: Bounds, claim: Claim) -> None:
        cells, slot = self._cells, self.slot
        cells[place + _ACTIVE + slot] += 1
        cells[place + _RESERVED + slot] += claim.nanos
        if bounds.request_ns:
            cells[place + _REQUESTS] = max(cells[place + _REQUESTS], claim.now) + bounds.request_ns
        if bounds.token_ns:
            cells[place + _TOKENS] = max(cells[place + _TOKENS], claim.now) + claim.tokens * bounds.token_ns

    def _turn(self, place: int, day: int) -> None:
        """A new day begins, and perhaps a new month. A clock that is set back begins none."""
        cells, old = self._cells, self._cells[place + _DAY]
        if day <= old:
            return
        for slot in range(SLOTS):
            cells[place + _SPENT_DAY + slot] = 0
            if day // 100 != old // 100:
                cells[place + _SPENT_MONTH + slot] = 0
        cells[place + _DAY] = day

    def _sum(self, at: int) -> int:
        used = self._cells[_USED]
        return self._cells[at] if used == 1 else sum(self._cells[at : at + used])

    # ---------------------------------------------------------------------------- joining, leaving, being found dead

    def _join(self, day: int) -> bool:
        """Whether nobody else is here, or about to be: they would wait for ever for a lock that is kept."""
        alone, quiet = self._locks.had(SLOT, SLOTS), self._locks.had(_DOOR)
        try:
            if alone:
                self._locks.give(SLOT, SLOTS)
                self._empty(quiet)
                self._cells[VERSION] = MAGIC
                self.day(day)
                self._count(self._load(None))
            elif self._cells[VERSION] != MAGIC:
                raise StoreError(
                    "Another version of Stepladder serves this data folder.",
                    remedy="Stop it before you start this one.",
                )
            self._wanted = self._cells[WANTED]
        finally:
            self._locks.give(_DOOR)
        self._take_slot()
        self._cells[_PIDS + self.slot] = os.getpid()
        self._cells[_USED] = max(self._cells[_USED], self.slot + 1)
        return alone and quiet

    def _empty(self, quiet: bool) -> None:
        """All zero. A file that somebody else is about to write to must not be cut, or that is their end."""
        if self._file >= 0 and quiet:
            emptied(self._file, SIZE)
        elif self._file >= 0:
            self._map[:] = bytes(SIZE)

    def _count(self, spent: Iterable[Spent]) -> None:
        today = self._cells[_TODAY]
        for row in spent:
            self._cells[_USED] = max(self._cells[_USED], row.slot + 1)
            for scope in scopes(row.tenant, row.key):
                place = self._places[scope] = self._find(scope)
                self._turn(place, today)
                self._cells[place + _SPENT_MONTH + row.slot] += row.nanos
                if row.day >= today:  # a later day's, where the clock had been ahead
                    self._cells[place + _SPENT_DAY + row.slot] += row.nanos

    def _find(self, scope: str) -> int:
        digest = blake2b(scope.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        one, two = memoryview(digest).cast("q")
        cells, used = self._cells, self._cells[_COUNT]
        for place in self._all_places():
            if cells[place] == one and cells[place + 1] == two:
                return place
        if used == _RECORDS:
            raise StoreError(
                f"There are more than {_RECORDS} tenants and keys to count for.",
                remedy="Restart the server: those that have not asked this month are forgotten then.",
            )
        place = _HEADER + used * _WIDTH
        cells[place], cells[place + 1] = one, two
        cells[_COUNT] = used + 1
        return place

    def _take_slot(self) -> None:
        for slot in range(SLOTS):
            if self._locks.had(SLOT + slot):
                self.slot = slot
                if self._cells[_PIDS + slot]:
                    self._strike(slot, locked=True)
                return
        raise StoreError(f"{SLOTS} workers are the most there may be.", remedy="Start fewer.")

    def _strike(self, slot: int, *, locked: bool = False) -> None:
        committed = [row for row in self._load(slot) if row.slot == slot]
        if not locked:
            self._lock()
        try:
            self._clear(slot)
            for place in self._all_places():
                self._cells[place + _SPENT_DAY + slot] = self._cells[place + _SPENT_MONTH + slot] = 0
            self._count(committed)
            self._cells[_PIDS + slot] = 0
        finally:
            if not locked:
                self._unlock()

    def _clear(self, slot: int) -> None:
        for place in self._all_places():
            self._cells[place + _RESERVED + slot] = self._cells[place + _ACTIVE + slot] = 0

    def _all_places(self) -> range:
        return range(_HEADER, _HEADER + self._cells[_COUNT] * _WIDTH, _WIDTH)

    # ------------------------------------------------------------------------------------------------------- locks

    def _want(self) -> None:
        """Whoever keeps the lock gives it up, for good: there are two of us now."""
        self._locks.share(_DOOR)
        self._cells[WANTED] += 1

    def _lock(self) -> None:
        if self._kept:
            if self._cells[WANTED] == self._wanted:
                return
            self._kept = False
            self._unlock()
        self._locks.take(_CELLS)

    def _unlock(self) -> None:
        if not self._kept:
            self._locks.give(_CELLS)


def scopes(tenant: str, key: str) -> tuple[str, str]:
    """The names of a tenant's scope, and of that of one of its keys."""
    return f"t\0{tenant}", f"k\0{tenant}\0{key}"


def _worth(claim: Claim, bounds: Bounds) -> int:
    """What the question takes of the bucket: at most all of it, or it could never pass."""
    return min(claim.tokens * (bounds.token_ns or 0), _MINUTE)
