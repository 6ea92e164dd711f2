"""The tools of one question: what may be offered to a model, and the calls that it makes of them."""

import asyncio
import logging
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from stepladder.core import (
    Blocked,
    GuardFailed,
    Operation,
    StepladderError,
    Tool,
    ToolConfig,
    ToolFailed,
    ToolScreen,
    ToolUse,
    Usage,
)

_log = logging.getLogger(__name__)
_LISTED_SECONDS = 300.0
_AGAIN_SECONDS = 5.0
_ODD = re.compile(r"[^A-Za-z0-9_-]")
_MOST_NAME = 64
_MOST_SCHEMAS = 64 << 10
_MOST_ARGUMENTS = 64 << 10


@dataclass(frozen=True, slots=True)
class Used:
    """A call that was made, for the ledger: nothing of what was asked or answered."""

    tool: str
    ms: float
    ok: bool

    def __str__(self) -> str:
        """As a header has it."""
        return f"{self.tool};ms={self.ms};ok={str(self.ok).lower()}"


class OpenedTool:
    """A tool and what it can do, which is asked for again now and then."""

    def __init__(self, name: str, given: ToolConfig, tool: Tool) -> None:
        self.name = name
        self.given = given
        self._tool = tool
        self._listed: tuple[Operation, ...] = ()
        self._due = float("-inf")
        self._trouble = ""
        self._asking = asyncio.Lock()

    @property
    def listed(self) -> tuple[Operation, ...]:
        """What it could do when it was last asked."""
        return self._listed

    async def operations(self) -> tuple[Operation, ...]:
        """What it can do. Raises ToolFailed where that was never found out."""
        async with self._asking:
            if time.monotonic() >= self._due:
                try:
                    self._listed = tuple(await self._tool.operations())
                    self._due, self._trouble = time.monotonic() + _LISTED_SECONDS, ""
                except StepladderError as error:
                    self._due = time.monotonic() + _AGAIN_SECONDS
                    self._tell(str(error))
                    if not self._listed:
                        raise
        return self._listed

    def _tell(self, trouble: str) -> None:
        """One line of the log for each new trouble: whoever asks is answered without the tool, and hears nothing of it."""
        if trouble != self._trouble:
            self._trouble = trouble
            without = "what it last said it can do stays" if self._listed else "models go on without it"
            _log.warning("%s Until then %s.", trouble, without)

    async def call(self, operation: str, arguments: Mapping[str, Any]) -> str:
        """Do it. Raises ToolFailed."""
        return await self._tool.call(operation, arguments)

    async def close(self) -> None:
        """Let go of what is open."""
        await self._tool.close()


def hands_of(
    use: ToolUse, tools: Mapping[str, OpenedTool], allowed: Sequence[str], *, confidential: bool
) -> "QuestionHands | None":
    """The hands of a question: what its task or step uses and its tenant may; None where that is nothing."""
    if not use.use:
        return None
    able = {name: tool for name, tool in tools.items() if tool.given.private or not confidential}
    names = [name for name in use.use if name.partition(".")[0] in able]
    return QuestionHands(use, able, names, tuple(allowed)) if names and allowed else None


@dataclass(slots=True)
class QuestionHands:
    """`names` are what the task or step uses, `allowed` what the tenant may: tools, or single operations ("x.y").

    `screen` is set by the guards when they have seen the question. `used` is what was done, `spent` what rounds took that
    are over.
    """

    bounds: ToolUse
    tools: Mapping[str, OpenedTool]
    names: Sequence[str]
    allowed: Sequence[str]
    screen: ToolScreen | None = None
    used: list[Used] = field(default_factory=list)
    spent: Usage = field(default_factory=Usage)
    _known: dict[str, tuple[OpenedTool, Operation]] = field(default_factory=dict)
    _left: int = -1

    @property
    def rounds(self) -> int:
        """How many times at most tools are used before the answer."""
        return self.bounds.rounds

    def most(self, read: int, written: int) -> Usage:
        """What all rounds may take at most, for a request of `read` tokens and answers of `written`."""
        calls = self.rounds + 1
        grown = _MOST_SCHEMAS + (self.bounds.most_kb << 10) + self.rounds * written
        return Usage(calls * (read + grown), calls * written)

    def confide(self) -> None:
        """From here on there are private tools only."""
        self.names = [name for name in self.names if self.tools[name.partition(".")[0]].given.private]

    async def offered(self) -> Sequence[Mapping[str, Any]]:
        """As OpenAI's `tools`, without those that cannot say what they do, or may not. Raises ToolFailed for too many."""
        found, size = [], 0
        for tool in {
            name.partition(".")[0]: self.tools[name.partition(".")[0]] for name in self.names
        }.values():
            for operation in await _listed(tool):
                if not self._may(tool.name, operation.name):
                    continue
                function = await self._function(tool.name, operation)
                if function is None:
                    continue
                self._known[function["name"]] = (tool, operation)
                size += len(msgspec.json.encode(function))
                found.append({"type": "function", "function": function})
        if size > _MOST_SCHEMAS:
            raise ToolFailed(
                f"The tools' descriptions take {size >> 10} kB, and {_MOST_SCHEMAS >> 10} are allowed.",
                remedy="Name single operations: tools = ['x.operation'].",
            )
        return found

    async def _function(self, tool: str, operation: Operation) -> Mapping[str, Any] | None:
        """As a model gets to read it; None where a guard withholds it. What a server says of its tools is as untrusted as
        what they say."""
        said = {"description": operation.description, "parameters": operation.parameters}
        try:
            said = dict(await self.screen.offer(said)) if self.screen is not None else said
        except (Blocked, GuardFailed):
            return None
        return {"name": _name(tool, operation.name), **said}

    async def use(self, calls: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        """Make the calls side by side; what is too much, or not allowed, is told to the model like any failure."""
        if self._left < 0:
            self._left = self.bounds.most_kb << 10
        made = [
            self._one(call) if at < self.bounds.calls else _said("Error: too many calls at a time.")
            for at, call in enumerate(calls)
        ]
        return [
            {"role": "tool", "tool_call_id": str(call.get("id") or ""), "content": self._room(said)}
            for call, said in zip(calls, await asyncio.gather(*made), strict=True)
        ]

    async def _one(self, call: Mapping[str, Any]) -> str:
        function = call.get("function") or {}
        name, written = str(function.get("name") or ""), str(function.get("arguments") or "{}")
        known = self._known.get(name)
        if known is None:
            return f"Error: there is no tool {name[:_MOST_NAME]!r}."
        tool, operation = known
        started, ok = time.perf_counter(), False
        try:
            said = await self._done(tool, operation, written)
            ok = True
        except StepladderError as error:
            said = f"Error: {await self._told(error)}"
        finally:
            ms = round((time.perf_counter() - started) * 1000, 1)
            self.used.append(Used(f"{tool.name}.{operation.name}", ms, ok))
        return said

    async def _done(self, tool: OpenedTool, operation: Operation, written: str) -> str:
        if len(written) > _MOST_ARGUMENTS:
            raise ToolFailed("The arguments are too long.")
        if self.screen is not None:
            written = await self.screen.arguments(written, restored=tool.given.private)
        try:
            arguments = msgspec.json.decode(written or "{}")
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise ToolFailed("The arguments are no JSON.") from error
        if not isinstance(arguments, dict):
            raise ToolFailed("The arguments are no JSON object.")
        said = await tool.call(operation.name, arguments)
        return await self.screen.result(said) if self.screen is not None else said

    async def _told(self, error: StepladderError) -> str:
        """What the model is told of a failure. A server's own words in it are as untrusted as any result."""
        if isinstance(error, Blocked | GuardFailed):
            return "a guard withholds this."
        try:
            return await self.screen.result(error.message) if self.screen is not None else error.message
        except (Blocked, GuardFailed):
            return "it failed, and a guard withholds why."

    def _may(self, tool: str, operation: str) -> bool:
        whole = f"{tool}.{operation}"
        return (tool in self.names or whole in self.names) and (tool in self.allowed or whole in self.allowed)

    def _room(self, said: str) -> str:
        """The result, as far as there is room for it in this question."""
        size = len(said.encode("utf-8", "replace"))
        if size > self._left:
            said = said.encode("utf-8", "replace")[: max(self._left - 40, 0)].decode("utf-8", "ignore")
            said += "\n[cut: no room for more]"
        self._left = max(self._left - size, 0)
        return said


async def _listed(tool: OpenedTool) -> Sequence[Operation]:
    try:
        return await tool.operations()
    except ToolFailed:
        return ()


async def _said(text: str) -> str:
    return text


def _name(tool: str, operation: str) -> str:
    """What a model calls it by."""
    return tool if tool == operation else _ODD.sub("_", f"{tool}__{operation}")[:_MOST_NAME]
