"""A whole house in this process: a recorded top rung, a store on disk, the real application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from stepladder.interaction.app import App
from stepladder.interaction.compose import House
from stepladder.interaction.settings import Settings
from tests.interaction.asgi import Client
from tests.interaction.shell import CONFIG, Shell
from tests.product import mood, recorded, write_config

ANSWERS = {"Fine day": "good", "Rain": "bad", "天气真好": "good", "hi": "Hello there"}


@dataclass
class Home:
    house: House
    client: Client
    config: Path

    def row(self, response):
        return self.house.store.ledger.get(response.headers["x-stepladder-request-id"])


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_config(tmp_path, recorded(tmp_path, ANSWERS), mood())


@asynccontextmanager
async def opened(config: Path) -> AsyncIterator[Home]:
    house = await House.open(Settings(config))
    try:
        yield Home(house, Client(App(house), await house.first_admin_key() or ""), config)
    finally:
        await house.close()


@pytest.fixture
async def home(config: Path) -> AsyncIterator[Home]:
    async with opened(config) as found:
        yield found


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    (tmp_path / "stepladder.toml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "teacher.jsonl").write_text('{"input": "x", "answer": "good"}\n', encoding="utf-8")
    return Shell(tmp_path, monkeypatch, capsys)
