"""A bad configuration changes nothing, not even for a process that is started anew while the file is bad."""

import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from stepladder.store import Store
from tests.product import Product, eventually, mood, recorded, write_config
from tests.stories.test_serve import ANSWERS, ask

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc")


def children(product, module):
    """The process ids of the server's children that run a module of ours."""
    parent = product.process.pid
    found = []
    for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        try:
            line = Path(f"/proc/{child}/cmdline").read_text()
        except OSError:
            continue
        if f"stepladder.interaction.{module}" in line:
            found.append(int(child))
    return found


def turned(store):
    """The tasks that the flywheel has told its progress of."""
    return {stage.task for stage in store.progress.all()}


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_started_anew_while_the_file_is_bad_begins_with_what_is_in_force(tmp_path, workers):
    config = write_config(
        tmp_path, recorded(tmp_path, ANSWERS), mood(), server=f"flywheel = true\nworkers = {workers}"
    )
    good = config.read_text()
    with Product(config) as product:
        store = Store.open(f"sqlite:///{tmp_path / 'stepladder-data' / 'stepladder.db'}")
        eventually(lambda: turned(store) == {"mood"})
        (first,) = children(product, "turn")
        config.write_text(good + '\n[tasks.other]\ntop = "big"\nlables = ["a", "b"]\n')
        eventually(lambda: product.log().count("stays in force") == workers)
        assert children(product, "turn") == [first], (
            "nobody is started anew for a configuration that is not taken"
        )

        os.kill(first, signal.SIGKILL)
        eventually(lambda: children(product, "turn") not in ([], [first]))
        store.leases.release("flywheel", f"{socket.gethostname()}:{first}")
        killed = time.time()
        eventually(lambda: store.progress.all()[0].at > killed, 60)
        if workers > 1:
            before = children(product, "worker")
            os.kill(before[0], signal.SIGKILL)
            eventually(lambda: len(set(children(product, "worker")) - {before[0]}) == workers)
        assert {ask(product)[0] for _ in range(12)} == {200}
        assert "cannot turn" not in product.log()

        config.write_text(good + '\n[tasks.other]\ntop = "big"\nlabels = ["a", "b"]\n')
        eventually(lambda: turned(store) == {"mood", "other"}, 60)
        assert {ask(product, model="other")[0] for _ in range(12)} <= {200, 502}
        store.close()
