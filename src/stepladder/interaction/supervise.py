"""Processes of ours: started beside the server or by it, started again when they die, ended with it."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_log = logging.getLogger(__name__)
CANNOT_START = 2
"""The exit code of a server with a configuration, a store or a port that it cannot use; it has said why."""
_LONGEST_PAUSE = 60.0
_HEALTHY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class InForce:
    """The configuration's file, and the file with what the server has taken of it: a child begins with that."""

    config: Path | None
    held: Path


class Child:
    """One child at a time. It holds the read end of a pipe, so that it notices even when we are killed."""

    def __init__(
        self, name: str, module: str, known: InForce, more: Sequence[str] = (), *, patience: float = 5.0
    ) -> None:
        """`module` is run as a program; `patience` is how many seconds it may take to end."""
        named = ["--config", str(known.config), "--in-force", str(known.held)] if known.config else []
        self._name = name
        self._command = [sys.executable, "-m", module, *named, *more]
        self._patience = patience
        self._child: asyncio.subprocess.Process | None = None
        self._asked = asyncio.Event()

    first_pause = 1.0

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return self._child.pid if self._child is not None and self._child.returncode is None else None

    def restart(self) -> None:
        """End the child; `run` starts another at once."""
        self._asked.set()
        self._signal()

    async def run(self) -> None:
        """Until cancelled: keep one running."""
        pause = self.first_pause
        loop = asyncio.get_running_loop()
        try:
            while True:
                self._asked.clear()
                started = loop.time()
                code = await self._once()
                if self._asked.is_set():
                    continue
                if loop.time() - started > _HEALTHY_SECONDS:
                    pause = self.first_pause
                _log.warning("%s ended with code %s; another starts in %.1f s.", self._name, code, pause)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._asked.wait(), pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
        finally:
            await self._end()

    async def _once(self) -> int:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        child = self._child = await self._start(environment)
        await self._begun(child)
        return await child.wait()

    async def _begun(self, child: asyncio.subprocess.Process) -> None:
        """It has been started."""

    async def _start(self, environment: dict[str, str]) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self._command, stdin=asyncio.subprocess.PIPE, env=environment, start_new_session=True
        )

    async def _end(self) -> None:
        child = self._child
        if child is None or child.returncode is not None:
            return
        self._signal()
        try:
            await asyncio.wait_for(child.wait(), self._patience)
        except TimeoutError:
            child.kill()
            await child.wait()

    def _signal(self, number: int = signal.SIGTERM) -> None:
        if self._child is not None and self._child.returncode is None:
            with suppress(ProcessLookupError):
                self._child.send_signal(number)


class FlywheelProcess(Child):
    """The flywheel, niced."""

    def __init__(self, known: InForce) -> None:
        super().__init__("The flywheel", "stepladder.interaction.turn", known)


class SourcesProcess(Child):
    """What keeps documents up with their sources, niced; started once the configuration names a source."""

    def __init__(self, known: InForce, wanted: Callable[[], bool]) -> None:
        super().__init__("The visitor of sources", "stepladder.interaction.syncing", known)
        self._wanted = wanted

    async def run(self) -> None:
        """Until cancelled: keep one running, from the first `restart` on where there were no sources before."""
        while not self._wanted():
            await self._asked.wait()
            self._asked.clear()
        await super().run()


class WorkerProcess(Child):
    """One of several servers on the same listening socket. It says a line when it is ready.

    `unable` is set where it says that it cannot start, before any of it was ever ready.
    """

    first_pause = 0.1

    def __init__(self, number: int, known: InForce, socket: int, patience: float) -> None:
        super().__init__(
            f"Worker {number}",
            "stepladder.interaction.worker",
            known,
            ["--socket", str(socket)],
            patience=patience,
        )
        self.ready = asyncio.Event()
        self.unable = asyncio.Event()
        self._was_ready = False
        self._socket = socket

    def reload(self) -> None:
        """Have it read its configuration again."""
        self._signal(signal.SIGHUP)

    async def _once(self) -> int:
        try:
            code = await super()._once()
            if code == CANNOT_START and not self._was_ready:
                self.unable.set()
            return code
        finally:
            self.ready.clear()

    async def _start(self, environment: dict[str, str]) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
            start_new_session=True,
            pass_fds=(self._socket,),
        )

    async def _begun(self, child: asyncio.subprocess.Process) -> None:
        assert child.stdout is not None
        if await child.stdout.readline():
            self._was_ready = True
            self.ready.set()
