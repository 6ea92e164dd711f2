"""A house whose plain model is a real HTTP upstream that behaves as a test tells it to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepladder.interaction.app import App
from stepladder.interaction.compose import House
from stepladder.interaction.settings import Settings
from tests.interaction.asgi import Client
from tests.models.upstream_double import Behaviour, Upstream, upstream
from tests.product import write_config

TASK = '[tasks.mood]\ntop = "gpt"\nlabels = ["good", "bad"]\n\n[tasks.poem]\ntop = "gpt"\nprompt = "Write."\n'


@dataclass
class Live:
    house: House
    client: Client
    server: Upstream

    def row(self, response: Any) -> Any:
        return self.house.store.ledger.get(response.headers["x-stepladder-request-id"])

    def rows(self) -> list[Any]:
        """Every row of the ledger, oldest first."""
        with self.house.store._database.read() as connection:
            found = connection.exec_driver_sql("select id from ledger order by seq").all()
        return [self.house.store.ledger.get(id) for (id,) in found]


@asynccontextmanager
async def live(folder: Path, behave: Behaviour, more: str = "", *, model: str = "") -> AsyncIterator[Live]:
    """The house; `model` adds lines to the model's table, `more` adds tables."""
    async with upstream(behave) as server:
        table = f'[models.gpt]\nkind = "chat"\nbase_url = "{server.url}"\nmodel = "m-1"\n'
        prices = "price_in = 1.0\nprice_out = 2.0\nretries = 0\n"
        config = write_config(folder, table + prices + model, TASK, more.replace("URL", server.url))
        house = await House.open(Settings(config))
        try:
            yield Live(house, Client(App(house), await house.first_admin_key() or ""), server)
        finally:
            await house.close()
