"""Which guards watch a question, how sternly, and what they do: `[guards]` as it holds for one model or task and tenant.

Guards are opened when a configuration is taken, so that one that cannot be opened refuses the configuration, and a
server never runs without a guard that it was told to have.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import chain
from typing import Any

import msgspec

from stepladder.core import (
    Addresses,
    Config,
    ConfigError,
    Deed,
    Fallback,
    Guard,
    Guarding,
    GuardTable,
    Hold,
    Pictures,
    Refuse,
    Side,
    Streams,
    Watching,
    config,
)
from stepladder.knowledge import require_pictures
from stepladder.safety.chain import Chain
from stepladder.safety.opening import open_guard
from stepladder.safety.panel import Panel, Priced, Ruling
from stepladder.safety.words import Word, WordsGuard

PERSONAL = "personal"
_PERSONAL_DEEDS = (Deed.MASK, Deed.HASH, Deed.PSEUDONYM)
_OBSERVED = {
    name: GuardTable(mode=Watching.OBSERVE) for name in ("words", "secrets", PERSONAL, "attacks")
} | {"numbers": GuardTable(mode=Watching.ENFORCE)}
FOR_MODELS = Guarding(mode=Watching.OBSERVE, guards=_OBSERVED)
"""What holds for a plain model where nothing is configured: everything passes as it came, but strangers' numbers."""
FOR_TASKS = Guarding(
    mode=Watching.ENFORCE,
    guards=_OBSERVED
    | {
        "words": GuardTable(mode=Watching.OBSERVE, side=Side.IN),
        "secrets": GuardTable(mode=Watching.ENFORCE),
    },
)
"""The same for a task, but secrets never pass: an angry review is a question like any other, a key never is."""
_TIME_LIMIT = 2.0
_UNTRUSTED = ("user", "tool", "function", "file", "field", "passage")


@dataclass(frozen=True, slots=True)
class Holding:
    """What is done with what waits for a person."""

    answer: Hold = Hold.WAIT
    seconds: float = 86_400.0
    default: Fallback = Fallback.REJECT
    reviewers: int = 1


@dataclass(frozen=True, slots=True)
class Policy:
    """The rulings for one model or task and tenant. `hash` changes with everything that they depend on."""

    rulings: tuple[Ruling, ...]
    streams: Streams
    refuse: Refuse
    untrusted: frozenset[str]
    refusal: Mapping[str, str]
    hasher: bytes
    holding: Holding
    chain: Chain
    hash: str
    pseudonyms: bool
    """Whether placeholders may stand for personal data."""
    ins: Panel
    outs: Panel
    priced: bool
    """Whether a judgement may cost money."""
    pictures: Pictures
    addresses: Addresses


def _pseudonyms(ruling: Ruling) -> bool:
    return ruling.enforced and Deed.PSEUDONYM in (ruling.table.action, *ruling.table.categories.values())


class Policies:
    """The policies of a configuration, each made once. Opening is slow where lists of words are long: off the loop."""

    def __init__(self, wanted: Config | None = None) -> None:
        """Open every guard that is asked for. Raises ConfigError, UnknownPlugin, MissingExtra or DataError."""
        self.config = wanted = wanted or Config()
        self._rules = wanted.guards
        self._guards: dict[str, Guard] = {}
        self._made: dict[tuple[str, str], Policy | None] = {}
        for name in (*wanted.tasks, *wanted.models):
            base = FOR_TASKS if name in wanted.tasks else FOR_MODELS
            for tenant in ("", *self._rules.tenants):
                self._made[name, tenant] = self._policy(base, name, tenant)
        self.pseudonyms = any(policy is not None and policy.pseudonyms for policy in self._made.values())
        self.words: tuple[Word, ...] = ()
        self._listed = self._made

    def with_words(self, words: tuple[Word, ...]) -> "Policies":
        """The same with these words of the live dictionary, which guards of words know from now on."""
        for guard in self._guards.values():
            if isinstance(guard, WordsGuard):
                guard.let_owner_say(words)
        fresh = copy(self)
        fresh.words = words
        fresh._made = {key: policy and _renamed(policy, words) for key, policy in self._listed.items()}
        return fresh

    def of(self, name: str, tenant: str) -> Policy | None:
        """The policy for a tenant's questions to a task or model; None where nothing watches."""
        return self._made.get((name, tenant if tenant in self._rules.tenants else ""))

    def holding(self, name: str, tenant: str) -> Holding:
        """What is done with what waits for a person, whether guards watch or not."""
        return _holding(self._layers(FOR_TASKS, name, tenant))

    def _layers(self, base: Guarding, name: str, tenant: str) -> list[Guarding]:
        rules = self._rules
        own = rules.tasks.get(name) or rules.models.get(name)
        return [base, rules.overall, *filter(None, (own, rules.tenants.get(tenant)))]

    def _policy(self, base: Guarding, name: str, tenant: str) -> Policy | None:
        layers = self._layers(base, name, tenant)
        names = dict.fromkeys(chain.from_iterable(layer.guards for layer in layers))
        tables = {each: _table(each, layers) for each in names}
        rulings = tuple(
            Ruling(self._open(each, table), table)
            for each, table in tables.items()
            if table.mode is not Watching.OFF
        )
        if not rulings:
            return None
        for ruling in rulings:
            _check(ruling)
        time_limit = _last((layer.time_limit for layer in layers), _TIME_LIMIT)
        told = [(key, msgspec.to_builtins(table)) for key, table in tables.items()]
        streams = _last((layer.streams for layer in layers), Streams.BUFFER)
        key = _last((layer.key for layer in layers), "")
        pictures = _last((layer.pictures for layer in layers), Pictures.OFF)
        addresses = _last((layer.picture_addresses for layer in layers), Addresses.REFUSE)
        if pictures is Pictures.READ:
            require_pictures()
        digests = [getattr(each.guard, "digest", "") for each in rulings]
        fingerprint = repr((told, streams, digests, pictures.value, addresses.value))
        return Policy(
            rulings,
            streams,
            _last((layer.refuse for layer in layers), Refuse.ERROR),
            frozenset(_last((layer.untrusted for layer in layers), _UNTRUSTED)),
            {key: said for layer in layers for key, said in layer.refusal.items()},
            _secret(key, rulings),
            _holding(layers),
            Chain(tuple(ruling.guard for ruling in rulings), time_limit),
            blake2b(fingerprint.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest(),
            any(map(_pseudonyms, rulings)),
            Panel(ruling for ruling in rulings if ruling.covers(Side.IN)),
            Panel(ruling for ruling in rulings if ruling.covers(Side.OUT)),
            any(isinstance(ruling.guard, Priced) for ruling in rulings),
            pictures,
            addresses,
        )

    def _open(self, name: str, table: GuardTable) -> Guard:
        settings = dict(table.settings)
        if (table.kind or name) == PERSONAL and Deed.PSEUDONYM in (table.action, *table.categories.values()):
            settings.setdefault("names", "always")  # what can be put back may be replaced on suspicion
        key = repr((name, table.kind, sorted(settings.items(), key=lambda item: item[0])))
        if key not in self._guards:
            self._guards[key] = open_guard(name, table.kind or name, settings)
        return self._guards[key]


def _renamed(policy: Policy, words: tuple[Word, ...]) -> Policy:
    said = repr((policy.hash, [(word.text, sorted(word.tags)) for word in words]))
    return replace(policy, hash=blake2b(said.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest())


def _holding(layers: Sequence[Guarding]) -> Holding:
    usual = Holding()
    return Holding(
        _last((layer.hold for layer in layers), usual.answer),
        _last((layer.hold_seconds for layer in layers), usual.seconds),
        _last((layer.hold_default for layer in layers), usual.default),
        _last((layer.reviewers for layer in layers), usual.reviewers),
    )


def _table(name: str, layers: Sequence[Guarding]) -> GuardTable:
    """A guard's table, later ones before earlier ones; a layer's own mode is that of guards which it does not name."""
    first, *later = layers
    found = first.guards.get(name, GuardTable(mode=first.mode))
    if any(layer.mode or name in layer.guards for layer in later):
        found = replace(found, side=None)  # the side that holds out of the box is for what nobody configured
    for layer in later:
        said = layer.guards.get(name, GuardTable())
        found = replace(
            found,
            kind=said.kind or found.kind,
            mode=said.mode or layer.mode or found.mode,
            side=said.side or found.side,
            action=said.action or found.action,
            categories={**found.categories, **said.categories},
            confidential=found.confidential if said.confidential is None else said.confidential,
            settings={**found.settings, **said.settings},
        )
    return found


def _check(ruling: Ruling) -> None:
    table, name = ruling.table, ruling.name
    for deed in (table.action, *table.categories.values()):
        if deed in _PERSONAL_DEEDS and (table.kind or name) != PERSONAL:
            raise ConfigError(
                f"guards.{name}: {deed} is for personal data only.",
                param=f"guards.{name}.action",
                remedy="Write pass, redact, hold or block.",
            )


def _secret(key: str, rulings: Iterable[Ruling]) -> bytes:
    hashing = any(
        Deed.HASH in (each.table.action, *each.table.categories.values()) for each in rulings if each.enforced
    )
    if not hashing:
        return b""
    if not key:
        raise ConfigError(
            "Hashing personal data needs a key.", param="guards.key", remedy='Write guards.key = "env:NAME".'
        )
    found = config.secret(key, "guards.key").encode()
    if len(found) < 16:
        raise ConfigError(
            f"guards.key has {len(found)} bytes.", param="guards.key", remedy="Use at least 16."
        )
    return found


def _last(said: Iterable[Any], default: Any) -> Any:
    given = [one for one in said if one is not None]
    return given[-1] if given else default
