"""Options that many commands share."""

import getpass
from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="The configuration; without it ./stepladder.toml, else the built-in default."
    ),
]


def caller() -> str:
    """Who types, for the history."""
    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError):
        return "cli"
