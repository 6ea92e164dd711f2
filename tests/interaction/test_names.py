"""Who one is at the admin API's door is one name, and a flood of guesses keeps nobody else waiting."""

import asyncio
import time

import pytest

from stepladder.core import BadRequest, Role
from stepladder.interaction.passwords import hashed
from tests.interaction.test_entering import RIGHT, ann, log_in, signed

pytest.importorskip("argon2", reason="stepladder[access] is not installed")
__all__ = ["ann", "signed"]


async def test_a_banned_address_takes_no_ones_turn_and_a_flood_is_turned_away(ann, monkeypatch):
    """Each look at a password takes 64 MiB and a processor: whoever guesses on waits behind nobody but himself."""
    people, looked = ann.house.people, []

    def slow(given, kept):
        looked.append(given)
        time.sleep(0.2)
        return given == RIGHT and bool(kept)

    monkeypatch.setattr("stepladder.interaction.people.fits", slow)
    monkeypatch.setattr(people._bans, "left", lambda address: 60.0)
    came = await asyncio.gather(*(log_in(ann, password=f"guess {n}") for n in range(8)))
    assert sorted(one.status for one in came) == [401] + [429] * 7 and len(looked) == 1
    assert (await log_in(ann)).status == 200, "a good password is heard there, too"
    monkeypatch.undo()
    monkeypatch.setattr("stepladder.interaction.people.fits", slow)
    people._waiting = 32
    assert (await log_in(ann)).status == 429
    people._waiting = 0
    assert (await log_in(ann)).status == 200


async def test_a_name_is_the_same_however_its_accents_are_typed(home):
    accounts = home.house.store.accounts
    kept = await asyncio.to_thread(hashed, RIGHT)
    accounts.create("Zoe\u0308", Role.OPERATOR, kept, "test")
    for typed in ("Zoë", "Zoe\u0308"):
        token = (await log_in(home, typed)).json["token"]
        assert (await home.client.get("/admin/me", key=token)).json["who"] == "account:Zoë"
    for number in range(5):
        assert (await log_in(home, ("Zoë", "Zoe\u0308")[number % 2], "guess")).status == 401
    assert accounts.get("Zoë").locked_until > 0, "one count for all spellings"
    for near in ("zoë", "ZOË", "Ｚoë"):
        with pytest.raises(BadRequest, match="'Zoë' already"):
            accounts.create(near, Role.OWNER, kept, "test")
    assert (await log_in(home, "zoë")).status == 401


@pytest.mark.parametrize("name", ["account:ann", "oidc:ann@x", "cli:root", "server", "cli"])
def test_no_key_signs_the_journal_as_somebody_else(shell, name):
    assert shell("key", "create", name, "--role", "reviewer") == 2 and "somebody else" in shell.err


async def test_a_token_cannot_forge_lines_of_the_journal(signed):
    issuer, client, _ = signed
    token = issuer.sign(sub="ann\n2026-01-01 root\x1b[2K\u202e")
    me = await client.get("/admin/me", key=token)
    assert me.json["who"] == "oidc:ann\ufffd2026-01-01 root\ufffd[2K\ufffd"
