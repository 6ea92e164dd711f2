"""An MCP server as a tool: one that is started here (stdio), or one on the network (streamable HTTP).

The session is begun by the first call, held by a task of its own, and begun anew after it broke.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stepladder.core import ConfigError, MissingExtra, Operation, ToolConfig, ToolFailed, config
from stepladder.models import mismatch
from stepladder.service.tools.caller import Auth, web_url
from stepladder.service.tools.mcp_words import ServerWords

if TYPE_CHECKING:
    from mcp import Client

_MOST_TOOLS = 1000
_CLOSE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class McpSettings(Auth):
    """`[tools.x]` of kind mcp: `url` of a server, or the `command` that starts one. `env` maps names to references.

    `operations`, where it names any, are all that is offered of what the server has.
    """

    url: str = ""
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    operations: tuple[str, ...] = ()


@dataclass(slots=True)
class _Session:
    """One connection: who holds it, when it is ready, and how to end it."""

    ready: "asyncio.Future[Client]"
    over: asyncio.Event
    holder: asyncio.Task[None]


class McpTool:
    """A server's tools as operations."""

    def __init__(self, name: str, given: ToolConfig, chosen: McpSettings, secrets: Mapping[str, str]) -> None:
        """`secrets` are headers for a server on the network, the environment of one that is started here."""
        self._name = name
        self._given = given
        self._chosen = chosen
        self._secrets = dict(secrets)
        self._words = ServerWords(name)
        self._session: _Session | None = None
        self._schemas: dict[str, Mapping[str, Any]] = {}

    @classmethod
    def open(cls, name: str, given: ToolConfig) -> "McpTool":
        """Check the settings and resolve the secrets. Raises ConfigError, MissingExtra."""
        where = f"tools.{name}"
        chosen = config.settings(given.settings, McpSettings, where)
        if bool(chosen.url) == bool(chosen.command):
            raise ConfigError(
                f"{where} needs a url or a command, and not both.",
                param=where,
                remedy='Write url = "https://HOST/mcp", or command = ["program", "argument"].',
            )
        try:
            import mcp  # noqa: F401 what follows needs it
        except ImportError as error:
            raise MissingExtra(f"The tool {name} of kind mcp", "mcp") from error
        if chosen.url:
            web_url(chosen.url, f"{where}.url")
            return cls(name, given, chosen, chosen.headers(where))
        env = {key: config.secret(value, f"{where}.env.{key}") for key, value in chosen.env.items()}
        return cls(name, given, chosen, env)

    async def operations(self) -> Sequence[Operation]:
        """What the server lists now. Raises ToolFailed."""
        found: list[Operation] = []
        cursor: str | None = None
        while len(found) < _MOST_TOOLS:
            page = await self._do(
                lambda client, at=cursor: client.list_tools(cursor=at, cache_mode="refresh")
            )
            found += [Operation(one.name, one.description or "", one.input_schema) for one in page.tools]
            cursor = page.next_cursor
            if not cursor:
                break
        named = self._chosen.operations
        found = [one for one in found if not named or one.name in named]
        self._schemas = {one.name: one.parameters for one in found}
        return found

    async def call(self, operation: str, arguments: Mapping[str, Any]) -> str:
        """What the server says: its texts, or what it says as JSON. Raises ToolFailed."""
        if operation not in self._schemas:
            raise ToolFailed(f"The tool {self._name} has no operation {operation!r}.")
        wrong = mismatch(dict(arguments), self._schemas[operation])
        if wrong:
            raise ToolFailed(f"The arguments do not fit: {wrong}.")
        result = await self._do(lambda client: client.call_tool(operation, dict(arguments)))
        texts = [said for one in result.content if isinstance(said := getattr(one, "text", None), str)]
        text = "\n".join(texts)
        if not texts and result.structured_content is not None:
            text = str(result.structured_content)
        most = self._given.most_kb << 10
        if len(data := text.encode("utf-8", "replace")) > most:
            text = data[:most].decode("utf-8", "ignore") + "\n[cut: the answer is longer]"
        if result.is_error:
            raise ToolFailed(f"The tool {self._name} says: {text}")
        return text

    async def close(self) -> None:
        """End the session, and the server where it was started here."""
        session, self._session = self._session, None
        if session is not None:
            session.over.set()
            if session.ready.done():  # else it is waiting for a server that has said nothing yet
                await asyncio.wait([session.holder], timeout=_CLOSE_SECONDS)
            session.holder.cancel()
            await asyncio.gather(session.holder, return_exceptions=True)

    async def _do(self, ask: Any) -> Any:
        """Ask the server. Raises ToolFailed; the session that failed is ended, and the next call begins another."""
        try:
            async with asyncio.timeout(self._given.seconds):
                return await ask(await asyncio.shield(self._opened().ready))
        except TimeoutError as error:
            remedy = f"Raise tools.{self._name}.seconds if it needs longer."
            raise self._failed(f"did not answer in {self._given.seconds:g} s", remedy) from error
        except _failures() as error:
            if type(error).__name__ != "MCPError" or _closed(error):
                session, self._session = self._session, None
                if session is not None:
                    session.over.set()
            raise self._failed(f"failed ({_told(error)})") from error

    def _opened(self) -> _Session:
        session = self._session
        if session is None or session.holder.done():
            ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
            over = asyncio.Event()
            holder = asyncio.create_task(self._hold(ready, over), name=f"mcp {self._name}")
            session = self._session = _Session(ready, over, holder)
        return session

    async def _hold(self, ready: "asyncio.Future[Client]", over: asyncio.Event) -> None:
        """Enter and leave the session in one task, as its library wants it."""
        from mcp import Client

        try:
            async with AsyncExitStack() as stack:
                client = await stack.enter_async_context(
                    Client(await self._transport(stack), read_timeout_seconds=self._given.seconds)
                )
                self._words.ready = True
                ready.set_result(client)
                await over.wait()
        except _failures() as error:
            if not ready.done():
                ready.set_exception(self._unready(error))
                ready.exception()  # whoever waited may have gone
        finally:
            ready.cancel()

    async def _transport(self, stack: AsyncExitStack) -> Any:
        from mcp import StdioServerParameters, stdio_client

        if self._chosen.command:
            program, *arguments = self._chosen.command
            server = StdioServerParameters(command=program, args=arguments, env=self._secrets)
            return stdio_client(server, errlog=await stack.enter_async_context(self._words.listening()))
        from mcp.client.streamable_http import streamable_http_client

        from stepladder.service.tools.mcp_http import http_client

        session = http_client(self._name, self._given, self._secrets)
        return streamable_http_client(self._chosen.url, http_client=await stack.enter_async_context(session))

    def _failed(self, what: str, remedy: str = "") -> ToolFailed:
        return ToolFailed(f"The tool {self._name} {what}.", remedy=remedy)

    def _unready(self, error: BaseException) -> ToolFailed:
        """Why there is no session. What the server said is for whoever runs it, and no model is told."""
        where = f"tools.{self._name}"
        if not self._chosen.command:
            return self._failed(f"cannot be reached ({_told(error)})", f"Check {where}.url.")
        program, said = self._chosen.command[0], self._words.last
        last = f' It said last: "{said}".' if said else ""
        if isinstance(error, OSError):
            return self._failed(
                f"cannot be started ({program}: {error.strerror})", f"Check {where}.command.{last}"
            )
        what = f"has no MCP server: the program {program} ended, or said something else, before it was ready"
        return self._failed(what, f"Check {where}.command, and run it by hand.{last}")


def _failures() -> tuple[type[BaseException], ...]:
    """What a session can end with; ours are passed on as they are."""
    import anyio
    import httpx2
    from mcp import MCPError

    return (
        MCPError, OSError, RuntimeError, ValueError, httpx2.HTTPError, anyio.ClosedResourceError,
        anyio.BrokenResourceError, anyio.EndOfStream, BaseExceptionGroup,
    )  # fmt: skip


def _closed(error: BaseException) -> bool:
    from mcp.types import CONNECTION_CLOSED

    told = getattr(error, "error", None)
    return getattr(told, "code", None) == CONNECTION_CLOSED


def _told(error: BaseException) -> str:
    """What may be said of a failure: a server's own words, else no more than its kind."""
    told = getattr(error, "error", None)
    return str(getattr(told, "message", "")) or type(error).__name__
