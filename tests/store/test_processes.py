"""Two processes on one file: rows of both are there, and only one of them wins what only one may have."""

import json
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from stepladder.core import Rollout
from stepladder.store import Store
from stepladder.store.database import sqlite_file
from tests.store.samples import row

CHILD = """
import asyncio, json, sys
from stepladder.core import Rollout
from stepladder.store import LedgerRow, RolloutConflict, Store

url, name = sys.argv[1:]
store = Store.open(url)
print("ready", flush=True)
sys.stdin.readline()

async def rows():
    await asyncio.gather(*(store.ledger.commit(LedgerRow(f"{name}-{n}", 1.0, "", "mood", "", "")) for n in range(300)))

asyncio.run(rows())
won = 0
for _ in range(30):
    try:
        store.rollouts.put(store.rollouts.get("mood"), "because", name)
        won += 1
    except RolloutConflict:
        pass
numbers = [store.catalogue.next_number("mood") for _ in range(30)]
lease = store.leases.take("flywheel", name, 60)
store.close()
print(json.dumps({"won": won, "numbers": numbers, "lease": lease}))
"""


@contextmanager
def _child(url, name):
    command = [sys.executable, "-c", CHILD, url, name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            child.kill()  # where a check has failed; one that has ended does not mind


def test_a_new_file_is_opened_while_another_process_holds_it(url):
    path = sqlite_file(url)
    path.parent.mkdir(parents=True)
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")  # as a process does that changes the journal's mode
    holder.execute("CREATE TABLE alembic_version (version_num)")
    release = threading.Timer(0.3, holder.rollback)
    release.start()
    Store.open(url).close()
    release.join()
    holder.close()


def test_many_threads_open_a_new_file_at_once(url):
    gate = threading.Barrier(8)

    def open_one(_):
        gate.wait()
        Store.open(url).close()

    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(open_one, range(8)))) == 8


def test_two_processes_write_one_file(url):
    found = []
    with ExitStack() as open_children:
        children = [open_children.enter_context(_child(url, name)) for name in ("server", "flywheel")]
        for child in children:
            assert child.stdout.readline() == "ready\n"  # both have opened a database that was not there
        for child in children:
            child.stdin.write("go\n")
            child.stdin.flush()
        for child in children:
            found.append(json.loads(child.communicate()[0]))
            assert child.returncode == 0
    store = Store.open(url)
    assert store.ledger.last_seq() == 600
    assert sorted(found[0]["numbers"] + found[1]["numbers"]) == list(range(1, 61))
    assert store.rollouts.get("mood").version == found[0]["won"] + found[1]["won"]
    assert len(store.rollouts.history("mood")) == store.rollouts.get("mood").version
    assert sorted(child["lease"] for child in found) == [False, True]
    store.close()


def test_the_stamp_sees_the_other_sides_changes(store, second):
    before = store.stamp()
    assert second.stamp() == before
    second.rollouts.put(Rollout("mood", live="L1"), "first")
    assert store.stamp() == second.stamp() != before
    second.ledger.write_many([row(1)])
    second.set_setting("seed", "x")
    second.progress.report("mood", "fit", 1, 2)
    second.turns.put("mood", {})
    assert store.stamp() == second.stamp()
