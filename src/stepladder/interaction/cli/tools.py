"""stepladder tools: what the tools of the configuration can do, and one of them tried out."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from stepladder.interaction.cli.options import ConfigOption

if TYPE_CHECKING:
    from stepladder.core import Config
    from stepladder.service import OpenedTool

app = typer.Typer(
    no_args_is_help=True, help="Tools that models may use: what they can do, and a call by hand."
)


@app.command("list")
def list_tools(config: ConfigOption = None) -> None:
    """List every operation of every tool, and the tenants that may use it."""
    from stepladder.core import ToolFailed
    from stepladder.interaction.settings import Settings

    loaded = Settings(config).load()

    async def told(tools: "Mapping[str, OpenedTool]") -> int:
        failed = 0
        for name, tool in tools.items():
            try:
                operations = await tool.operations()
            except ToolFailed as error:
                failed = 1
                print(f"{name}: {error}")
                continue
            for operation in operations:
                whole = f"{name}.{operation.name}"
                line = operation.description.partition("\n")[0]
                print(f"{whole}  {line}  (tenants: {_tenants(loaded, name, whole)})")
        return failed

    if not loaded.tools:
        print("There are no tools; add [tools.NAME] to the configuration.")
        return
    raise typer.Exit(_with_tools(loaded, told))


@app.command("call")
def call_tool(
    operation: Annotated[str, typer.Argument(help="TOOL.OPERATION, or TOOL where it has only one.")],
    arguments: Annotated[str, typer.Argument(help="The arguments, as a JSON object.")] = "{}",
    config: ConfigOption = None,
) -> None:
    """Call one operation from here, and print what it says. No guard watches, and nothing is written down."""
    import json

    from stepladder.core import BadRequest
    from stepladder.interaction.settings import Settings

    loaded = Settings(config).load()
    try:
        given = json.loads(arguments)
    except ValueError as error:
        raise BadRequest("The arguments are no JSON.", param="arguments") from error
    if not isinstance(given, dict):
        raise BadRequest("The arguments are no JSON object.", param="arguments")
    name, _, wanted = operation.partition(".")

    async def told(tools: "Mapping[str, OpenedTool]") -> int:
        if name not in tools:
            raise BadRequest(f"There is no tool {name!r}.", remedy=f"Tools: {', '.join(tools) or 'none'}.")
        known = [one.name for one in await tools[name].operations()]
        if not wanted and len(known) != 1:
            raise BadRequest(f"Which operation of {name!r}?", remedy=f"It has: {', '.join(known)}.")
        print(await tools[name].call(wanted or known[0], given))
        return 0

    raise typer.Exit(_with_tools(loaded, told))


def _tenants(config: "Config", *names: str) -> str:
    allowed = [tenant for tenant, given in config.tenants.items() if set(names) & set(given.tools)]
    return ", ".join(allowed) or "none"


def _with_tools(config: "Config", do: "Callable[[Mapping[str, OpenedTool]], Awaitable[int]]") -> int:
    from stepladder.service import OpenedTools

    async def doing() -> int:
        tools = OpenedTools().of(config)
        try:
            return await do(tools)
        finally:
            for tool in tools.values():
                await tool.close()

    return asyncio.run(doing())
