"""What a question may have done for it while it is answered: its tools, behind the guards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from stepladder.core.usage import Usage


@dataclass(frozen=True, slots=True)
class ToolUse:
    """`tools` of a task or a plan's step: `use` names tools ("x"), or single operations of one ("x.operation").

    The model is asked `rounds` times with tools, and then once more without; it may make `calls` of them at a time. All
    results of a question together take `most_kb`.
    """

    use: tuple[str, ...] = ()
    rounds: int = 4
    calls: int = 8
    most_kb: int = 64


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that a tool can do. `parameters` is a JSON Schema of an object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


class ToolScreen(Protocol):
    """The guards between a model and its tools. What may not pass raises Blocked or GuardFailed."""

    async def arguments(self, text: str, *, restored: bool) -> str:
        """JSON that a model wrote, as it may go to a tool; `restored`: with the asker's own data in it again."""
        ...

    async def result(self, text: str) -> str:
        """What a tool said, as it may go to a model."""
        ...

    async def offer(self, function: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a tool says of itself, as it may go to a model."""
        ...


class Purse(Protocol):
    """What one question may take beside its answer. Each call is reserved for before it is made, which raises TooMany."""

    def begin(self, most: float) -> None:
        """A call is to be made that costs `most` at most."""
        ...

    def pay(self, most: float, usage: Usage, cost: float) -> None:
        """It is over."""
        ...


class Hands(Protocol):
    """The tools of one question: offered to whoever answers it, and used for it. `spent` is what rounds took that are over."""

    spent: Usage

    @property
    def rounds(self) -> int:
        """How many times at most tools are used before the answer."""
        ...

    async def offered(self) -> Sequence[Mapping[str, Any]]:
        """As OpenAI's `tools`; empty where there is nothing to offer."""
        ...

    async def use(self, calls: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        """Make OpenAI's `tool_calls`, side by side: the messages that tell the model what came of them, in order."""
        ...
