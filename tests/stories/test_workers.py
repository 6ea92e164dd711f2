"""Several workers are one server: what one is told all know, what is under way is finished, and all end with their parent."""

import concurrent.futures
import json
import os
import sqlite3
import sys
import urllib.error
import urllib.request
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from stepladder.core import Rollout
from stepladder.store import Store
from tests.product import Product, eventually, mood, recorded, write_config

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="one worker there")
ANSWERS = {"Fine day": "good", "Rain": "bad", "hi": "Hello there"}


@pytest.fixture
def place(tmp_path):
    return write_config(
        tmp_path,
        recorded(tmp_path, ANSWERS, delay_ms=5),
        recorded(tmp_path, ANSWERS, name="slow", delay_ms=1500),
        mood(),
        server="flywheel = false\nworkers = 3",
    )


def call(product, path, body=None, *, key="", method=None):
    """Status and JSON (or text), on a connection of its own, so that any worker may get it."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {key or product.key}", "Content-Type": "application/json"}
    asked = urllib.request.Request(f"{product.root}{path}", data, headers, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=30) as said:
            found = said.read()
            return said.status, json.loads(found) if said.headers[
                "content-type"
            ] == "application/json" else found
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def ask(product, text="Fine day", model="mood", key=""):
    body = {"model": model, "messages": [{"role": "user", "content": text}]}
    return call(product, "/v1/chat/completions", body, key=key)


def opened(product):
    return Store.open(f"sqlite:///{product.config.parent / 'stepladder-data' / 'stepladder.db'}")


def test_what_one_is_told_all_know(place):
    with Product(place) as product:
        store = opened(product)
        secret = store.keys.create("app")
        assert [ask(product, key=secret)[0] for _ in range(12)] == [200] * 12, "from its first use on"
        entry = {"key": "Fine day", "answer": "bad"}
        assert call(product, "/admin/tasks/mood/dictionary", entry, method="PUT")[0] == 200

        def says(answer):
            return all(ask(product)[1]["choices"][0]["message"]["content"] == answer for _ in range(12))

        eventually(lambda: says("bad"))
        assert call(product, "/admin/tasks/mood/mode", {"mode": "top"})[0] == 200
        eventually(lambda: says("good"))
        assert call(product, "/admin/tasks/mood/mode", {"mode": None})[0] == 200
        eventually(lambda: says("bad"))
        store.rollouts.put(Rollout("mood", live="gone"), "test")  # a release that no worker can load
        eventually(lambda: all(call(product, "/readyz")[0] == 503 for _ in range(12)))
        store.rollouts.put(Rollout("mood", version=store.rollouts.get("mood").version), "test")
        eventually(lambda: all(call(product, "/readyz")[0] == 200 for _ in range(12)))
        store.keys.revoke("app")
        eventually(lambda: all(ask(product, key=secret)[0] == 401 for _ in range(12)))
        store.close()

        def counted():
            lines = call(product, "/metrics")[1].decode().splitlines()
            return sum(
                float(line.rsplit(" ", 1)[1])
                for line in lines
                if line.startswith("stepladder_answers_total{")
            )

        store = opened(product)
        rows = store.ledger.last_seq()
        store.close()
        eventually(lambda: counted() == rows)


def test_what_one_has_answered_all_give_again_until_something_changes(tmp_path):
    place = write_config(
        tmp_path,
        recorded(tmp_path, ANSWERS) + "cache_seconds = 600\n",
        mood(more="cache_seconds = 600"),
        server="flywheel = false\nworkers = 3",
    )
    file = tmp_path / "stepladder-data" / "answers.db"

    def kept():
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            return connection.execute("SELECT count(*) FROM kept").fetchone()[0]

    def told():
        with closing(sqlite3.connect(tmp_path / "stepladder-data" / "stepladder.db")) as connection:
            return Counter(
                (task, source) for task, source in connection.execute("SELECT task, source FROM ledger")
            )

    with Product(place) as product:
        for count, model, text in ((1, "mood", "Fine day"), (2, "big", "hi")):
            assert ask(product, text, model)[0] == 200
            eventually(lambda count=count: kept() == count)
            assert [ask(product, text, model)[0] for _ in range(30)] == [200] * 30
        assert told() == {
            ("mood", "recorded"): 1,
            ("mood", "cache"): 30,
            ("", "recorded"): 1,
            ("", "cache"): 30,
        }
        entry = {"key": "Fine day", "answer": "bad"}
        assert call(product, "/admin/tasks/mood/dictionary", entry, method="PUT")[0] == 200

        def says(answer):
            return all(ask(product)[1]["choices"][0]["message"]["content"] == answer for _ in range(30))

        eventually(lambda: says("bad"))
        assert says("bad")
        assert product.stop() == 0
        assert not file.exists(), "what was kept ends with the server"


def test_told_to_stop_they_finish_what_is_under_way(place):
    with Product(place) as product, concurrent.futures.ThreadPoolExecutor(6) as pool:
        asking = [pool.submit(ask, product, "hi", "slow") for _ in range(6)]

        def under_way():
            tenants = call(product, "/admin/tenants")[1]["tenants"]
            return tenants[0]["used"]["under_way"] == 6

        eventually(under_way)
        assert product.stop() == 0
        assert [said.result()[0] for said in asking] == [200] * 6
        store = opened(product)
        assert store.ledger.last_seq() == 6
        store.close()


@pytest.mark.skipif(sys.platform != "linux", reason="finds the workers in /proc")
def test_they_end_with_their_parent_however_it_ends(place):
    with Product(place) as product:
        assert product.process is not None
        parent = product.process.pid
        workers = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        assert len(workers) == 3
        product.kill()
        eventually(lambda: not any(_lives(int(worker)) for worker in workers))


def _lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # Nobody may wait for an orphan in a container: a dead one is a zombie for ever.
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
