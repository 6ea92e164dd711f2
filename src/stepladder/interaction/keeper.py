"""Housekeeping beside the answers: what has been kept long enough goes, one worker at a time."""

import asyncio
import logging
import os
import socket

from stepladder.core import StepladderError
from stepladder.interaction.compose import House
from stepladder.interaction.retaining import retain

_log = logging.getLogger(__name__)
_LEASE = "keeping"
_FIRST_SECONDS = 30.0
_EVERY_SECONDS = 3600.0


async def keep(house: House) -> None:
    """Until cancelled: look every hour what is over."""
    await asyncio.sleep(_FIRST_SECONDS)
    while True:
        try:
            await asyncio.to_thread(tidy_up, house)
        except StepladderError as error:
            _log.error("What is over was not taken out: %s", error)
        await asyncio.sleep(_EVERY_SECONDS)


def tidy_up(house: House) -> int:
    """Take out what is over; how much it was. 0 where another worker does it, or has just done it."""
    store, config = house.store, house.gateway.snapshot.config
    if not store.leases.take(_LEASE, _holder(), _EVERY_SECONDS / 2):
        return 0
    store.leases.sweep()
    done = retain(store, house.settings, config, house.clock, lambda: _mine(house))
    if done:
        _log.info("Taken out: %s.", ", ".join(f"{count} {name}" for name, count in done.items()))
    return sum(done.values())


def _mine(house: House) -> bool:
    """Whether the lease is still ours, for as long again."""
    return house.store.leases.take(_LEASE, _holder(), _EVERY_SECONDS / 2)


def _holder() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"
