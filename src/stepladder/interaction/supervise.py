"""The flywheel's process: started niced beside the server, started again when it dies, ended with the server."""

import asyncio
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path

_log = logging.getLogger(__name__)
_LONGEST_PAUSE = 60.0
_HEALTHY_SECONDS = 60.0
_PATIENCE_SECONDS = 5.0


class FlywheelProcess:
    """One child at a time. It holds the read end of a pipe, so that it notices even when we are killed."""

    def __init__(self, config: Path | None) -> None:
        named = ["--config", str(config)] if config is not None else []
        self._command = [sys.executable, "-m", "stepladder.interaction.turn", *named]
        self._child: asyncio.subprocess.Process | None = None
        self._asked = asyncio.Event()

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
        pause = 1.0
        loop = asyncio.get_running_loop()
        try:
            while True:
                self._asked.clear()
                started = loop.time()
                code = await self._once()
                if self._asked.is_set():
                    continue
                if loop.time() - started > _HEALTHY_SECONDS:
                    pause = 1.0
                _log.warning("The flywheel ended with code %s; another starts in %.0f s.", code, pause)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._asked.wait(), pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
        finally:
            await self._end()

    async def _once(self) -> int:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._child = await asyncio.create_subprocess_exec(
            *self._command, stdin=asyncio.subprocess.PIPE, env=environment, start_new_session=True
        )
        return await self._child.wait()

    async def _end(self) -> None:
        child = self._child
        if child is None or child.returncode is not None:
            return
        self._signal()
        try:
            await asyncio.wait_for(child.wait(), _PATIENCE_SECONDS)
        except TimeoutError:
            child.kill()
            await child.wait()

    def _signal(self) -> None:
        if self._child is not None and self._child.returncode is None:
            with suppress(ProcessLookupError):
                self._child.terminate()
