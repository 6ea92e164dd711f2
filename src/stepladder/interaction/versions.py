"""Beside the answers: when an upstream says that it is another version of its model now, that is written down."""

import asyncio
import logging

from stepladder.core import ModelConfig, StepladderError
from stepladder.interaction.compose import House
from stepladder.rollout import note_version

_log = logging.getLogger(__name__)
_EVERY_SECONDS = 5.0


async def note_versions(house: House, every: float = _EVERY_SECONDS) -> None:
    """Until cancelled: look what the models have said of themselves."""
    noted: dict[str, tuple[ModelConfig, str]] = {}
    while True:
        await asyncio.sleep(every)
        snapshot = house.gateway.snapshot
        for name, model in snapshot.models.items():
            version = getattr(getattr(model, "heard", None), "version", "")
            table = snapshot.config.models.get(name)
            if not version or table is None or noted.get(name) == (table, version):
                continue
            try:
                changed = await asyncio.to_thread(note_version, house.store, name, table, version)
            except StepladderError as error:
                _log.error("The version of model %s was not noted: %s", name, error)
                continue
            noted[name] = (table, version)
            if changed:
                _log.warning(
                    "Model %s says that it is %s now: what was certified against it is certified anew.",
                    name,
                    version,
                )
