"""Two processes on one file: rows of both are there, and only one of them wins what only one may have."""

import json
import subprocess
import sys

from stepladder.core import Rollout
from stepladder.store import Store
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


def test_two_processes_write_one_file(url):
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, url, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name in ("server", "flywheel")
    ]
    for child in children:
        assert child.stdout.readline() == "ready\n"  # both have opened a database that was not there
    found = []
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
