"""Private and public upstreams: what is confidential, whoever says so, never reaches a public one."""

import pytest

from stepladder.interaction.app import App
from stepladder.interaction.compose import House
from stepladder.interaction.settings import Settings
from tests.interaction.asgi import Client
from tests.models.upstream_double import echo, upstream
from tests.product import write_config

SECRET = {"stepladder": {"confidential": True}}
TABLES = """
[models.public]
kind = "chat"
base_url = "{public}"
model = "m"
retries = 0
fallback = ["own"]
[models.own]
kind = "chat"
base_url = "{own}"
model = "m"
private = true
retries = 0
fallback = ["public"]
[models.cloud]
kind = "chat"
base_url = "{public}"
model = "m"
[tasks.open]
top = "cloud"
prompt = "Say it."
[tasks.files]
top = "own"
prompt = "Say it."
confidential = true
[tasks.leaky]
top = "cloud"
prompt = "Say it."
confidential = true
[tenants.clinic]
confidential = true
"""


@pytest.fixture
async def place(tmp_path):
    async with upstream(echo) as public, upstream(echo) as own:
        path = write_config(tmp_path, TABLES.format(public=public.url, own=own.url))
        house = await House.open(Settings(path))
        try:
            admin = Client(App(house), await house.first_admin_key() or "")
            clinic = Client(admin.app, house.store.keys.create("front desk", tenant="clinic"))
            await house.refresh()
            yield admin, clinic, public, own
        finally:
            await house.close()


@pytest.mark.parametrize("model", ["public", "own"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_chain_of_models_is_walked_over_the_private_ones_only(place, model, stream):
    admin, clinic, public, own = place
    assert (await admin.chat("hello", model, stream=stream, **SECRET)).status == 200
    assert (await clinic.chat("hello", model, stream=stream)).status == 200
    assert public.asked == [] and len(own.asked) == 2


async def test_the_public_one_is_not_even_asked_when_the_private_one_fails(tmp_path):
    async def broken(asked):
        await asked.say(b"{}", status=500)

    async with upstream(echo) as public, upstream(broken) as own:
        path = write_config(tmp_path, TABLES.format(public=public.url, own=own.url))
        house = await House.open(Settings(path))
        try:
            admin = Client(App(house), await house.first_admin_key() or "")
            for model in ("own", "public", "files"):
                assert (await admin.chat("hello", model, **SECRET)).status >= 500
            assert public.asked == []
            assert (await admin.chat("hello", "own")).status == 200, "what is no secret may fall back"
            assert len(public.asked) == 1
        finally:
            await house.close()


@pytest.mark.parametrize("model", ["cloud", "open", "leaky"])
async def test_a_tenants_questions_are_refused_where_only_the_public_could_answer(place, model):
    _, clinic, public, own = place
    refused = await clinic.chat("hello", model)
    assert refused.status == 400 and refused.error["param"] == "stepladder.confidential"
    assert public.asked == [] and own.asked == []


async def test_a_tasks_questions_are_confidential_whoever_asks(place):
    admin, _, public, own = place
    assert (await admin.chat("hello", "files")).status == 200
    assert (await admin.chat("hello", "leaky")).status == 400
    assert public.asked == [] and len(own.asked) == 1
    assert (await admin.chat("hello", "open")).status == 200


async def test_nobody_can_say_that_it_is_not(place):
    _, clinic, public, _ = place
    said = await clinic.chat("hello", "cloud", stepladder={"confidential": False})
    assert said.status == 400 and public.asked == []


@pytest.mark.parametrize("route", ["messages", "responses", "embeddings"])
async def test_other_routes_are_no_way_around(place, route):
    _, clinic, public, _ = place
    bodies = {
        "messages": {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 5},
        "responses": {"input": "hi"},
        "embeddings": {"input": "hi"},
    }
    said = await clinic.send("POST", f"/v1/{route}", {"model": "cloud", **bodies[route]})
    assert said.status == 400 and public.asked == []
