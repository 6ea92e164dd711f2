"""Guards by name: which ones watch by default, and how a configured one is opened."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from stepladder.core import Guard, Side, StepladderError, Verdict, plugins
from stepladder.safety.chain import Chain, closed

DEFAULT = ("words", "attacks", "harm", "personal", "secrets")
"""The guards that watch where nothing else is configured."""


class MissingGuard:
    """Stands where a guard should be that cannot be opened: it blocks everything and says why."""

    window = None
    quick = True
    side = Side.BOTH

    def __init__(self, name: str, why: str) -> None:
        self.name = name
        self._why = why

    def check(self, text: str, turns: object = ()) -> Verdict:
        """Block."""
        return closed(self.name, self._why)


def open_guard(name: str, kind: str, settings: Mapping[str, Any]) -> Guard:
    """Open the plug-in `kind` under a name. Raises UnknownPlugin, MissingExtra, ConfigError or DataError."""
    guard: Guard = plugins.find(plugins.GUARDS, kind).open(name, settings)
    return guard


def open_or_block(name: str, kind: str, settings: Mapping[str, Any]) -> Guard:
    """Open a guard, or put one in its place that blocks: a server that runs must not run open."""
    try:
        return open_guard(name, kind, settings)
    except StepladderError as error:
        return MissingGuard(name, f"{type(error).__name__}: {error.message}")


@lru_cache(maxsize=2)
def default_chain(*, reports: bool = False) -> Chain:
    """Return the default guards, opened once; with `reports` names and addresses that pass are spans of the verdict too."""
    settings = {"personal": {"names": "reported"}} if reports else {}
    return Chain(tuple(open_or_block(name, name, settings.get(name, {})) for name in DEFAULT))
