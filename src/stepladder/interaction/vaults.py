"""Vaults of conversations, out of the configuration."""

from stepladder.core import Clock, Config
from stepladder.privacy import SealedVaults
from stepladder.store import Store


def open_vaults(store: Store, config: Config, clock: Clock) -> SealedVaults | None:
    """The vaults of a configuration, None where it names no key. Raises ConfigError, MissingExtra."""
    wanted = config.guards.overall
    if not wanted.vault_key:
        return None
    hours = 24.0 if wanted.vault_hours is None else wanted.vault_hours
    return SealedVaults(store.vaults, wanted.vault_key, clock=clock, lifetime=hours * 3600)
