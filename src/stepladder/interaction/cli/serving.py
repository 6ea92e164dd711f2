"""stepladder serve, init and status."""

from pathlib import Path
from typing import Annotated

import typer

from stepladder.interaction.cli.options import ConfigOption, opened


def serve(
    config: ConfigOption = None,
    host: Annotated[str | None, typer.Option(help="Instead of server.host.")] = None,
    port: Annotated[int | None, typer.Option(help="Instead of server.port; 0 takes a free one.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=32, help="Processes that answer, instead of server.workers.")
    ] = None,
) -> None:
    """Start the gateway and, beside it, the flywheel."""
    from stepladder.interaction.launch import serve as run

    raise typer.Exit(run(config, host=host, port=port, workers=workers))


def init(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path("stepladder.toml"),
    force: Annotated[bool, typer.Option("--force", help="Replace the file that is there.")] = False,
) -> None:
    """Write a commented configuration to start from."""
    from importlib import resources

    from stepladder.core import ConfigError

    if path.exists() and not force:
        raise ConfigError(f"There is a file at {path} already.", remedy="Name another, or give --force.")
    text = (
        resources.files("stepladder.interaction.cli").joinpath("stepladder.toml").read_text(encoding="utf-8")
    )
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"Cannot write {path}: {error.strerror}.", remedy="Check the folder and its rights."
        ) from error
    typer.echo(f"Wrote {path}. Edit it, then run: stepladder serve --config {path}")


def status(config: ConfigOption = None) -> None:
    """Show each task: mode, release, calls avoided, agreement, cost, and what the flywheel does."""
    from rich.console import Console

    from stepladder.interaction.cli.shown import sheet
    from stepladder.rollout import how_inputs_stand

    with opened(config) as place:
        if not place.config.tasks:
            typer.echo(
                "No task is configured. `stepladder init` writes a configuration with one to start from."
            )
            return
        store = place.store
        stages = {stage.task: stage for stage in store.progress.all()}
        table = sheet(
            "task",
            "mode",
            "live",
            "answers",
            "avoided",
            "agreement",
            "drift",
            "cost",
            "all on top",
            "flywheel",
        )
        for name, task in place.config.tasks.items():
            found = store.ledger.summary(name)
            stage = stages.get(name)
            table.add_row(
                name,
                (store.switches.get(name) or task.mode).value,
                store.rollouts.get(name).live or "top alone",
                f"{found.answers:,}",
                _share(found.avoided),
                _share(found.agreement),
                ", ".join(one.kind for one in how_inputs_stand(store, name) if one.alarmed),
                f"{found.cost:.4f}",
                "" if found.cost_if_top is None else f"{found.cost_if_top:.4f}",
                f"{stage.stage} {stage.done}/{stage.total} {stage.message}" if stage else "",
            )
    Console().print(table)


def _share(value: float | None) -> str:
    return "not known yet" if value is None else f"{value:.1%}"
