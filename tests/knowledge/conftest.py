"""A knowledge file of its own for each test."""

import pytest

from stepladder.knowledge import Knowledge
from stepladder.testing.retrieving import PairEmbedder


@pytest.fixture
def knowledge(tmp_path):
    opened = Knowledge.open(tmp_path / "knowledge.db", PairEmbedder())
    yield opened
    opened.close()
