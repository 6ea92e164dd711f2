"""Several workers on one machine: one listening socket, a process for each, and this one, which looks after them."""

import asyncio
import signal
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from stepladder.core import Config, ConfigError, StepladderError
from stepladder.interaction.first_start import first_admin_key
from stepladder.interaction.opening import open_store, shared_answers_file
from stepladder.interaction.serve import Say, announce, welcome
from stepladder.interaction.settings import Settings
from stepladder.interaction.supervise import Child, FlywheelProcess, InForce, SourcesProcess, WorkerProcess
from stepladder.store import SharedAnswers

_LOOK_SECONDS = 0.5
_AFTER_DRAIN_SECONDS = 10.0


async def supervise(settings: Settings, listening: socket.socket, count: int, say: Say) -> None:
    """Run `count` workers and the flywheel until SIGTERM or SIGINT; a worker that dies is started again.

    Raises ConfigError or StoreError when it cannot start. Workers end by themselves when this process is killed.
    """
    config = settings.load()
    admin = await asyncio.to_thread(_prepare, settings, config)
    await announce(config, settings, listening, say)
    patience = config.server.drain_seconds * 2 + _AFTER_DRAIN_SECONDS
    known = InForce(settings.path, settings.in_force(config))
    workers = [WorkerProcess(number, known, listening.fileno(), patience) for number in range(1, count + 1)]
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def reload() -> None:
        for worker in workers:
            worker.reload()

    loop.add_signal_handler(signal.SIGHUP, reload)
    running = [asyncio.create_task(worker.run()) for worker in workers]
    children: list[Child] = [SourcesProcess(known, lambda: _has_sources(known))]
    if config.server.flywheel:
        children.append(FlywheelProcess(known))
    running += [asyncio.create_task(child.run()) for child in children]
    running.append(asyncio.create_task(_watch(known.held, children)))
    try:
        await _until(stop, workers, lambda: welcome(admin, say))
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        SharedAnswers.fresh(shared_answers_file(settings, config))
    say("Stopped.")


async def _until(stop: asyncio.Event, workers: list[WorkerProcess], ready: Callable[[], None]) -> None:
    """Until it is to stop. Raises ConfigError where a worker cannot start at all."""
    stopped, all_ready = asyncio.create_task(stop.wait()), asyncio.create_task(_all_ready(workers))
    unable = [asyncio.create_task(worker.unable.wait()) for worker in workers]
    try:
        await asyncio.wait((all_ready, stopped, *unable), return_when=asyncio.FIRST_COMPLETED)
        if all_ready.done():
            ready()
        elif not stopped.done():
            raise ConfigError("No worker can start.", remedy="What it said above tells why.")
        await stopped
    finally:
        for task in (stopped, all_ready, *unable):
            task.cancel()


async def _all_ready(workers: list[WorkerProcess]) -> None:
    for worker in workers:
        await worker.ready.wait()


def _prepare(settings: Settings, config: Config) -> str | None:
    """Make or migrate the database before anybody opens it, and the admin key if there is none."""
    store = open_store(settings, config)
    for left in (settings.folder(config) / "metrics").glob("*.json"):  # counters begin with the server
        left.unlink(missing_ok=True)
    SharedAnswers.fresh(shared_answers_file(settings, config))  # and so do answers that were kept
    try:
        settings.hold(config)
        return first_admin_key(store)
    finally:
        store.close()


def _has_sources(known: InForce) -> bool:
    try:
        return bool(Settings(known.config, known.held).load().knowledge.sources)
    except StepladderError:
        return False


async def _watch(held: Path, children: Sequence[Child]) -> None:
    """The workers look after their configuration themselves; what they have taken, the other processes are started with."""
    before = _text(held)
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        if (now := _text(held)) != before:
            before = now
            for child in children:
                child.restart()


def _text(held: Path) -> str:
    try:
        return held.read_text(encoding="utf-8")
    except FileNotFoundError:  # built in
        return ""
