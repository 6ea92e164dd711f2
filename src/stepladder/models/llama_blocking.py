"""llama.cpp's process asked without an event loop: one question at a time, by whoever may block."""

import http.client
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from stepladder.core import RungFailed
from stepladder.models.llama import Launch, LlamaProcess, cores

_SECONDS = 300.0


class BlockingLlama:
    """A GGUF file in a process that starts with the first question and ends with this object. Safe in threads.

    One conversation runs at a time, so that what is said does not depend on who else asks. `threads` 0 takes all cores
    but one. `adapters` are laid over it.
    """

    def __init__(
        self, path: Path, name: str, *, context: int, threads: int = 0, adapters: Sequence[Path] = ()
    ) -> None:
        launch = Launch(
            name=name,
            path=str(path),
            context=context,
            threads=threads or max(1, cores() - 1),
            parallel=1,
            connections=4,
            adapters=tuple(map(str, adapters)),
        )
        self._name = name
        self._process = LlamaProcess(launch)
        self._lock = threading.Lock()

    def ask(self, path: str, body: Any) -> tuple[int, bytes]:
        """POST `body` as JSON: HTTP status and what came back. Raises RungFailed."""
        with self._lock:
            address = urlsplit(self._process.start())
            connection = http.client.HTTPConnection(address.netloc, timeout=_SECONDS)
            try:
                headers = {**self._process.headers, "content-type": "application/json"}
                connection.request("POST", path, json.dumps(body).encode(), headers)
                response = connection.getresponse()
                return response.status, response.read()
            except (OSError, http.client.HTTPException) as error:
                raise RungFailed(
                    self._name, f"llama.cpp's process broke off ({type(error).__name__})."
                ) from error
            finally:
                connection.close()

    def memory(self) -> int:
        """The most bytes that its process has held; 0 where it does not run, or the system does not tell."""
        try:
            told = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        except OSError:
            return 0
        found = [line.split()[1] for line in told.splitlines() if line.startswith("VmHWM:")]
        return int(found[0]) * 1024 if found else 0

    def close(self) -> None:
        """End the process; asking again starts it anew."""
        self._process.stop()
