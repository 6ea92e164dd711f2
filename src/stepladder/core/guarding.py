"""`[guards]`: which guards watch, how sternly, and what becomes of what they find. See docs/guards.md.

A table says only what differs: what it leaves open is taken from the table above it, first `[guards]`, then that of the
model or task, then that of the tenant.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, TypeVar

from stepladder.core.errors import ConfigError
from stepladder.core.verdicts import Side

T = TypeVar("T")
Check = Callable[[Any, type[T], str], T]


class Watching(StrEnum):
    """How sternly a guard watches."""

    OFF = "off"
    OBSERVE = "observe"
    """It says what it sees, and everything passes."""
    ENFORCE = "enforce"


class Deed(StrEnum):
    """What becomes of what a guard finds."""

    PASS = "pass"
    REDACT = "redact"
    """Its kind in brackets stands in its place."""
    MASK = "mask"
    """Personal data: asterisks; of long numbers the last digits stay."""
    HASH = "hash"
    """Personal data: a keyed hash, so that equal things stay equal."""
    PSEUDONYM = "pseudonym"
    """Personal data: a placeholder, put back in the answer for the asker."""
    HOLD = "hold"
    BLOCK = "block"


class Streams(StrEnum):
    """What a guard that needs the whole answer does to a stream."""

    BUFFER = "buffer"
    """Nothing leaves before the answer is whole and judged."""
    CUT = "cut"
    """It leaves as it comes, is judged as it grows, and ends where a guard objects."""


class Pictures(StrEnum):
    """Whether what is written in pictures is judged."""

    OFF = "off"
    READ = "read"
    """It is read, and judged like any text; what cannot be read is refused."""


class Addresses(StrEnum):
    """What becomes of a picture that is sent as an address, which is not fetched."""

    REFUSE = "refuse"
    PASS = "pass"


class Refuse(StrEnum):
    """How a question that is not let in is refused."""

    ERROR = "error"
    """400 with the code `content_filter`."""
    ANSWER = "answer"
    """A completion that says so, with the finish reason `content_filter`."""


class Hold(StrEnum):
    """What the asker of something that waits for a person gets."""

    WAIT = "wait"
    """202 and a place to ask: `/v1/held/{id}`."""
    ANSWER = "answer"
    """A completion that says so, with the finish reason `content_filter`."""


class Fallback(StrEnum):
    """What counts where no person has decided in time."""

    REJECT = "reject"
    APPROVE = "approve"


@dataclass(frozen=True, slots=True)
class GuardTable:
    """`[guards.NAME]`: a guard. `kind` is the plug-in, by default what the guard is called.

    `action` is what becomes of everything it finds, `categories` of some of it; without either the guard decides. With
    `confidential`, a question in which it finds something is told to private models and tools only. Other keys are the
    plug-in's own.
    """

    kind: str = ""
    mode: Watching | None = None
    side: Side | None = None
    action: Deed | None = None
    categories: Mapping[str, Deed] = field(default_factory=dict)
    confidential: bool | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Guarding:
    """`[guards]`, `[tasks.x.guards]`, `[models.x.guards]` or `[tenants.x.guards]`. None: as the table above it says.

    `mode` is that of every guard whose own table here names none. `time_limit` (seconds) is for guards that are not quick.
    `untrusted` are the roles whose messages attacks are looked for in. `refusal` maps "en" and "zh" to what is said.
    `key` is a reference to the secret that hashes are made with. What is held waits `hold_seconds` for `reviewers` that agree
    (1 or 2); then `hold_default` counts. `vault_key` is a reference to the key that conversations' vaults are sealed with, for
    `vault_hours`; both belong in `[guards]` alone. `pictures` says whether the text in pictures is read and judged,
    `picture_addresses` what becomes of a picture then of which there is only an address.
    """

    mode: Watching | None = None
    streams: Streams | None = None
    refuse: Refuse | None = None
    time_limit: float | None = None
    untrusted: tuple[str, ...] | None = None
    key: str | None = None
    hold: Hold | None = None
    hold_seconds: float | None = None
    hold_default: Fallback | None = None
    reviewers: int | None = None
    vault_key: str | None = None
    vault_hours: float | None = None
    pictures: Pictures | None = None
    picture_addresses: Addresses | None = None
    refusal: Mapping[str, str] = field(default_factory=dict)
    guards: Mapping[str, GuardTable] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GuardRules:
    """Every table about guards, by what it is for."""

    overall: Guarding = field(default_factory=Guarding)
    models: Mapping[str, Guarding] = field(default_factory=dict)
    tasks: Mapping[str, Guarding] = field(default_factory=dict)
    tenants: Mapping[str, Guarding] = field(default_factory=dict)


_GENERAL = tuple(name for name in Guarding.__dataclass_fields__ if name != "guards")
_OF_A_GUARD = tuple(name for name in GuardTable.__dataclass_fields__ if name != "settings")
_LANGUAGES = ("en", "zh")


def take_rules(data: Mapping[str, Any], check: Check[Any]) -> tuple[dict[str, Any], GuardRules]:
    """Return a configuration without its tables about guards, and these. `check` turns a table into a dataclass.

    Raises ConfigError naming the key.
    """
    rest = {key: value for key, value in data.items() if key != "guards"}
    found: dict[str, dict[str, Guarding]] = {}
    for room in ("models", "tasks", "tenants"):
        tables = data.get(room)
        if not isinstance(tables, Mapping):
            continue
        found[room] = {
            name: _guarding(table["guards"], f"{room}.{name}.guards", check)
            for name, table in tables.items()
            if isinstance(table, Mapping) and "guards" in table
        }
        rest[room] = {
            name: {key: value for key, value in table.items() if key != "guards"}
            if isinstance(table, Mapping)
            else table
            for name, table in tables.items()
        }
    return rest, GuardRules(_guarding(data.get("guards", {}), "guards", check), **found)


def _guarding(data: Any, where: str, check: Check[Any]) -> Guarding:
    if not isinstance(data, Mapping):
        raise ConfigError(
            f"[{where}] must be a table, not {data!r}.", param=where, remedy=f"Write [{where}]."
        )
    general = {key: value for key, value in data.items() if key in _GENERAL}
    tables = {key: value for key, value in data.items() if key not in _GENERAL}
    for key, value in tables.items():
        if not isinstance(value, Mapping):
            near = get_close_matches(key, _GENERAL, n=1)
            remedy = f"Did you mean {near[0]!r}?" if near else f"Known keys: {', '.join(_GENERAL)}."
            raise ConfigError(
                f"{where}.{key} is neither a known key nor a guard's table.",
                param=f"{where}.{key}",
                remedy=remedy,
            )
    guards = {key: _table(value, f"{where}.{key}", check) for key, value in tables.items()}
    found: Guarding = check({**general, "guards": {}}, Guarding, where)
    _check(found, where)
    return Guarding(**{name: getattr(found, name) for name in _GENERAL}, guards=guards)


def _table(data: Mapping[str, Any], where: str, check: Check[Any]) -> GuardTable:
    ours = {key: value for key, value in data.items() if key in _OF_A_GUARD}
    found: GuardTable = check({**ours, "settings": {}}, GuardTable, where)
    rest = {key: value for key, value in data.items() if key not in _OF_A_GUARD}
    return GuardTable(**{name: getattr(found, name) for name in _OF_A_GUARD}, settings=rest)


def _check(found: Guarding, where: str) -> None:
    if found.time_limit is not None and not 0 < found.time_limit <= 60:
        raise ConfigError(
            f"{where}.time_limit is {found.time_limit}.",
            param=f"{where}.time_limit",
            remedy="Give seconds above 0, 60 at most.",
        )
    if found.hold_seconds is not None and found.hold_seconds <= 0:
        raise ConfigError(
            f"{where}.hold_seconds is {found.hold_seconds}.",
            param=f"{where}.hold_seconds",
            remedy="Give seconds above 0.",
        )
    if found.reviewers not in (None, 1, 2):
        raise ConfigError(
            f"{where}.reviewers is {found.reviewers}.", param=f"{where}.reviewers", remedy="Write 1 or 2."
        )
    if where != "guards" and (found.vault_key or found.vault_hours):
        raise ConfigError(
            f"{where}.vault_key and vault_hours hold for all.", param=where, remedy="Write them in [guards]."
        )
    for language in found.refusal:
        if language not in _LANGUAGES:
            raise ConfigError(
                f"{where}.refusal.{language} is not a language that is told apart.",
                param=f"{where}.refusal.{language}",
                remedy=f"Known: {', '.join(_LANGUAGES)}.",
            )
