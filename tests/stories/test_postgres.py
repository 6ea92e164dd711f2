"""The same product on PostgreSQL: answered, written down, killed, started again, and nothing is missing."""

import json
import urllib.request
from pathlib import Path

from stepladder.store import Store
from tests.product import Product, mood, recorded, write_config

ANSWERS = {f"review {number}": "good" if number % 2 else "bad" for number in range(40)}


def ask(product: Product, text: str) -> dict:
    body = json.dumps({"model": "mood", "messages": [{"role": "user", "content": text}]}).encode()
    headers = {"authorization": f"Bearer {product.key}", "content-type": "application/json"}
    with urllib.request.urlopen(
        urllib.request.Request(f"{product.url}/chat/completions", body, headers)
    ) as response:
        return json.load(response)


def test_a_ledger_in_postgresql_survives_the_server(tmp_path: Path, postgres: str) -> None:
    ledger = f'[ledger]\nurl = "{postgres}"\n'
    config = write_config(tmp_path, recorded(tmp_path, ANSWERS), mood(), ledger)
    product = Product(config).start()
    try:
        key = product.key
        for text, answer in list(ANSWERS.items())[:20]:
            assert ask(product, text)["choices"][0]["message"]["content"] == answer
        product.kill()
        product.start()
        product.key = key  # it is in the database, so it still opens the door
        for text in list(ANSWERS)[20:]:
            ask(product, text)
    finally:
        product.kill()
    store = Store.open(postgres)
    try:
        rows = store.ledger.labelled("mood")
        assert [row.text for row in rows] == list(ANSWERS)
        assert store.ledger.summary("mood").answers == 40
    finally:
        store.close()
