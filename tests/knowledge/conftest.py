"""A knowledge file of its own for each test, a little web, and visits of sources."""

from pathlib import Path

import pytest

from stepladder.core import SourceConfig
from stepladder.knowledge import Knowledge
from stepladder.knowledge.sources import keep_up, open_source
from stepladder.testing.retrieving import PairEmbedder
from tests.knowledge.web import web


@pytest.fixture
def knowledge(tmp_path):
    opened = Knowledge.open(tmp_path / "knowledge.db", PairEmbedder())
    yield opened
    opened.close()


@pytest.fixture
def site():
    with web() as laid:
        yield laid


@pytest.fixture
def visit(knowledge):
    async def go(kind, where, *, name="s", emptied=False, **more):
        given = SourceConfig(kind, where, "c", **({"rate": 100.0} | more))
        async with open_source(name, given, Path()) as source:
            return await keep_up(knowledge, name, given, source, lambda *_: None, emptied)

    return go
