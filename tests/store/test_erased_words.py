"""What was erased is in no file of the database, while it is open: neither in free pages nor in the write-ahead log."""

import pytest

from stepladder.store import Store, database
from tests.store.samples import row

WORDS = "zebra crossing"


def files(folder):
    return b"".join(file.read_bytes() for file in (folder / "data").iterdir()).count(WORDS.encode())


@pytest.fixture
async def said(url, tmp_path, monkeypatch):
    """A person's words in the middle of others', on a build of SQLite that leaves freed space as it is."""
    use_wal = database._use_wal

    def on_another_build(connection):
        connection.execute("PRAGMA secure_delete = OFF").close()
        use_wal(connection)

    monkeypatch.setattr(database, "_use_wal", on_another_build)
    store = Store.open(url)
    for k in range(40):
        ours = (
            {"text": f"{WORDS} " * 40, "conversation": "c1", "subject": "ann"}
            if k in (7, 23)
            else {"text": "other " * 40}
        )
        await store.ledger.commit(row(k, **ours))
    store._database.overwrite()
    assert files(tmp_path)
    yield store
    store.close()


async def test_a_conversation_s(said, tmp_path):
    assert said.conversations.erase("acme", "c1") == 2
    assert not files(tmp_path)


async def test_those_of_one_that_is_over(said, tmp_path):
    assert said.conversations.end(before=1e9) == 1
    assert not files(tmp_path)


async def test_a_person_s(said, tmp_path):
    assert len(said.subjects.erase("ann", "acme", "a test").requests) == 2
    assert not files(tmp_path)
