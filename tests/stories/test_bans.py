"""A ban is seen and lifted from outside: by the admin API and the command line, in every worker at once."""

import os
import subprocess
import sys

import pytest

from tests.product import Product, eventually, mood, recorded, write_config
from tests.stories.test_workers import ask, call

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="each process has a board of its own there")
WRONG = 6
TRAFFIC = f"[traffic]\nban_after = {WRONG}\nban_seconds = 600\n"


def guessed(product):
    """The statuses of many wrong keys."""
    return [call(product, "/v1/models", key="sl-wrong")[0] for _ in range(3 * WRONG)]


def typed(product, *words):
    command = [sys.executable, "-m", "stepladder", "bans", *words, "--config", str(product.config)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=60, check=False)


def standing(product):
    status, said = call(product, "/admin/bans")
    assert status == 200
    return said["bans"]


def banned(product):
    """Guess until there is a ban, and its name is written down too."""
    assert guessed(product)[-1] == 429
    eventually(lambda: standing(product)[0]["who"] == "address 127.0.0.1")
    (ban,) = standing(product)
    return ban


@pytest.mark.parametrize(("workers", "database"), [(1, None), (3, None), (3, "postgres")])
def test_a_ban_is_shown_and_lifted_in_every_worker(tmp_path, request, workers, database):
    ledger = f'[ledger]\nurl = "{request.getfixturevalue(database)}"\n' if database else ""
    config = write_config(
        tmp_path,
        recorded(tmp_path, {"Fine day": "good"}),
        mood(),
        TRAFFIC + ledger,
        server=f"flywheel = false\nworkers = {workers}",
    )
    with Product(config) as product:
        assert standing(product) == []
        ban = banned(product)
        assert 500 < ban["seconds"] <= 600 and ban["times"] == 1
        assert call(product, "/admin/bans", {"id": "no-such"}, method="DELETE")[0] == 400
        assert call(product, "/admin/bans", {"id": ban["id"]}, method="DELETE") == (200, {"bans": []})
        assert [call(product, "/v1/models", key="sl-wrong")[0] for _ in range(WRONG)] == [401] * WRONG

        again = banned(product)
        assert (again["id"], again["times"]) == (ban["id"], 1), (
            "what was lifted does not make the next one longer"
        )
        assert ask(product)[0] == 200, "a good key from there is heard all the same"
        shown = typed(product, "list")
        assert shown.returncode == 0 and ban["id"] in shown.stdout, shown.stderr
        assert "address 127.0.0.1" in shown.stdout and "guesses" in shown.stdout
        assert typed(product, "lift", ban["id"]).returncode == 0
        assert standing(product) == []
        assert [call(product, "/v1/models", key="sl-wrong")[0] for _ in range(WRONG)] == [401] * WRONG

        lines = call(product, "/admin/journal")[1]["journal"]
        lifted = [line for line in lines if line["what"] == "ban lifted"]
        assert [line["detail"].partition(",")[0] for line in lifted] == ["address 127.0.0.1: guesses"] * 2
        assert lifted[1]["who"] == "admin" and lifted[0]["who"].startswith("cli")
        assert guessed(product)[-1] == 429
    ended = typed(product, "list")
    assert ended.returncode == 2 and "No server" in ended.stderr, "a ban ends with the server"
