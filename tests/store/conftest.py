"""A store on disk, one in memory, and a clock that tests turn."""

from dataclasses import dataclass

import pytest

from stepladder.store import Store


@dataclass
class TurnedClock:
    now: float = 1_000.0

    def time(self):
        return self.now

    def monotonic(self):
        return self.now


@pytest.fixture
def clock():
    return TurnedClock()


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/data/stepladder.db"


@pytest.fixture
def store(url, clock):
    store = Store.open(url, clock=clock)
    yield store
    store.close()


@pytest.fixture
def second(url, clock, store):
    """The same database, as another process would see it."""
    other = Store.open(url, clock=clock)
    yield other
    other.close()


@pytest.fixture(params=["file", "memory", "postgres"])
def either(request, url, clock):
    """The same store wherever it may lie: tests that use it say what every database must do."""
    urls = {
        "file": lambda: url,
        "memory": lambda: "sqlite://",
        "postgres": lambda: request.getfixturevalue("postgres"),
    }
    store = Store.open(urls[request.param](), clock=clock)
    yield store
    store.close()
