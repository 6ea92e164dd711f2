"""The tools of a configuration, opened, and kept as long as their tables stay the same."""

from collections.abc import Mapping

from stepladder.core import Config, Tool, ToolConfig, plugins
from stepladder.service.tools.box import OpenedTool


class OpenedTools:
    """Opening checks settings and asks nobody, so it is done whenever a configuration is taken."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[ToolConfig, OpenedTool]] = {}

    def of(self, config: Config) -> dict[str, OpenedTool]:
        """Every tool of the configuration. Raises ConfigError, UnknownPlugin, MissingExtra; nothing has changed then."""
        found: dict[str, tuple[ToolConfig, OpenedTool]] = {}
        for name, given in config.tools.items():
            known = self._open.get(name)
            if known is None or known[0] != given:
                tool: Tool = plugins.find(plugins.TOOLS, given.kind).open(name, given)
                known = (given, OpenedTool(name, given, tool))
            found[name] = known
        return {name: tool for name, (_, tool) in found.items()}

    def take(self, tools: Mapping[str, OpenedTool]) -> list[OpenedTool]:
        """These are in force now; those that were and are not any more, for whoever closes them."""
        gone = [tool for name, (_, tool) in self._open.items() if tools.get(name) is not tool]
        self._open = {name: (tool.given, tool) for name, tool in tools.items()}
        return gone
