"""A server process, from first line to last."""

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any

import uvicorn

from stepladder.core import Config, ConfigError, StepladderError
from stepladder.interaction.app import App
from stepladder.interaction.clean_logs import clean_logs
from stepladder.interaction.coalesce import CoalescingProtocol
from stepladder.interaction.compose import House
from stepladder.interaction.keeper import keep
from stepladder.interaction.settings import Settings
from stepladder.interaction.slow_clients import sweep
from stepladder.interaction.supervise import CANNOT_START, Child
from stepladder.interaction.versions import note_versions

Say = Callable[[str], None]

_UNWINDING_SECONDS = 2.0


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> int:
    """Run a server's coroutine with logging set up; the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for name in ("uvicorn", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    clean_logs()
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(main())
    except StepladderError as error:
        sys.stderr.write(f"stepladder: {error}\n")
        return CANNOT_START
    return 0


async def answer(
    house: House,
    listening: socket.socket,
    ready: Callable[[], None],
    *,
    children: Sequence[Child] = (),
    stop_with: int | None = None,
) -> None:
    """Answer what comes in on a socket until SIGTERM or SIGINT, and then what is under way.

    `children` are run beside; the end of the pipe `stop_with` stops the server as a signal does.
    """
    web = _Web(_wire(house))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, web.stop)
    if stop_with is not None:
        loop.add_reader(stop_with, web.stop)
    beside = [asyncio.create_task(work) for work in (house.watch(), keep(house), note_versions(house))]
    patience = sweep(lambda: web.server_state.connections, lambda: _patience(house))
    beside.append(asyncio.create_task(patience))
    loop.add_signal_handler(signal.SIGHUP, lambda: beside.append(asyncio.create_task(_reload(house))))
    ready()
    _collect_seldom()
    for child in children:
        house.changed.append(child.restart)
        beside.append(asyncio.create_task(child.run()))
    try:
        await web.serve(sockets=[listening])
        if web.server_state.tasks:
            await asyncio.wait(set(web.server_state.tasks), timeout=_UNWINDING_SECONDS)
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


def _wire(house: House) -> uvicorn.Config:
    server = house.gateway.snapshot.config.server
    return uvicorn.Config(
        App(house),
        http=CoalescingProtocol,
        loop="none",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        ssl_certfile=_pem(house, "tls_cert"),
        ssl_keyfile=_pem(house, "tls_key"),
        timeout_keep_alive=max(1, round(server.keep_alive_seconds)),
        timeout_graceful_shutdown=max(1, round(server.drain_seconds)),
    )


def _patience(house: House) -> tuple[float, float]:
    server = house.gateway.snapshot.config.server
    return server.request_seconds, server.stalled_seconds


def _pem(house: House, key: str) -> str | None:
    name: str = getattr(house.gateway.snapshot.config.server, key)
    return str(house.settings.beside(name)) if name else None


def _collect_seldom() -> None:
    """What is loaded now stays, and a request leaves few cycles behind; looking for them every 700 objects, as Python does by
    itself, is a good part of a request's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


async def _reload(house: House) -> None:
    await house.reload()


class _Web(uvicorn.Server):
    """uvicorn, leaving signals to us: its own way is to raise them again, which would skip our clean end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    def stop(self) -> None:
        """Finish what is under way and end; asked twice, end at once."""
        self.force_exit = self.should_exit
        self.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises ConfigError when the port is in use or the host is not ours."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind)
    except OSError as error:
        raise ConfigError(f"server.host {host!r}: {error.strerror}.", remedy='Try "127.0.0.1".') from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(2048)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise ConfigError(
            f"Cannot listen on {host} port {port}: {error.strerror}.",
            param="server.port",
            remedy="Stop what is listening there, or choose another: stepladder serve --port 0 takes a free one.",
        ) from error
    return listening


async def announce(config: Config, settings: Settings, listening: socket.socket, say: Say) -> None:
    """What is served, where."""
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    path = settings.path
    scheme = "https" if config.server.tls_cert else "http"
    say(f"Stepladder listens on {scheme}://{shown}:{port}/v1")
    say(f"Data: {settings.folder(config)}")
    say(
        f"Configuration: {path.absolute() if path else 'built in (stepladder init writes one to start from)'}"
    )
    names = [*config.tasks, *config.plans, *config.models]
    say(f"Tasks, plans and models: {', '.join(names) or 'none yet'}")


def welcome(admin: str | None, say: Say) -> None:
    """The last lines of a start; `admin` is the admin key where one was just made."""
    if admin is not None:
        say(f"Admin key, shown only this once: {admin}")
        say("Make a key for each client: stepladder key create NAME")
    say("Ready.")


def _loop_factory() -> Any:
    try:
        import uvloop
    except ImportError:  # Windows has none
        return None
    return uvloop.new_event_loop


def to_stdout(line: str) -> None:
    """A line for the user."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
