"""stepladder release publish: runs and versions in the tracker that the rest of the house uses."""

from typing import Annotated

import typer

from stepladder.interaction.cli.options import ConfigOption, opened


def publish(
    to: Annotated[str, typer.Option(help="Address of an MLflow; without it that of [tracker].")] = "",
    task: Annotated[str | None, typer.Option(help="Releases of this task only.")] = None,
    config: ConfigOption = None,
) -> None:
    """Show releases in a tracker: a run and a version of each, and which is live. What is there already stays."""
    from stepladder.interaction.tracking import open_publisher, tracker_config

    with opened(config) as place:
        wanted = tracker_config(place.config.tracker, to)
        publisher = open_publisher(place.store, place.folder / "releases", wanted)
        new = publisher.publish(task)
    for id in new:
        print(id)
    print(f"{len(new)} new in {wanted.kind}.")


TrackOption = Annotated[str, typer.Option(help="Address of an MLflow that every step is told to.")]
