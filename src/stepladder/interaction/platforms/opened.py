"""The chats of a configuration, opened, and the questions from them that are under way."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from stepladder.core import ChatConfig, ChatPlatform, Config, TooMany, config, plugins

_MOST_UNDER_WAY = 1000
_UNWINDING_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Opened:
    """One chat. `secret` is the key that its questions are asked with."""

    given: ChatConfig
    platform: ChatPlatform
    secret: str = field(repr=False)


def open_chat(name: str, given: ChatConfig) -> Opened:
    """Raises ConfigError for wrong settings or a secret that is not there, UnknownPlugin, MissingExtra."""
    secret = config.secret(given.key, f"chats.{name}.key")
    return Opened(given, plugins.find(plugins.CHATS, given.kind).open(name, given.settings), secret)


class Platforms:
    """What is open. A chat whose table stays the same stays open through a change of the configuration."""

    def __init__(self) -> None:
        self._opened: Mapping[str, Opened] = {}
        self._under_way: set[asyncio.Task[None]] = set()

    def prepared(self, given: Config) -> Mapping[str, Opened]:
        """The chats that a configuration asks for, to be taken once all of it is good. Raises as `open_chat` does."""
        return {name: self._kept(name, chat) or open_chat(name, chat) for name, chat in given.chats.items()}

    def take(self, opened: Mapping[str, Opened]) -> None:
        """From now on these."""
        self._opened = opened

    def get(self, name: str) -> Opened | None:
        """The chat of that name, if there is one."""
        return self._opened.get(name)

    def make_room(self) -> None:
        """Raise TooMany where so many questions are under way that the platform had better come again."""
        if len(self._under_way) >= _MOST_UNDER_WAY:
            raise TooMany("Too many questions from chats are under way.", retry_after=5.0)

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Answer beside: the platform does not wait."""
        task = asyncio.get_running_loop().create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def close(self, seconds: float) -> None:
        """Let what is under way end, for so long."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=seconds)
        for task in self._under_way:
            task.cancel()
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=_UNWINDING_SECONDS)

    def _kept(self, name: str, given: ChatConfig) -> Opened | None:
        before = self._opened.get(name)
        return before if before is not None and before.given == given else None
