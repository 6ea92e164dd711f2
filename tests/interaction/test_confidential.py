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


# ------------------------------------------------------------------------------------------ a guard says so

PHONE = "My number is 13800138000"
GUARDED = """
[guards.personal]
mode = "enforce"
action = "pass"
confidential = true
[tenants.lab.guards.personal]
confidential = false
[tenants.trial.guards.personal]
mode = "observe"
[tasks.inner]
top = "own"
prompt = "Say it."
[[plans.desk.steps]]
name = "first"
use = "inner"
quiet = true
[[plans.desk.steps]]
name = "second"
use = "cloud"
prompt = "Next: {first}"
"""


@pytest.fixture
async def watched(tmp_path):
    """Ask as a tenant; the public and the private upstream; the house."""
    async with upstream(echo) as public, upstream(echo) as own:
        path = write_config(tmp_path, TABLES.format(public=public.url, own=own.url), GUARDED)
        house = await House.open(Settings(path))
        try:
            app = App(house)
            keys = {name: house.store.keys.create(name, tenant=name) for name in ("acme", "lab", "trial")}
            await house.refresh()
            yield {name: Client(app, key) for name, key in keys.items()}, public, own, house
        finally:
            await house.close()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["cloud", "open"])
async def test_what_a_guard_finds_is_refused_where_only_a_public_model_could_answer(watched, model, stream):
    clients, public, _, house = watched
    refused = await clients["acme"].chat(PHONE, model, stream=stream)
    assert refused.status == 400 and refused.error["param"] == "stepladder.confidential"
    assert public.asked == []
    (row,) = house.store.ledger.page(after=0, since=0.0, until=None, limit=5)
    assert (row.status, row.error, row.cost) == ("failed", "BadRequest", 0)
    assert ("personal", "confidential", False) in {
        (one.guard, one.action, one.observed) for one in row.remarks
    }
    assert (await clients["acme"].chat("Fine day", model, stream=stream)).status == 200
    assert len(public.asked) == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_what_a_guard_finds_goes_to_a_private_model_as_it_came(watched, stream):
    clients, public, own, _ = watched
    for model in ("own", "inner"):
        said = await clients["acme"].chat(PHONE, model, stream=stream)
        assert said.status == 200
        assert PHONE in str(own.asked[-1].body)
    chain = await clients["acme"].chat(PHONE, "public", stream=stream)
    assert chain.status == 200 and public.asked == [] and len(own.asked) == 3


async def test_what_follows_in_a_conversation_is_confidential_and_embeddings_are_no_way_around(watched):
    clients, public, _, _ = watched
    talk = {"stepladder": {"conversation": "c"}}
    assert (await clients["acme"].chat(PHONE, "own", **talk)).status == 200
    assert (await clients["acme"].chat("And now?", "cloud", **talk)).status == 400
    body = {"model": "cloud", "input": PHONE}
    assert (await clients["acme"].send("POST", "/v1/embeddings", body)).status == 400
    assert public.asked == []


async def test_a_tenant_may_see_it_otherwise_and_who_only_observes_lets_it_pass(watched):
    clients, public, _, house = watched
    assert (await clients["lab"].chat(PHONE, "cloud")).status == 200
    tried = await clients["trial"].chat(PHONE, "cloud")
    assert tried.status == 200 and len(public.asked) == 2
    said = house.store.ledger.get(tried.headers["x-stepladder-request-id"]).remarks
    assert ("personal", "confidential", True) in {(one.guard, one.action, one.observed) for one in said}


async def test_what_follows_in_a_plan_is_confidential_too(tmp_path):
    async with upstream(echo) as public, upstream(echo) as own:
        only = GUARDED.replace("[guards.personal]", "[tasks.inner.guards.personal]")
        path = write_config(tmp_path, TABLES.format(public=public.url, own=own.url), only)
        house = await House.open(Settings(path))
        try:
            client = Client(App(house), await house.first_admin_key() or "")
            assert (await client.chat(PHONE, "desk")).status == 400
            assert public.asked == [] and len(own.asked) == 1
            assert (await client.chat("Fine day", "desk")).status == 200
            assert (await client.chat(PHONE, "cloud")).status == 200, "only that task's guard says so"
        finally:
            await house.close()


async def test_an_owners_words_are_confidential_in_either_language(tmp_path):
    (tmp_path / "projects.txt").write_text("bluebird\n蓝鸟计划\n", encoding="utf-8")
    table = f"""
[guards.projects]
kind = "words"
mode = "enforce"
action = "pass"
confidential = true
lists = ["{tmp_path / "projects.txt"}"]
"""
    async with upstream(echo) as public, upstream(echo) as own:
        path = write_config(tmp_path, TABLES.format(public=public.url, own=own.url), table)
        house = await House.open(Settings(path))
        try:
            client = Client(App(house), await house.first_admin_key() or "")
            for text in ("When does Bluebird start?", "蓝鸟计划什么时候开始？"):
                for model in ("cloud", "open"):
                    assert (await client.chat(text, model)).status == 400
                assert (await client.chat(text, "public")).status == 200
            assert public.asked == [] and len(own.asked) == 2
            assert (await client.chat("When does it start?", "cloud")).status == 200
        finally:
            await house.close()
