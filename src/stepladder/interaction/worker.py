"""One of several workers: `python -m stepladder.interaction.worker`, started by `stepladder serve --workers N`."""

import argparse
import socket
import sys
from pathlib import Path

from stepladder.interaction.compose import House
from stepladder.interaction.serve import answer, run
from stepladder.interaction.settings import Settings


def main() -> int:
    """Answer until SIGTERM comes or the parent is gone, which holds the other end of our standard input."""
    arguments = argparse.ArgumentParser(prog="stepladder.interaction.worker")
    arguments.add_argument("--config", type=Path)
    arguments.add_argument("--in-force", type=Path)
    arguments.add_argument("--socket", type=int, required=True)
    given = arguments.parse_args()

    async def work() -> None:
        house = await House.open(Settings(given.config, given.in_force), several=True)
        try:
            with socket.socket(fileno=given.socket) as listening:
                await answer(house, listening, _ready, stop_with=0)
        finally:
            await house.close()

    return run(work)


def _ready() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
