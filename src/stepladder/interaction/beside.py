"""A process beside the server: niced, since answers come first, and gone when the server is, however that ends."""

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from stepladder.core import StepladderError
from stepladder.interaction.clean_logs import clean_logs
from stepladder.interaction.settings import Settings

_NICENESS = 10


def run_beside(module: str, log: logging.Logger, trouble: str, work: Callable[[Settings], None]) -> int:
    """Work until the parent is gone or SIGTERM comes; the exit code, 1 where the work cannot be done.

    `trouble` is what `log` says before the error.
    """
    arguments = argparse.ArgumentParser(prog=f"stepladder.interaction.{module}")
    arguments.add_argument("--config", type=Path)
    arguments.add_argument("--in-force", type=Path)
    given = arguments.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    clean_logs()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then ends us
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    try:
        work(Settings(given.config, given.in_force))
    except StepladderError as error:
        log.error("%s: %s", trouble, error)
        return 1
    return 0


def _end_with_parent() -> None:
    """The server holds the other end of our standard input: it ends with the server, however that ends."""
    # Not through sys.stdin, whose lock would be held when this process ends by itself.
    while os.read(0, 1):
        pass
    os._exit(0)  # at once: every step can be taken again
