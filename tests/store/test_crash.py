"""kill -9 while rows are committed: whatever was acknowledged is in the ledger afterwards."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from stepladder.store import Store

CHILD = """
import asyncio, sys
from stepladder.store import LedgerRow, Store

store = Store.open(sys.argv[1])
start = store.ledger.last_seq()

async def client(name):
    for number in range(100_000):
        id = f"{start}-{name}-{number}"
        await store.ledger.commit(LedgerRow(id, 1.0, "acme", "mood", "gpt", "text " * 50))
        print(id, flush=True)

async def main():
    await asyncio.gather(*(client(name) for name in range(16)))

asyncio.run(main())
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_no_acknowledged_row_is_lost(url, tmp_path):
    acknowledged = set()
    for round in range(3):
        with subprocess.Popen([sys.executable, "-c", CHILD, url], stdout=subprocess.PIPE, text=True) as child:
            for _ in range(150 + 97 * round):
                acknowledged.add(child.stdout.readline().strip())
            child.send_signal(signal.SIGKILL)
            acknowledged.update(line.strip() for line in child.stdout if line.endswith("\n"))
    store = Store.open(url)
    assert len(acknowledged) >= 700
    assert [id for id in acknowledged if store.ledger.get(id) is None] == []
    store.close()
    with closing(sqlite3.connect(tmp_path / "data" / "stepladder.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
