"""A model in an event loop and a thread of its own: for a rung that is asked from several loops, and from none."""

import asyncio
import threading
import weakref
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

from stepladder.core import Model, plugins

T = TypeVar("T")
_SECONDS = 30.0  # for a model to let go of its connections


class AsideModel:
    """Opens the model of a table (`kind` and its own settings) with the first work. Safe to use from several threads."""

    def __init__(self, name: str, settings: Mapping[str, Any]) -> None:
        self._name, self._settings = name, settings
        self._here = _Here()
        weakref.finalize(self, self._here.end)

    def begin(self, work: Callable[[Model], Awaitable[T]]) -> "Future[T]":
        """Begin the work; cancelling the future cancels it. It raises what opening the model and the work raise."""

        async def run() -> T:
            if self._here.model is None:
                table = dict(self._settings)
                opener = plugins.find(plugins.MODELS, str(table.pop("kind", "chat")))
                self._here.model = opener.open(self._name, table)
            return await work(self._here.model)

        return asyncio.run_coroutine_threadsafe(run(), self._here.loop())

    def close(self) -> None:
        """Let go of the model, the loop and the thread; more work starts them anew."""
        self._here.end()


class _Here:
    """The loop with its thread, and the model that lives there."""

    def __init__(self) -> None:
        self.model: Model | None = None
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="aside", daemon=True)
                self._thread.start()
            return self._loop

    def end(self) -> None:
        with self._lock:
            loop, thread, model = self._loop, self._thread, self.model
            self._loop = self._thread = self.model = None
        if loop is None or thread is None:
            return
        if thread is threading.current_thread():  # the collector came by there: nobody may wait for itself
            loop.stop()
            return
        if model is not None:
            asyncio.run_coroutine_threadsafe(_closed(model), loop).result(_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_SECONDS)
        loop.close()


async def _closed(model: Model) -> None:
    await model.close()
