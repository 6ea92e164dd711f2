"""`[tools.x]`: what models may have done for them, who may, and how often. See docs/tools.md."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from stepladder.core.errors import ConfigError
from stepladder.core.hands import Operation, ToolUse
from stepladder.core.toml_tables import between, one_of, settings

_OURS = ("kind", "private", "local_addresses", "seconds", "most_kb")
_NAME = 24


@dataclass(frozen=True, slots=True)
class ToolConfig:
    """`[tools.x]`: the plug-in (`kind`) and its own settings, which the plug-in checks when it opens.

    A `private` tool may be told what is confidential; one with `local_addresses` may be on this machine or its network.
    A call takes at most `seconds`, its result `most_kb`.
    """

    kind: str
    settings: Mapping[str, Any]
    private: bool = False
    local_addresses: bool = False
    seconds: float = 20.0
    most_kb: int = 32


class Tool(Protocol):
    """Somebody who does things for a model. What it says is untrusted text."""

    async def operations(self) -> Sequence[Operation]:
        """What it can do. Raises ToolFailed where that cannot be found out now."""
        ...

    async def call(self, operation: str, arguments: Mapping[str, Any]) -> str:
        """Do it; the arguments fit the operation's parameters. Raises ToolFailed."""
        ...

    async def close(self) -> None:
        """Let go of what is open."""
        ...


class ToolOpener(Protocol):
    """What an entry point in `stepladder.tools` names: a class with `open`. It checks its own settings, and asks nobody."""

    @classmethod
    def open(cls, name: str, given: ToolConfig) -> Tool: ...


def read_tool(data: Any, where: str) -> ToolConfig:
    """A tool's table. Raises ConfigError naming the key."""
    if not isinstance(data, Mapping) or not isinstance(data.get("kind"), str):
        raise ConfigError(
            f"[{where}] has no kind.",
            param=f"{where}.kind",
            remedy='Add kind = "openapi", "mcp" or "http".',
        )
    name = where.rpartition(".")[2]
    if not (name.replace("_", "").replace("-", "").isalnum() and name.isascii() and len(name) <= _NAME):
        raise ConfigError(
            f"[{where}] is no name that a model could call.",
            param=where,
            remedy=f"Use at most {_NAME} letters, digits, _ and -.",
        )
    ours = {key: data[key] for key in _OURS if key in data}
    found = settings({**ours, "settings": {}}, ToolConfig, where)
    between(found.seconds, 0, 600, f"{where}.seconds")
    between(found.most_kb, 1, 1024, f"{where}.most_kb", closed=True)
    rest = {key: value for key, value in data.items() if key not in _OURS}
    return ToolConfig(found.kind, rest, found.private, found.local_addresses, found.seconds, found.most_kb)


def shorthand(data: Any) -> Any:
    """A task's or a step's table, where `tools` may be the list alone."""
    if isinstance(data, Mapping) and isinstance(data.get("tools"), list):
        return {**data, "tools": {"use": data["tools"]}}
    return data


def check_use(use: ToolUse, tools: Mapping[str, Any], where: str) -> None:
    """Raise ConfigError for a tool that there is not, or a bound that is none."""
    check_names(use.use, tools, f"{where}.tools")
    for key, most in (("rounds", 32), ("calls", 64), ("most_kb", 1024)):
        between(getattr(use, key), 1, most, f"{where}.tools.{key}", closed=True)


def check_names(names: Sequence[str], tools: Mapping[str, Any], where: str) -> None:
    """Raise ConfigError for the name of a tool that there is not."""
    for name in names:
        one_of(name.partition(".")[0], tools, where)
