"""Chat platforms: `[chats.x]`, and what an adapter between a platform and the gateway takes and gives.

An adapter translates and checks; who may ask how much, guards, the ledger and conversations are the gateway's.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from stepladder.core.errors import ConfigError, NotAllowed
from stepladder.core.toml_tables import one_of, settings, tables

_NAME = re.compile(r"[A-Za-z][\w-]*\Z", re.ASCII)
_OURS = ("kind", "model", "key")


@dataclass(frozen=True, slots=True)
class ChatConfig:
    """`[chats.x]`: the plug-in (`kind`), what answers (`model`: a task, a plan or a model), and whose questions they are.

    `key` refers to one of our own keys: its tenant's limits hold. What else is in the table are the plug-in's settings.
    """

    kind: str
    model: str
    key: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Callback:
    """One HTTP request of a platform, as it came at `at` (Unix seconds). Names of headers are lower case."""

    method: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    at: float


@dataclass(frozen=True, slots=True)
class Message:
    """What a person has asked. The same `id` comes again when the platform tries again.

    `conversation` is 1 to 200 printable characters; `place` is where the answer goes, for the adapter itself.
    """

    id: str
    user: str
    conversation: str
    text: str
    place: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Received:
    """What the platform is told at once, and the question that came, if one did."""

    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    message: Message | None = None


@runtime_checkable
class ChatPlatform(Protocol):
    """Entry point in `stepladder.chats`. `most_bytes` is the longest text, in UTF-8, that one message may hold."""

    @property
    def name(self) -> str: ...

    @property
    def most_bytes(self) -> int: ...

    def receive(self, callback: Callback) -> Received:
        """Check that it is the platform's and not a replay, and read it. Quick: the event loop waits for it.

        Raises NotAllowed for what is not the platform's, BadRequest for what cannot be read.
        """
        ...

    async def send(self, message: Message, text: str) -> None:
        """Answer a message. Raises UpstreamFailed, which quotes no secret."""
        ...


class ChatPlatformOpener(Protocol):
    """What the entry point names: a class with `open`. It checks its own settings, and asks nobody."""

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> ChatPlatform: ...


def read_chats(data: Mapping[str, Any]) -> dict[str, ChatConfig]:
    """The tables of `[chats]`. Raises ConfigError naming the key."""
    found = {}
    for name, given in tables(data, "chats"):
        where = f"chats.{name}"
        if not _NAME.match(name):
            raise ConfigError(
                f"{where} is no name for an address.",
                param=where,
                remedy="Use letters, digits, - and _, a letter first.",
            )
        if not isinstance(given, Mapping):
            raise ConfigError(f"{where} must be a table.", param=where, remedy=f"Write [{where}].")
        ours = {key: value for key, value in given.items() if key in _OURS}
        rest = {key: value for key, value in given.items() if key not in _OURS}
        found[name] = settings({**ours, "settings": rest}, ChatConfig, where)
    return found


def check_chats(chats: Mapping[str, ChatConfig], known: Sequence[str]) -> None:
    """Raise ConfigError where a chat names what there is not."""
    for name, chat in chats.items():
        one_of(chat.model, dict.fromkeys(known), f"chats.{name}.model")


def forged(name: str, why: str) -> NotAllowed:
    """What came to the chat `name` is not to be believed."""
    return NotAllowed(f"This is no call of {name}'s platform: {why}.", remedy="Check its secrets and clock.")
