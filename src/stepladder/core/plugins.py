"""The plug-in catalogue: entry points, ours included."""

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from stepladder.core.errors import UnknownPlugin

RUNGS = "stepladder.rungs"
MODELS = "stepladder.models"
RECIPES = "stepladder.recipes"
GUARDS = "stepladder.guards"
RETRIEVERS = "stepladder.retrievers"
TOOLS = "stepladder.tools"
CHATS = "stepladder.chats"
TRACKERS = "stepladder.trackers"


@cache
def _installed(group: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=group)}


def names(group: str) -> list[str]:
    """The installed plug-ins of a group, sorted."""
    return sorted(_installed(group))


def find(group: str, name: str) -> Any:
    """The object a plug-in's entry point names; it is imported only now.

    Raises UnknownPlugin, listing what is installed, and lets the plug-in's own MissingExtra through.
    """
    point = _installed(group).get(name)
    if point is None:
        kind = group.removeprefix("stepladder.").removesuffix("s")
        raise UnknownPlugin(
            f"There is no {kind} named {name!r}.", remedy=f"Installed: {', '.join(names(group)) or 'none'}."
        )
    return point.load()
