"""python -m stepladder.interaction.turn: the flywheel's process, started niced beside the server.

Its standard input is a pipe that the server holds: when the server is gone, however it went, the pipe ends and so does
this process.
"""

import argparse
import logging
import os
import signal
import sys
from pathlib import Path
from threading import Event, Thread

from stepladder.core import StepladderError
from stepladder.interaction.compose import open_store
from stepladder.interaction.settings import Settings
from stepladder.interaction.turning import assemble, turn

_NICE = 10


def main() -> int:
    """Turn until the server ends or asks. Returns the exit code: 2 when it cannot start."""
    parser = argparse.ArgumentParser(description="The flywheel's process; `stepladder serve` starts it.")
    parser.add_argument("--config", type=Path)
    chosen: Path | None = parser.parse_args().config
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if hasattr(os, "nice"):
        os.nice(_NICE)
    stopped = Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        settings = Settings(chosen)
        config = settings.load()
        store = open_store(settings, config)
    except StepladderError as error:
        sys.stderr.write(f"stepladder: {error}\n")
        return 2
    Thread(target=_end_with_the_server, args=(stopped,), daemon=True).start()
    try:
        turn(assemble(config, store, settings.releases(config)), store, config.tasks.values(), stopped)
    finally:
        store.close()
    return 0


def _end_with_the_server(stopped: Event) -> None:
    while os.read(0, 4096):
        pass
    stopped.set()
    # A fit may take minutes to notice; with nobody to serve there is nothing to lose by ending now.
    if not Event().wait(5.0):
        os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
