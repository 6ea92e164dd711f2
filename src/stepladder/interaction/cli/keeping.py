"""stepladder backup and restore."""

from pathlib import Path
from typing import Annotated

import typer

from stepladder.interaction.cli.options import ConfigOption


def backup(
    destination: Annotated[Path, typer.Argument(help="The archive to write, such as stepladder.tar.gz.")],
    config: ConfigOption = None,
) -> None:
    """Write the ledger, the keys' hashes and the releases into one archive. The server may go on."""
    from stepladder import store

    url, releases = _where(config)
    manifest = store.backup(url, releases, destination)
    size = sum(file.bytes for file in manifest.files.values())
    typer.echo(f"Wrote {destination}: {len(manifest.files)} files, {size / 1e6:.1f} MB before compression.")


def restore(
    source: Annotated[Path, typer.Argument(help="An archive that `stepladder backup` wrote.")],
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    config: ConfigOption = None,
) -> None:
    """Put an archive back: all of it, or nothing. The server must not run."""
    from stepladder import store

    url, releases = _where(config)
    manifest = store.restore(source, url, releases, force=force)
    typer.echo(f"Restored {len(manifest.files)} files into {releases.parent}.")


def _where(path: Path | None) -> tuple[str, Path]:
    from stepladder.interaction.settings import Settings

    settings = Settings(path)
    config = settings.load()
    return settings.store_url(config), settings.releases(config)
