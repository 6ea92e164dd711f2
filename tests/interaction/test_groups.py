"""Documents of groups, over the wire: a key reads its own groups' and everybody's, whatever was cached or approved."""

import random

import pytest

from stepladder.core import BadRequest
from tests.interaction.helping import content, helped

GROUPS = ("staff", "board", "shop floor, 二楼")
SAID = " ".join(f"The password of the safe is sesame{n}." for n in range(len(GROUPS)))
MEANS = "[tasks.help.semantic_cache]\nseconds = 600\nembedder = { kind = 'ngrams' }"


def documents():
    """One for each group, and one for two of them."""
    rows = [
        {"id": f"only{n}", "text": f"The password of the safe is sesame{n}.", "groups": [group]}
        for n, group in enumerate(GROUPS)
    ]
    return [*rows, {"id": "both", "text": "The boardroom's door is green.", "groups": list(GROUPS[:2])}]


def ask(home, text, key, *, model="help", stream=False, **extra):
    body = {"model": model, "messages": [{"role": "user", "content": text}], "stream": stream}
    body |= {"stepladder": extra} if extra else {}
    return home.client.send("POST", "/v1/chat/completions", body, key=key)


async def test_whatever_keys_ask_in_turn_none_reads_another_group_s_word(tmp_path):
    knows = 'unsupported = "remove"\nsure = 0.95'
    async with helped(tmp_path, SAID, documents=documents(), knows=knows) as home:
        chance = random.Random(5)
        held = [(), *((n,) for n in range(3)), (0, 2), (0, 1, 2)]
        create = home.house.store.keys.create
        keys = {mine: create(f"key{mine}", tenant="acme", groups=[GROUPS[n] for n in mine]) for mine in held}
        await home.house.refresh()
        asked = ["What is the password of the safe?", "password of safe", "All passwords of the safe!"]
        for turn in range(90):
            mine = chance.choice(held)
            allowed = mine
            extra = {}
            if mine and chance.random() < 0.3:  # the key asks for somebody who is in fewer
                allowed = (chance.choice(mine),)
                extra = {"groups": [GROUPS[n] for n in allowed]}
            model = "sort" if chance.random() < 0.2 else "help"
            stream = chance.random() < 0.3
            response = await ask(home, chance.choice(asked), keys[mine], model=model, stream=stream, **extra)
            text = response.body.decode() + repr(response.headers)
            seen = {n for n in range(3) if f"only{n}" in text or (model == "help" and f"sesame{n}" in text)}
            assert seen <= set(allowed), (turn, mine, extra, text)
            if model == "help":
                assert bool(seen) is bool(allowed), (turn, mine, extra, text)
            if model == "help" and chance.random() < 0.3:
                id = response.headers["x-stepladder-request-id"]
                given = {"request_id": id, "score": 1}
                await home.client.send("POST", "/v1/feedback", given, key=keys[mine])


async def test_kept_answers_serve_the_same_groups_only(tmp_path):
    async with helped(tmp_path, "never", documents=documents(), knows=f"sure = 0.5\n{MEANS}") as home:
        create = home.house.store.keys.create
        keys = {
            name: create(name, tenant="acme", groups=groups)
            for name, groups in [("one", ["staff"]), ("two", ["staff"]), ("none", []), ("other", ["board"])]
        }
        await home.house.refresh()
        question = "What colour is the boardroom's door?"
        first = [await ask(home, question, keys[name]) for name in ("one", "two", "none")]
        assert [content(one) for one in first] == [
            "The boardroom's door is green. [1]",
            "The boardroom's door is green. [1]",
            "I don't know.",
        ]
        kept = [one.headers.get("x-stepladder-cache") for one in first]
        assert kept == [None, "hit", None]
        near = await ask(home, f"Please, {question}", keys["none"])
        assert "green" not in near.body.decode()
        assert content(await ask(home, question, keys["other"])) == "The boardroom's door is green. [1]"


async def test_a_key_speaks_for_its_own_groups_only(tmp_path):
    async with helped(tmp_path, "never", documents=documents()) as home:
        key = home.house.store.keys.create("one", groups=["staff"])
        await home.house.refresh()
        response = await ask(home, "The door?", key, groups=["staff", "board"])
        assert response.status == 400
        assert response.json["error"]["param"] == "stepladder.groups"
        assert "sesame" not in response.body.decode()


async def test_a_tenant_s_groups_come_from_the_configuration_and_are_all_its_keys(tmp_path):
    more = "[tenants.acme]\ngroups = ['board']"
    async with helped(tmp_path, "never", documents=documents(), knows=f"sure = 0.5\n{more}") as home:
        key = home.house.store.keys.create("one", tenant="acme")
        await home.house.refresh()
        response = await ask(home, "What colour is the boardroom's door?", key)
        assert content(response) == "The boardroom's door is green. [1]"


@pytest.mark.parametrize("bad", ["", "a\nb", "x" * 201])
async def test_a_group_has_a_printable_name(tmp_path, bad):
    async with helped(tmp_path, "never") as home:
        with pytest.raises(BadRequest, match="printable name"):
            home.house.store.keys.create("one", groups=[bad])


async def test_groups_survive_a_rotation_and_are_listed(tmp_path):
    async with helped(tmp_path, "never") as home:
        keys = home.house.store.keys
        keys.create("one", groups=["staff", "board", "staff"])
        keys.rotate("one")
        assert {key.groups for key in keys.list() if key.name == "one"} == {("board", "staff")}
        assert ("board", "staff") in {tenant.groups for tenant in keys.snapshot().values()}
