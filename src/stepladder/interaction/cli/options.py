"""What many commands share: the configuration's option, the open store, who types."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stepladder.core import BadRequest, Config, Task, checked_purpose

if TYPE_CHECKING:
    from stepladder.store import Store

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="The configuration; without it ./stepladder.toml, else the built-in default."
    ),
]


@dataclass(frozen=True, slots=True)
class Place:
    """A configuration with its data folder and its open store."""

    config: Config
    folder: Path
    store: "Store"

    def task(self, name: str) -> Task:
        """The configured task. Raises BadRequest naming the tasks there are."""
        task = self.config.tasks.get(name)
        if task is None:
            known = ", ".join(self.config.tasks) or "none"
            raise BadRequest(f"There is no task named {name!r}.", remedy=f"Tasks: {known}.")
        return task


@contextmanager
def opened(path: Path | None) -> Iterator[Place]:
    """Open the store that belongs to a configuration, beside a running server or without one."""
    from stepladder.interaction.opening import open_store
    from stepladder.interaction.settings import Settings

    settings = Settings(path)
    config = settings.load()
    store = open_store(settings, config)
    try:
        yield Place(config, settings.folder(config), store)
    finally:
        store.close()


PurposeOption = Annotated[
    str, typer.Option("--purpose", help="Why it is read; it is written into the journal.")
]


def reading(place: Place, purpose: str, what: str) -> None:
    """Write down that texts, or what was learnt from them, are read, and why. Raises BadRequest without a purpose."""
    said = checked_purpose(purpose, place.config.privacy.purposes, "--purpose")
    place.store.journal.note(caller(), f"read for {said!r}", what)


def caller() -> str:
    """Who types, for the history."""
    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError):
        return "cli"
