"""stepladder config check, show and diff; stepladder doctor."""

from pathlib import Path
from typing import Annotated

import typer

from stepladder.interaction.cli.options import ConfigOption

app = typer.Typer(help="Check, show and compare configurations.", no_args_is_help=True)


@app.command()
def check(config: ConfigOption = None) -> None:
    """Say whether a configuration is good: its keys, its plug-ins, and the secrets it refers to."""
    from stepladder.interaction.doctor import plugins_of
    from stepladder.interaction.settings import Settings

    settings = Settings(config)
    loaded = settings.load()
    wrong = [finding for finding in plugins_of(loaded) if finding.wrong]
    for finding in wrong:
        typer.echo(f"{finding.what}: {finding.wrong} {finding.remedy}")
    if wrong:
        raise typer.Exit(2)
    typer.echo(f"{settings.path or 'The built-in configuration'} is good. Its hash is {loaded.hash}.")


@app.command()
def show(config: ConfigOption = None) -> None:
    """Show every key in force, defaults included."""
    from stepladder.interaction.layout import lines
    from stepladder.interaction.settings import Settings

    for key, value in lines(Settings(config).load()).items():
        typer.echo(f"{key} = {value}")


@app.command()
def diff(
    other: Annotated[Path, typer.Argument(help="The configuration to compare with.")],
    config: ConfigOption = None,
) -> None:
    """Show what would change with another configuration; the exit code is 1 where anything would."""
    from stepladder.interaction.layout import differences
    from stepladder.interaction.settings import Settings

    changed = differences(Settings(config).load(), Settings(other).load())
    for line in changed:
        typer.echo(line)
    if changed:
        raise typer.Exit(1)
    typer.echo("Nothing would change.")


def doctor(config: ConfigOption = None) -> None:
    """Look the installation over, and say what is wrong and what to do."""
    from stepladder.interaction.doctor import examine
    from stepladder.interaction.settings import Settings

    bad = 0
    for finding in examine(Settings(config)):
        bad += bool(finding.wrong)
        typer.echo(f"{'WRONG' if finding.wrong else 'ok':>5}  {finding.what}")
        if finding.wrong:
            typer.echo(f"       {finding.wrong} {finding.remedy}")
    typer.echo(f"{bad} things need a look." if bad else "All is well.")
    raise typer.Exit(1 if bad else 0)
