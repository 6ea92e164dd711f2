"""What becomes of callers' words before they are written: secrets taken out, packed, sealed under their tenant's key.

Every table that holds such words says here which columns do. Reading them back is the columns' own affair (`packing`).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from stepladder.core import json_texts
from stepladder.store.data_keys import SEALED, DataKeys, Envelope
from stepladder.store.packing import packed
from stepladder.store.tables import ledger
from stepladder.store.writer import Merge, Values

Clean = Callable[[str], str]
WORDS: Mapping[str, tuple[str, ...]] = {
    "ledger": ("text", "answer", "low_answer"),
    "audits": ("top_answer",),
    "feedback": ("answer", "comment"),
    "held": ("text", "answer", "correction"),
    "decisions": ("correction", "comment"),
}
"""Columns of words, by table."""
NESTED: Mapping[str, tuple[str, ...]] = {
    "ledger": ("fields", "turns", "grounds"),
    "held": ("request", "pictures"),
}
"""Columns of JSON with words in it."""
_MOST_KNOWN = 8192


@dataclass(frozen=True, slots=True)
class Keep:
    """How words are kept: packed where longer than `pack_over` characters (0: never), as `clean` leaves them, and sealed."""

    pack_over: int = 4096
    clean: Clean | None = None
    envelope: Envelope | None = None
    rotate_seconds: float = 0.0


class _Cleaner:
    """Cleans, and knows by its hash what was clean: prompts and what was said before come back with every question.

    Bounded, and holds no text; when it is full it forgets all.
    """

    __slots__ = ("_clean", "_known")

    def __init__(self, clean: Clean) -> None:
        self._clean = clean
        self._known: set[bytes] = set()

    def __call__(self, text: str) -> str:
        key = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if key in self._known:
            return text
        said = self._clean(text)
        if said == text:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known.add(key)
        return said


class Payload:
    """Makes rows ready to be written."""

    def __init__(self, keep: Keep, keys: DataKeys) -> None:
        self._over = keep.pack_over or 1 << 62
        clean = self._clean = keep.clean
        self._words = _Cleaner(clean) if clean else None
        self._nested = _Cleaner(partial(_cleaned, clean=clean)) if clean else None
        self.keys = keys

    def cleaned(self, text: str) -> str:
        """A text as it may be kept."""
        return self._clean(text) if self._clean is not None and text else text

    def merge(self, table: str, names: Sequence[str]) -> Merge:
        """What makes a group's rows ready, in the transaction that writes them."""
        words = [names.index(name) for name in WORDS[table]]
        nested = [names.index(name) for name in NESTED.get(table, ())]
        whose = names.index("tenant") if "tenant" in names and table == "ledger" else None
        places = sorted([*words, *nested])

        def ready(connection: Connection | None, rows: Sequence[Values]) -> Sequence[Values]:
            rows = [self._readied(row, words, nested) for row in rows]
            if not self.keys.sealing:
                return rows
            assert connection is not None, "sealing reads and makes keys"
            # The first value of an audit and of feedback is the request's id: whose it is, the ledger knows.
            owners = (
                [row[whose] for row in rows]
                if whose is not None
                else _owners(connection, [row[0] for row in rows])
            )
            keys = self.keys.current(connection, owners)
            return [self._sealed(row, places, keys[owner]) for row, owner in zip(rows, owners, strict=True)]

        return ready

    def values(
        self, connection: Connection, table: str, tenant: str, row: Mapping[str, Any]
    ) -> dict[str, Any]:
        """One row by its columns' names, ready."""
        names = list(row)
        words = [names.index(name) for name in WORDS[table] if name in row]
        nested = [names.index(name) for name in NESTED.get(table, ()) if name in row]
        found = self._readied(tuple(row.values()), words, nested)
        if self.keys.sealing:
            found = self._sealed(found, [*words, *nested], self.keys.current(connection, [tenant])[tenant])
        return dict(zip(names, found, strict=True))

    def _readied(self, values: Values, words: Sequence[int], nested: Sequence[int]) -> Values:
        found = list(values)
        for places, cleaned in ((words, self._words), (nested, self._nested)):
            for place in places:
                text = found[place]
                if text is not None and not isinstance(text, str):
                    raise TypeError(f"A {type(text).__name__} is no text.")
                if text:
                    found[place] = packed(cleaned(text) if cleaned is not None else text, self._over)
        return tuple(found)

    def _sealed(self, values: Values, places: Sequence[int], key: tuple[str, Any]) -> Values:
        id, cipher = key
        found = list(values)
        for place in places:
            if found[place]:
                found[place] = f"{SEALED}{id}:{cipher.seal(found[place])}"
        return tuple(found)


def _cleaned(text: str, clean: Clean) -> str:
    """JSON with what must not be kept taken out of the texts in it."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        try:
            value = json.loads(text)  # half surrogates
        except ValueError:
            return text  # an id: what feedback waits for
    said = json_texts.changed(value, lambda one, name: clean(one))
    return text if said == value else json_texts.encoded(said).decode()


def _owners(connection: Connection, ids: Sequence[str]) -> list[str]:
    query = select(ledger.c.id, ledger.c.tenant).where(ledger.c.id.in_(sorted(set(ids))))
    tenants = {row.id: row.tenant for row in connection.execute(query)}
    return [tenants.get(id, "") for id in ids]
