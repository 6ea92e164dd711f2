"""The text in a picture, Chinese and English alike, read on a CPU by PP-OCR's models, which the library brings along.

A picture is anybody's, and may be made to hurt: it is opened in a process of its own with a bound on memory and time. The
process starts with a picture, ends when none has come for a while, and with its parent; the next picture starts it again.
"""

import json
import os
import struct
import subprocess
import sys
import threading
from collections import OrderedDict
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from stepladder.core import BadRequest, MissingExtra, StepladderError

MOST_BYTES = 20 << 20
_MOST_PIXELS = 40_000_000
_MEMORY = 3 << 30  # of addresses; it holds under 1 GB
_SECONDS = 60.0
_IDLE_SECONDS = 600.0
_KEPT = 256
_WORKER = Path(__file__).with_name("picture_worker.py")
_HEAD = struct.Struct(">I")


class PictureRefused(BadRequest):
    """A picture that is broken, too large or of a kind that is not read (400)."""

    code = "picture_refused"


class PictureUnread(StepladderError):
    """A picture could not be read in time, or its reader gave up on it (503)."""

    status = 503
    code = "picture_unread"
    retryable = True


def require_pictures() -> None:
    """Raises MissingExtra where the library that reads pictures is not installed."""
    if any(find_spec(name) is None for name in ("rapidocr", "onnxruntime")):
        raise MissingExtra("Reading pictures", "pictures")


class PictureReader:
    """Reads one picture at a time; its methods block, and are safe in threads.

    The texts of the last pictures are remembered by the pictures' hashes: in a chat each question brings them again.
    """

    def __init__(self, seconds: float = _SECONDS, idle: float = _IDLE_SECONDS) -> None:
        """`seconds` is the limit for one picture, the process's start included; after `idle` without one the process ends."""
        self._seconds = seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._known: OrderedDict[bytes, str] = OrderedDict()
        self._idle = idle
        self._rest: threading.Timer | None = None

    def __del__(self) -> None:
        """Nobody can ask it any more."""
        self.close()

    def known(self, data: bytes) -> str | None:
        """The text of a picture that was read before; at once."""
        return self._known.get(_name(data))

    def read(self, data: bytes) -> str:
        """The picture's lines, from top to bottom; "" for none. Raises MissingExtra, PictureRefused, PictureUnread."""
        require_pictures()
        if not data or len(data) > MOST_BYTES:
            raise _refused(f"it has {len(data)} bytes; 1 to {MOST_BYTES} are read")
        name = _name(data)
        with self._lock:
            if name not in self._known:
                said = self._ask(data)
                self._rest_later()
                if said["refused"]:
                    raise _refused(said["refused"])
                self._known[name] = said["text"]
            self._known.move_to_end(name)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
            return self._known[name]

    def close(self) -> None:
        """End the process; a picture that comes later starts it anew."""
        if self._rest is not None:
            self._rest.cancel()
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()  # it holds nothing worth saving
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def _rest_later(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
        self._rest = threading.Timer(self._idle, self._end_idle)
        self._rest.daemon = True
        self._rest.start()

    def _end_idle(self) -> None:
        with self._lock:
            self.close()

    def _ask(self, data: bytes) -> dict[str, str]:
        process = self._started()
        late = threading.Event()

        def stop() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(self._seconds, stop)
        timer.start()
        try:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(_HEAD.pack(len(data)) + data)
            process.stdin.flush()
            head = _whole(process.stdout, _HEAD.size)
            said: dict[str, str] = json.loads(_whole(process.stdout, _HEAD.unpack(head)[0]))
        except (OSError, EOFError) as error:
            self.close()
            why = f"not within {self._seconds:g} s" if late.is_set() else "its reader gave up on it"
            raise PictureUnread(
                f"A picture could not be read: {why}.", remedy="Send it smaller, or ask again."
            ) from error
        finally:
            timer.cancel()
        return said

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
            environment["OMP_NUM_THREADS"] = "1"
            command = [sys.executable, "-P", str(_WORKER), str(_MEMORY), str(_MOST_PIXELS)]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd="/"
            )
        return self._process


def _whole(stream: IO[bytes], length: int) -> bytes:
    found = stream.read(length)
    if len(found) < length:
        raise EOFError
    return found


def _name(data: bytes) -> bytes:
    return blake2b(data, digest_size=24).digest()


def _refused(why: str) -> PictureRefused:
    return PictureRefused(f"A picture is not read: {why}.", param="messages", remedy="Send another.")
