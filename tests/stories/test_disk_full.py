"""A full disk: what cannot be written down is withheld, what was answered stays, and it goes on when there is room."""

import json
import sqlite3
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

from tests.product import Product, eventually, mood, recorded, write_config
from tests.stories.test_serve import ask, post

resource = pytest.importorskip("resource", reason="Limits a process's files, which Windows cannot.")
if not hasattr(resource, "prlimit"):
    pytest.skip("Limits another process's files, which Linux can.", allow_module_level=True)

LONG = "The very long word of the model. " * 40
ANSWERS = {"Fine day": "good", "Tell me more": LONG}
PRICES = "price_in = 1.0\nprice_out = 1000.0\n"


def fill(product: Product, room: int) -> None:
    """From now on no file of the server's may grow beyond what its ledger has now and `room` bytes."""
    log = product.config.parent / "stepladder-data" / "stepladder.db-wal"
    assert product.process is not None
    most = max(log.stat().st_size, 1) + room
    resource.prlimit(product.process.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))


def free(product: Product) -> None:
    assert product.process is not None
    no_limit = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(product.process.pid, resource.RLIMIT_FSIZE, no_limit)


def chat(product: Product, *, stream: bool = False) -> tuple[int, str, str]:
    """The status of a long answer, its request id, and all that came of it."""
    messages = [{"role": "user", "content": "Tell me more"}]
    data = json.dumps({"model": "big", "messages": messages, "stream": stream}).encode()
    head = {"authorization": f"Bearer {product.key}"}
    request = urllib.request.Request(f"{product.url}/chat/completions", data, head)
    try:
        response = urllib.request.urlopen(request, timeout=20)
    except urllib.error.HTTPError as error:
        response = error
    with response:
        return response.status, response.headers["x-stepladder-request-id"], response.read().decode()


def rated(product: Product, id: str) -> int:
    return post(product, "/v1/feedback", {"request_id": id, "score": 1})[0]


def ledger(product: Product) -> tuple[list[tuple[str, str, float]], int]:
    """Every row's id, answer and cost; and the billionths that were charged."""
    file = product.config.parent / "stepladder-data" / "stepladder.db"
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute("SELECT id, answer, cost FROM ledger WHERE status = 'ok'").fetchall()
        (spent,) = connection.execute("SELECT coalesce(sum(nanos), 0) FROM spending").fetchone()
    return rows, spent


@pytest.fixture
def product(tmp_path: Path):
    config = write_config(tmp_path, recorded(tmp_path, ANSWERS) + PRICES, mood())
    with Product(config) as product:
        yield product
        free(product)


def test_an_answer_that_cannot_be_written_down_is_withheld_until_there_is_room(product):
    given = [ask(product)[1]["id"]]
    fill(product, 60_000)
    for _ in range(500):
        status, id, said = chat(product)
        if status != 200:
            break
        given.append(id)
    assert status == 503, "the disk was never full"
    assert "free space" in json.loads(said)["error"]["message"] and LONG[:20] not in said

    status, _, events = chat(product, stream=True)
    assert status == 503 or '"error"' in events
    assert "[DONE]" not in events, "a stream that is not written down does not end well"
    assert rated(product, given[0]) == 503
    assert product.process.poll() is None

    free(product)
    eventually(lambda: ask(product)[0] == 200)
    status, _, events = chat(product, stream=True)
    assert status == 200 and events.endswith("data: [DONE]\n\n")
    assert rated(product, given[0]) == 200

    rows, spent = ledger(product)
    assert set(given) <= {id for id, _, _ in rows}, "what was answered is in the ledger"
    assert spent == round(sum(cost for _, _, cost in rows) * 1e9), "what was withheld is not on the bill"


def test_a_full_disk_reserves_nothing_for_good(product):
    ask(product)
    fill(product, 0)
    for _ in range(3):
        assert chat(product)[0] == 503
    free(product)
    request = urllib.request.Request(
        f"{product.root}/admin/tenants", headers={"authorization": f"Bearer {product.key}"}
    )
    with urllib.request.urlopen(request, timeout=20) as response:
        (standing,) = json.load(response)["tenants"]
    assert standing["used"]["reserved"] == 0 and standing["used"]["under_way"] == 0
