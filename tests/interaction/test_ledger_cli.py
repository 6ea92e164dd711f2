"""stepladder ledger, and the hourly housekeeping of the server."""

import asyncio
import gzip
import json
import time

import pytest

from stepladder.interaction.compose import House
from stepladder.interaction.keeper import tidy_up
from stepladder.interaction.settings import Settings
from stepladder.store import LedgerRow
from tests.interaction.conftest import ANSWERS
from tests.product import mood, recorded, write_config

NOW = time.time()
WHY = ("--purpose", "a test")


def fill(shell, count=10):
    store = shell.store()
    store.ledger.write_many(
        [
            LedgerRow(
                f"r{number}",
                NOW - number * 86400.0,
                "acme",
                "mood",
                "teacher",
                f"Frage {number}: 好? " * (1 if number else 2000),
                fields={"stars": number},
                answer="good",
                cost=0.5,
            )
            for number in range(count)
        ]
    )
    store.close()


def test_rows_come_out_as_json_lines(shell):
    fill(shell)
    assert shell("ledger", "export", "rows.jsonl.gz", *WHY) == 0 and "10 rows" in shell.out
    with gzip.open(shell.folder / "rows.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    assert [row["id"] for row in rows] == [f"r{number}" for number in range(10)]
    assert rows[0]["text"] == "Frage 0: 好? " * 2000 and rows[3]["fields"] == {"stars": 3}
    assert (
        shell("ledger", "export", "none.jsonl", "--until", "2020-01-01", *WHY) == 0 and "0 rows" in shell.out
    )
    assert shell("ledger", "export", "no/such/folder.jsonl", *WHY) == 2 and "Cannot write" in shell.err
    assert not list(shell.folder.glob("*.partial"))
    assert (shell.folder / "rows.jsonl.gz").stat().st_mode & 0o077 == 0, (
        "people's texts are the owner's alone"
    )


def test_rows_come_out_as_parquet(shell):
    parquet = pytest.importorskip("pyarrow.parquet")
    fill(shell)
    assert shell("ledger", "export", "rows.parquet", *WHY) == 0
    table = parquet.read_table(shell.folder / "rows.parquet")
    assert table.num_rows == 10
    rows = table.to_pylist()
    assert rows[0]["text"] == "Frage 0: 好? " * 2000 and json.loads(rows[3]["fields"]) == {"stars": 3}
    assert rows[1]["cost"] == 0.5 and rows[1]["low_answer"] is None and rows[1]["top"] is False


def test_without_pyarrow_it_says_what_to_install(shell, monkeypatch):
    fill(shell)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    assert shell("ledger", "export", "rows", "--parquet", *WHY) == 2 and "stepladder[data]" in shell.err


def test_old_rows_are_counted_first_and_then_taken_out(shell):
    fill(shell)
    assert shell("ledger", "size") == 0 and "10 rows" in shell.out and "for ever" in shell.out
    assert shell("ledger", "prune") == 2 and "retention_days" in shell.err
    assert shell("ledger", "prune", "--days", "4.5", "--dry-run") == 0 and "5 rows" in shell.out
    assert shell("ledger", "prune", "--days", "4.5", "--compact") == 0 and "5 rows" in shell.out
    assert shell("ledger", "size") == 0 and "5 rows" in shell.out
    assert shell("journal") == 0 and "ledger prune" in shell.out


async def test_the_server_prunes_by_itself_one_worker_at_a_time(tmp_path):
    config = write_config(
        tmp_path, recorded(tmp_path, ANSWERS), mood(), "[ledger]\nretention_days = 10\ncompress_over_kb = 1\n"
    )
    house = await House.open(Settings(config))
    try:
        old = LedgerRow("old", NOW - 11 * 86400, "a", "mood", "big", "x", answer="good")
        new = LedgerRow("new", NOW - 9 * 86400, "a", "mood", "big", "x", answer="good")
        await asyncio.to_thread(house.store.ledger.write_many, [old, new])
        house.store.leases.take("keeping", "another worker", 60)
        assert tidy_up(house) == 0
        house.store.leases.release("keeping", "another worker")
        assert tidy_up(house) == 1
        assert house.store.ledger.get("old") is None and house.store.ledger.get("new") is not None
    finally:
        await house.close()
