"""stepladder release publish: runs and versions in the tracker that the rest of the house uses."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stepladder.interaction.cli.options import ConfigOption, PurposeOption, caller, opened, reading

if TYPE_CHECKING:
    from stepladder.core import Followed


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


def share(purpose: PurposeOption = "", config: ConfigOption = None) -> None:
    """Put every release whose files are here at the address of [artefacts], unless it is there.

    The journal says who did, and why.
    """
    from stepladder.core import BadRequest
    from stepladder.interaction.cli.releases import shelf

    with opened(config) as place:
        reading(place, purpose, "release share")
    with shelf(config) as here:
        if not here.registry.shares:
            raise BadRequest(
                "No address is configured.", param="artefacts.url", remedy="Set [artefacts] url."
            )
        there = [one for one in here.keeping.all() if here.registry.place(one).is_dir()]
        for release in there:
            here.registry.share(release)
        here.store.journal.note(caller(), "release", f"shared {len(there)} at the address of [artefacts]")
    print(f"{len(there)} releases are there.")


TrackOption = Annotated[str, typer.Option(help="Address of an MLflow that every step is told to.")]


@contextmanager
def followers(track: str, config: Path | None) -> "Iterator[Mapping[str, Followed]]":
    """Who is told of a run, by what people call them: a tracker's address, and a configuration's ledger."""
    from stepladder.core import TrackerConfig
    from stepladder.interaction.tracking import open_tracker

    with ExitStack() as stack:
        found: dict[str, Followed] = {}
        if track:
            found["tracker"] = open_tracker(TrackerConfig("mlflow", track))
        if config is not None:
            found["ledger"] = stack.enter_context(opened(config)).store.runs
        yield found
