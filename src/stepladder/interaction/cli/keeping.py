"""stepladder backup and restore."""

from pathlib import Path
from typing import Annotated

import typer

from stepladder.core import checked_purpose
from stepladder.interaction.cli.options import ConfigOption, PurposeOption, caller
from stepladder.interaction.settings import Settings


def backup(
    destination: Annotated[Path, typer.Argument(help="The archive to write, such as stepladder.tar.gz.")],
    purpose: PurposeOption = "",
    config: ConfigOption = None,
) -> None:
    """Write the ledger, the keys' hashes and the releases into one archive. The server may go on.

    The journal says who did, and why. The database is taken as it is, also an older one.
    """
    from stepladder import store

    settings = Settings(config)
    wanted = settings.load()
    said = checked_purpose(purpose, wanted.privacy.purposes, "--purpose")
    url, releases = settings.store_url(wanted), settings.releases(wanted)
    manifest = store.backup(url, releases, destination, who=caller(), what=f"read for {said!r}")
    size = sum(file.bytes for file in manifest.files.values())
    typer.echo(f"Wrote {destination}: {len(manifest.files)} files, {size / 1e6:.1f} MB before compression.")


def restore(
    source: Annotated[Path, typer.Argument(help="An archive that `stepladder backup` wrote.")],
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    config: ConfigOption = None,
) -> None:
    """Put an archive back: all of it, or nothing. The server must not run.

    The journal that comes back says who did, and where the one that it replaces had ended.
    """
    from stepladder import store

    settings = Settings(config)
    wanted = settings.load()
    url, releases = settings.store_url(wanted), settings.releases(wanted)
    manifest = store.restore(source, url, releases, force=force, who=caller())
    typer.echo(f"Restored {len(manifest.files)} files into {releases.parent}.")
