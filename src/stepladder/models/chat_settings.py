"""`[models.x]` of the kinds that are servers over HTTP: what may be said of them, and the check of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any
from urllib.parse import urlsplit

from stepladder.core import ConfigError, config
from stepladder.models.attempts import Again, Attempts
from stepladder.models.breaker import Breaker
from stepladder.models.quirks import VENDORS
from stepladder.models.replicas import Replica, Replicas
from stepladder.models.upstream import Patience, Upstream

TASKS_OWN = ("messages", "model", "stream", "stream_options")
"""Fields that Stepladder writes itself where a task asks."""
_TIMEOUTS = ("connect_timeout", "first_token_timeout", "between_timeout", "total_timeout")


@dataclass(frozen=True, slots=True)
class ReplicaSettings:
    """`[[models.x.replicas]]`: one of several servers of the model; what is left out is as for the model.

    `model` is the name that this server knows it by; a server of twice the `weight` gets twice the calls.
    """

    base_url: str
    api_key: str = ""
    model: str = ""
    weight: float = 1.0
    concurrency: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """`[models.x]` of kind chat. Prices are per million tokens, timeouts in seconds; `extra` joins every task's request.

    `api_key` is "env:NAME" or "file:PATH", and so may be a value of `headers` that is a secret. Either `base_url` or
    `replicas`. `private` says that confidential questions may go there. `idempotency` sends each call's id as its
    Idempotency-Key, so that a server that knows the header bills a call that is sent again only once.
    """

    model: str
    base_url: str = ""
    replicas: tuple[ReplicaSettings, ...] = ()
    vendor: str = ""
    private: bool = False
    api_key: str = ""
    price_in: float = 0.0
    price_out: float = 0.0
    idempotency: bool = False
    concurrency: int = 256
    retries: int = 2
    connect_timeout: float = 5.0
    first_token_timeout: float = 120.0
    between_timeout: float = 60.0
    total_timeout: float = 600.0
    headers: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def servers(self) -> tuple[ReplicaSettings, ...]:
        """The replicas, or the one server there is."""
        return self.replicas or (ReplicaSettings(self.base_url),)

    @property
    def host(self) -> str:
        """The first server's host, by which a vendor is known."""
        return urlsplit(self.servers[0].base_url).hostname or ""


def read_settings(name: str, given: Mapping[str, Any], base_url: str = "") -> ChatSettings:
    """Check `[models.name]`. Raises ConfigError naming the key, the value and the remedy."""
    where = f"models.{name}"
    replicas = given.get("replicas", [])
    if not isinstance(replicas, Sequence) or isinstance(replicas, str):
        raise _wrong(f"{where}.replicas", replicas, f"Write [[{where}.replicas]] for each of them.")
    if "base_url" in given and replicas:
        raise ConfigError(
            f"{where} has both a base_url and replicas.",
            param=f"{where}.base_url",
            remedy="Give each replica its base_url, and the model none.",
        )
    if not replicas:
        given = {"base_url": base_url, **given} if base_url else given
        if "base_url" not in given:
            raise ConfigError(
                f"{where}.base_url is missing.", param=f"{where}.base_url", remedy="Add it, or replicas."
            )
    servers = tuple(
        config.settings(replica, ReplicaSettings, f"{where}.replicas[{at}]")
        for at, replica in enumerate(replicas)
    )
    own = {key: value for key, value in given.items() if key != "replicas"}
    chosen = replace(config.settings(own, ChatSettings, where), replicas=servers)
    _check(chosen, where)
    return chosen


def attempts_of(
    name: str, chosen: ChatSettings, key_header: str = "", headers: Mapping[str, str] | None = None
) -> Attempts:
    """The servers of a model, ready to be asked; nothing is connected yet. Raises ConfigError for a secret that is not there.

    The key goes as `Authorization: Bearer`, or in `key_header`.
    """
    where = f"models.{name}"
    patience = Patience(
        chosen.connect_timeout, chosen.first_token_timeout, chosen.between_timeout, chosen.total_timeout
    )
    replicas = []
    for at, server in enumerate(chosen.servers):
        place = f"{where}.replicas[{at}]" if chosen.replicas else where
        sent = dict(headers or {}) | headers_of(chosen, server, place, key_header)
        places = server.concurrency or chosen.concurrency
        upstream = Upstream(name, server.base_url, sent, patience, places)
        replicas.append(Replica(upstream, server.model or chosen.model, server.weight, Breaker()))
    return Attempts(Replicas(name, replicas), Again(retries=chosen.retries), chosen.total_timeout)


def headers_of(
    chosen: ChatSettings, server: ReplicaSettings, place: str, key_header: str = ""
) -> dict[str, str]:
    """What a server is sent with every call: the headers that are set, and the key. Raises as `attempts_of` does."""
    reference = server.api_key or chosen.api_key
    key = config.secret(reference, f"{place}.api_key") if reference else ""
    sent = _secrets({**chosen.headers, **server.headers}, place)
    if key:
        _sendable(key, f"{place}.api_key")
        sent[key_header or "Authorization"] = key if key_header else f"Bearer {key}"
    return sent


def _secrets(headers: Mapping[str, str], where: str) -> dict[str, str]:
    found = {}
    for name, value in headers.items():
        place = f"{where}.headers.{name}"
        secret = value.startswith(("env:", "file:"))
        found[name] = config.secret(value, place) if secret else value
        _sendable(found[name], place)
    return found


def _sendable(value: str, where: str) -> None:
    if value and not (value.isascii() and value.isprintable()):
        raise ConfigError(
            f"{where} cannot be sent in an HTTP header.",
            param=where,
            remedy="It may hold printable ASCII only; is there a line break at its end?",
        )


def _check(chosen: ChatSettings, where: str) -> None:
    for at, server in enumerate(chosen.servers):
        _check_server(server, f"{where}.replicas[{at}]" if chosen.replicas else where)
    if chosen.vendor and chosen.vendor not in VENDORS:
        raise _wrong(
            f"{where}.vendor", chosen.vendor, f"Known vendors: {', '.join(VENDORS)}; or leave it out."
        )
    for key, least in (("concurrency", 1), ("retries", 0)):
        if getattr(chosen, key) < least:
            raise _wrong(f"{where}.{key}", getattr(chosen, key), f"Give {least} or more.")
    for key in _TIMEOUTS:
        if not getattr(chosen, key) > 0:
            raise _wrong(f"{where}.{key}", getattr(chosen, key), "Give seconds, more than 0.")
    own = next((key for key in TASKS_OWN if key in chosen.extra), None)
    if own is not None:
        param = f"{where}.extra.{own}"
        raise ConfigError(f"{param} is written by Stepladder.", param=param, remedy="Leave it out.")


def _check_server(server: ReplicaSettings, where: str) -> None:
    _check_url(server.base_url, f"{where}.base_url")
    if not 0 < server.weight < inf:
        raise _wrong(f"{where}.weight", server.weight, "Give a number above 0.")
    if server.concurrency < 0:
        raise _wrong(f"{where}.concurrency", server.concurrency, "Give 1 or more, or leave it out.")


def _check_url(url: str, where: str) -> None:
    address = urlsplit(url)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise _wrong(where, url, "Write http(s)://HOST/v1.")
    if address.username is not None or address.query:
        raise ConfigError(
            f"{where} may hold neither a password nor a query.",
            param=where,
            remedy='Write api_key = "env:NAME", or a header = "env:NAME" under headers.',
        )


def _wrong(where: str, value: object, remedy: str) -> ConfigError:
    return ConfigError(f"{where} is {value!r}.", param=where, remedy=remedy)
