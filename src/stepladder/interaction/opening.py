"""The store of a configuration, opened: where it lies, and how what people say is kept in it."""

import os
from pathlib import Path

from stepladder.core import Config, Deed, Privacy, StoreError
from stepladder.interaction.settings import Settings
from stepladder.privacy import SealedKeys
from stepladder.safety import kept
from stepladder.store import Keep, SharedAnswers, Store

_ELSEWHERE = "Give it the right owner, or name another folder in server.data."
_DAY = 86_400.0


def open_store(settings: Settings, config: Config) -> Store:
    """The store of a configuration, its folder made if need be. Raises StoreError naming the folder and the remedy.

    Raises ConfigError or MissingExtra where texts are sealed, or are to be, and the key is not to be had.
    """
    folder = settings.folder(config)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK | os.X_OK)
    except OSError as error:
        raise StoreError(
            f"Cannot make the data folder {folder}: {error.strerror}.", remedy=_ELSEWHERE
        ) from error
    if not writable:
        raise StoreError(f"The data folder {folder} cannot be written.", remedy=_ELSEWHERE)
    ledger = config.ledger
    return Store.open(
        settings.store_url(config),
        durability=ledger.durability,
        queue=ledger.queue,
        keep=keep_of(config.privacy, int(ledger.compress_over_kb * 1024)),
    )


def keep_of(privacy: Privacy, pack_over: int) -> Keep:
    """How words are kept. Raises ConfigError or MissingExtra for keys that are not to be had."""
    sealing = privacy.sealing
    envelope = SealedKeys(sealing) if sealing.key else None
    return Keep(pack_over, kept(privacy), envelope, sealing.rotate_days * _DAY)


def shared_answers_file(settings: Settings, config: Config) -> Path:
    """Where workers keep answers for each other."""
    return settings.folder(config) / "answers.db"


def open_shared_answers(settings: Settings, config: Config) -> SharedAnswers | None:
    """What workers keep for each other; None where texts are to be sealed or changed before they are on a disk."""
    if config.privacy.sealing.key or config.privacy.personal is not Deed.PASS:
        return None
    return SharedAnswers(shared_answers_file(settings, config))
