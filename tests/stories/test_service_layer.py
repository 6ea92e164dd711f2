"""The service layer as its users have it: a server in a process of its own, everything over HTTP, nothing restarted."""

import asyncio
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from stepladder.store import Store
from tests.interaction.platforms import SECRETS, platform
from tests.interaction.test_talking import direct
from tests.interaction.tool_peers import Shop, ToolModel, shop, tool_model
from tests.product import PATIENCE, Product, write_config

pytest.importorskip("mcp")
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]
MCP_SERVER = Path(__file__).parents[1] / "service" / "mcp_server.py"
TABLES = """
[models.own]
kind = "chat"
base_url = "{own}/v1"
model = "own"
private = true

[tools.shop]
kind = "openapi"
document = "{shop}/openapi.json"
local_addresses = true

[tools.depot]
kind = "mcp"
command = ["{python}", "{server}", "stdio"]
private = true

[tenants.acme]
tools = ["shop.order", "depot"]
[tenants.clinic]
confidential = true

[guards.personal]
mode = "enforce"
action = "pass"
confidential = true

[tasks.domain]
top = "router"
prompt = "Which domain?"
labels = ["law", "food"]

[tasks.files]
top = "own"
prompt = "Read the file."
confidential = true

[[plans.desk.steps]]
name = "domain"
use = "domain"
quiet = true

[[plans.desk.steps]]
name = "expert"
by = "domain"
experts = {{ law = "lawyer" }}
use = "general"
fallback = ["spare"]

[[plans.hard.steps]]
name = "answer"
use = "general"
split = {{ tasks = ["domain"], fallback = ["spare"] }}

[[plans.helper.steps]]
name = "answer"
use = "general"
tools = ["shop", "depot"]

[chats.slack]
kind = "slack"
model = "desk"
key = "env:CHAT_KEY"
signing_secret = "env:SLACK_SIGNING"
bot_token = "env:SLACK_TOKEN"
base_url = "{slack}"
"""


@dataclass
class Place:
    product: Product
    keys: dict[str, str]
    public: ToolModel
    own: ToolModel
    shop: Shop
    shown: list[dict]

    async def ask(self, text, model, *, tenant="acme", status=200, **more):
        """The answer's text and headers."""
        body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
        head = {"authorization": f"Bearer {self.keys[tenant]}"}
        async with (
            aiohttp.ClientSession(headers=head) as session,
            session.post(f"{self.product.url}/chat/completions", json=body) as said,
        ):
            whole = await said.read()
            assert said.status == status, whole
        if more.get("stream"):
            events = [json.loads(line[6:]) for line in whole.split(b"\n\n") if line.startswith(b"data: {")]
            deltas = [choice["delta"] for event in events for choice in event["choices"]]
            return "".join(delta.get("content") or "" for delta in deltas), said.headers
        found = json.loads(whole)
        return found["choices"][0]["message"]["content"] if status == 200 else found["error"], said.headers


def public(body):
    """Every public model in one: it says who it is, and does what a router or a user of tools does."""
    name, said = body["model"], body["messages"][-1]["content"]
    if name == "router":
        return "law" if "sue" in said or "law" in said else "food"
    if name == "lawyer" and "lost" in said:
        return 500
    if body.get("tools") and body["messages"][-1]["role"] == "user":
        return [(one["function"]["name"], {"number": "7"}) for one in body["tools"]]
    if said.startswith("Break the question"):
        parts = [
            {"task": "domain", "question": "Who may sue?"},
            {"task": "domain", "question": "And soup?"},
        ]
        return json.dumps({"parts": parts})
    results = [message["content"] for message in body["messages"] if message["role"] == "tool"]
    return f"{name}: {' | '.join(results) or said.splitlines()[-1].strip()}"


def keys(folder):
    """One for each tenant."""
    data = folder / "stepladder-data"
    data.mkdir(mode=0o700)
    store = Store.open(f"sqlite:///{data / 'stepladder.db'}")
    try:
        return {tenant: store.keys.create(tenant, tenant=tenant) for tenant in ("acme", "other", "clinic")}
    finally:
        store.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    async with tool_model() as models, tool_model() as own, shop() as api, platform() as slack:
        models.reply, own.reply = public, lambda body: "here"
        tables = TABLES.format(
            own=own.url, shop=api.url, slack=slack.url, python=sys.executable, server=MCP_SERVER
        )
        named = [models.model(name) for name in ("router", "lawyer", "cook", "general", "spare")]
        config, made = write_config(folder, *named, tables), keys(folder)
        product = Product(config, env={**SECRETS, "CHAT_KEY": made["acme"]})
        try:
            await asyncio.to_thread(product.start)
            yield Place(product, made, models, own, api, slack.shown)
        finally:
            assert await asyncio.to_thread(product.stop) == 0


def change(config, changed):
    """Another configuration in the place of this one, whole at once."""
    draft = config.with_suffix(".draft")
    draft.write_text(changed(config.read_text()))
    draft.replace(config)


async def eventually(holds):
    end = time.monotonic() + PATIENCE
    while not await holds():
        assert time.monotonic() < end, "It never came true."
        await asyncio.sleep(0.2)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_ladder_chooses_the_expert_and_each_step_says_what_it_took(place, stream):
    said, headers = await place.ask("May I sue?", "desk", stream=stream)
    assert said == "lawyer: May I sue?"
    route, expert = headers["x-stepladder-steps"].split(", ")
    assert route.startswith("domain=domain;first_ms=") and "rung=router" in route
    assert expert.startswith("expert=lawyer;first_ms=")
    assert (await place.ask("Soup?", "desk", stream=stream))[0] == "general: Soup?"
    assert (await place.ask("May I sue for what was lost?", "desk", stream=stream))[0].startswith("spare: ")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_hard_question_is_broken_down_and_put_together(place, stream):
    said, headers = await place.ask("Law or food?", "hard", stream=stream)
    steps = [one.partition("=")[0] for one in headers["x-stepladder-steps"].split(", ")]
    assert said.startswith("general: ") and set(steps) == {"answer.split", "answer.1", "answer.2", "answer"}
    composing = place.public.seen[-1]["messages"][-1]["content"]
    assert "Who may sue?" in composing and "law" in composing and "food" in composing


async def test_tools_of_an_api_and_of_an_mcp_server_are_there_for_who_may(place):
    said, headers = await place.ask("Where is 7?", "helper")
    assert '"state": "on its way"' in said and "Order 7 is on its way" in said
    assert {one.partition(";")[0] for one in headers["x-stepladder-tools"].split(", ")} >= {
        "shop.order",
        "depot.order",
    }
    assert "search" not in str(place.public.seen[-2]["tools"]), "an operation that the tenant may not use"
    said, _ = await place.ask("Where is 7?", "helper", tenant="other")
    assert said == "general: Where is 7?" and "tools" not in place.public.seen[-1]


async def test_what_is_confidential_reaches_private_models_only(place):
    before = len(place.public.seen)
    for model in ("general", "desk", "hard"):
        error, _ = await place.ask("secret", model, tenant="clinic", status=400)
        assert error["param"] == "stepladder.confidential"
    assert (await place.ask("secret", "own", tenant="clinic"))[0] == "here"
    assert (await place.ask("secret", "files"))[0] == "here"
    mark = {"confidential": True}
    await place.ask("secret", "general", status=400, stepladder=mark)
    for model in ("general", "desk"):  # as a guard says
        await place.ask("Call 13800138000", model, status=400)
    assert (await place.ask("Call 13800138000", "own"))[0] == "here"
    assert len(place.public.seen) == before


async def test_an_expert_a_tool_s_leave_and_a_task_of_a_domain_are_added_without_a_restart(place):
    config = place.product.config
    change(config, lambda text: text.replace('law = "lawyer" }', 'law = "lawyer", food = "cook" }'))
    await eventually(lambda: _says(place, "Soup?", "desk", "cook: Soup?"))
    change(config, lambda text: text + '\n[tenants.other]\ntools = ["shop"]\n')
    await eventually(lambda: _offered(place))
    command = ["task", "clone", "domain", "--domain", "travel", "--as", "trips", "--write"]
    done = await asyncio.to_thread(cli, config.parent, *command)
    assert done.returncode == 0, done.stderr
    await eventually(lambda: _says(place, "May I sue?", "trips", "law"))


async def _says(place, question, model, answer):
    try:
        return (await place.ask(question, model))[0] == answer
    except AssertionError:
        return False


async def _offered(place):
    await place.ask("Where is 7?", "helper", tenant="other")
    return "shop__search" in str(place.public.seen)


async def test_a_question_from_slack_is_answered_there(place):
    call = direct("May I sue?", time.time())
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{place.product.root}/chats/slack", data=call.body, headers=call.headers) as said,
    ):
        assert said.status == 200
    await eventually(lambda: _shown(place))
    assert place.shown[-1]["text"] == "lawyer: May I sue?"


async def _shown(place):
    return bool(place.shown)


def cli(folder, *words):
    """`stepladder` as it is typed beside a running server."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **SECRETS, "CHAT_KEY": "x"}
    command = [sys.executable, "-m", "stepladder", *words]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
