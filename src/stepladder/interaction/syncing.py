"""The process that keeps documents up with their sources: `python -m stepladder.interaction.syncing`, beside the server.

Each source is visited when its time has come, one visit of a source at a time. What goes wrong with one is logged, and
does not stop the others.
"""

import asyncio
import logging
import sys
from pathlib import Path

from stepladder.core import Config, Progress, SourceConfig, StepladderError
from stepladder.interaction.beside import run_beside
from stepladder.interaction.knowing import open_knowledge
from stepladder.interaction.opening import open_store
from stepladder.interaction.settings import Settings
from stepladder.knowledge import Knowledge, Outcome, keep_up, open_source

_log = logging.getLogger("stepladder.sources")
_MOST_LOGGED = 20


async def visit(
    knowledge: Knowledge,
    name: str,
    given: SourceConfig,
    home: Path,
    progress: Progress,
    emptied: bool = False,
) -> Outcome:
    """Visit a source once; new passages get their vectors where there is an embedder, after they can be found by words.

    `emptied` says that it has nothing where it shows nothing. Raises StepladderError.
    """
    async with open_source(name, given, home) as source:
        outcome = await keep_up(knowledge, name, given, source, progress, emptied)
    if knowledge.embedder is not None and (outcome.added or outcome.updated):
        await asyncio.to_thread(knowledge.embed, given.collection, tenant=given.tenant, progress=progress)
    return outcome


async def follow(
    knowledge: Knowledge, name: str, given: SourceConfig, settings: Settings, config: Config
) -> None:
    """Visit a source again and again, until cancelled. What it refused is logged once, as long as it stays the same.

    A source that is lost, or found again, is for the journal too.
    """
    told: set[str] = set()
    lost = ""
    while True:
        try:
            outcome = await visit(knowledge, name, given, settings.home, _quietly)
        except StepladderError as error:
            _tell({f"{name}: {error}"}, told)
        else:
            if outcome.changed:
                _log.info("%s: %s.", name, outcome)
            refused = [one for one in outcome.refused if not one.harmless][:_MOST_LOGGED]
            _tell({f"{name}: {one.where}: {one.reason}" for one in refused}, told)
            if outcome.lost != lost and await asyncio.to_thread(
                _noted, settings, config, f"{name}: {outcome.lost or 'is there again'}"
            ):
                lost = outcome.lost
        await asyncio.sleep(given.seconds)


def _tell(troubles: set[str], told: set[str]) -> None:
    for trouble in sorted(troubles - told):
        _log.warning("%s", trouble)
    told.clear()
    told.update(troubles)


def _noted(settings: Settings, config: Config, said: str) -> bool:
    """Write it into the journal; False, to be tried again, where that cannot be done."""
    try:
        store = open_store(settings, config)
        try:
            store.journal.note("server", "source", said)
        finally:
            store.close()
    except StepladderError as error:
        _log.error("The journal does not know of %s: %s", said, error)
        return False
    return True


def _quietly(done: int, total: int, what: str) -> None:
    """Nobody watches."""


def main() -> int:
    """Follow every source of the configuration until the parent is gone or SIGTERM comes."""
    return run_beside("syncing", _log, "Sources cannot be visited", _follow_all)


def _follow_all(settings: Settings) -> None:
    config = settings.load()
    knowledge = open_knowledge(settings, config)
    try:
        asyncio.run(_all(settings, config, knowledge))
    finally:
        knowledge.close()


async def _all(settings: Settings, config: Config, knowledge: Knowledge) -> None:
    if not config.knowledge.sources:
        await asyncio.Event().wait()
    async with asyncio.TaskGroup() as group:
        for name, given in config.knowledge.sources.items():
            group.create_task(follow(knowledge, name, given, settings, config))


if __name__ == "__main__":
    sys.exit(main())
