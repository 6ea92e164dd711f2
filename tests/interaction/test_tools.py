"""Tools on the path of a question: who may use which, what the guards see, what is written down and what is paid."""

import asyncio
import json

import pytest

from stepladder.core import ConfigError, config
from stepladder.interaction.app import App
from stepladder.interaction.compose import House
from stepladder.interaction.settings import Settings
from tests.interaction.asgi import Client
from tests.interaction.conftest import Home
from tests.interaction.tool_peers import shop, tool_model
from tests.product import write_config

STEPS = """
[[plans.desk.steps]]
name = "answer"
use = "big"
tools = ["shop"]

[tasks.help]
top = "big"
tools = ["shop.order"]

[tenants.admin]
tools = ["shop"]
"""
PRIVATE = "private = true\n"


def tool(api, more=""):
    return (
        f'[tools.shop]\nkind = "openapi"\ndocument = "{api.url}/openapi.json"\nlocal_addresses = true\n{more}'
    )


@pytest.fixture
async def api():
    async with shop() as peer:
        yield peer


@pytest.fixture
async def model():
    async with tool_model() as peer:
        peer.reply = lookup
        yield peer


@pytest.fixture
async def open_home(tmp_path, api, model):
    houses = []

    async def opened(*tables, big="", more=""):
        path = write_config(tmp_path, model.model("big", big), tool(api, more), *(tables or (STEPS,)))
        house = await House.open(Settings(path))
        houses.append(house)
        return Home(house, Client(App(house), await house.first_admin_key() or ""), path)

    yield opened
    for house in houses:
        await house.close()


def rows(home):
    return home.house.store.ledger.page(after=0, since=0.0, until=None, limit=100)


def results(body):
    return [message["content"] for message in body["messages"] if message["role"] == "tool"]


def lookup(body):
    """Looks an order up, then says what came of it."""
    found = results(body)
    return f"It is {found[-1]}" if found else ("Let me see.", [("shop__order", {"number": "7"})])


def text(response, stream=False):
    if not stream:
        return response.json["choices"][0]["message"]["content"]
    assert response.events[-1] == "[DONE]"
    chunks = [choice["delta"] for event in response.events[:-1] for choice in event["choices"]]
    assert not any("tool_calls" in delta for delta in chunks), "our calls are nobody else's"
    return "".join(delta.get("content") or "" for delta in chunks)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ["desk", "help"])
async def test_a_model_uses_a_tool_and_answers(open_home, model, api, name, stream):
    home = await open_home()
    said = await home.client.chat("Where is order 7?", name, stream=stream)
    assert said.status == 200, said.body
    assert "on its way" in text(said, stream)
    assert api.seen[-1][1] == "/orders/7"
    row = home.row(said)
    assert row.status == "ok" and "on its way" in row.answer
    (used,) = json.loads(row.tools)
    assert used["tool"] == "shop.order" and used["ok"] and used["ms"] > 0
    assert (row.prompt_tokens, row.completion_tokens) == (20, 10), "both rounds are counted"
    assert row.cost == pytest.approx(20 * 1e-3 + 10 * 2e-3)
    assert home.house.store.spending.of("admin")[0] == round(row.cost * 1e9)


async def test_a_stream_is_one_answer_with_one_id_and_one_bill(open_home):
    home = await open_home()
    said = await home.client.chat("?", "desk", stream=True, stream_options={"include_usage": True})
    events = said.events[:-1]
    assert len({event["id"] for event in events}) == 1
    assert [event["usage"]["total_tokens"] for event in events if event.get("usage")] == [30]
    ends = [one["finish_reason"] for event in events for one in event["choices"] if one["finish_reason"]]
    assert ends == ["stop"]
    assert text(said, stream=True).startswith("Let me see.\n\nIt is")
    plain = await home.client.chat("?", "desk")
    assert plain.json["usage"]["total_tokens"] == 30
    assert "shop.order;ms=" in plain.headers["x-stepladder-tools"]


async def test_only_what_task_and_tenant_allow_is_offered(open_home, model):
    home = await open_home()

    async def offered(name):
        model.seen.clear()
        await home.client.chat("?", name)
        return {one["function"]["name"] for one in model.seen[0].get("tools", ())}

    assert await offered("help") == {"shop__order"}
    assert {"shop__order", "shop__search"} <= await offered("desk")
    assert await offered("big") == set(), "a plain model is asked as it was asked"
    mine = '[tenants.admin]\ntools = ["shop"]'
    whole = home.config.read_text()
    home.config.write_text(whole.replace(mine, mine.replace("shop", "shop.search")))
    assert await home.house.reload()
    assert await offered("desk") == {"shop__search"}
    home.config.write_text(whole.replace(mine, ""))
    assert await home.house.reload()
    assert await offered("desk") == await offered("help") == set(), "by default a tenant has none"


async def test_what_is_not_offered_cannot_be_called(open_home, model, api):
    home = await open_home()
    model.reply = lambda body: (
        results(body)[-1] if results(body) else [("shop__search", {"q": "x"}), ("rm", {})]
    )
    said = await home.client.chat("?", "help")
    assert "there is no tool 'rm'" in text(said)
    assert not [path for _, path, _, _ in api.seen if path.startswith("/search")]


async def test_a_clients_own_tools_pass_through_untouched(open_home, model):
    home = await open_home()
    own = [{"type": "function", "function": {"name": "mine", "parameters": {"type": "object"}}}]
    model.reply = lambda body: [("mine", {"a": 1})]
    said = await home.client.chat("?", "big", tools=own)
    assert said.json["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "mine"
    assert model.seen[-1]["tools"] == own
    refused = await home.client.chat("?", "desk", tools=own)
    assert refused.status == 400 and refused.error["param"] == "tools"


async def test_calls_side_by_side_and_errors_are_results(open_home, model):
    home = await open_home(more="seconds = 1.0\n")

    def reply(body):
        if results(body):
            return " | ".join(results(body))
        return [
            ("shop__order", {"number": "1"}),
            ("shop__slow", {}),
            ("shop__order", {}),
            ("shop__order", "{"),
        ]

    model.reply = reply
    said = await home.client.chat("?", "desk")
    first, slow, missing, broken = text(said).split(" | ")
    assert '"order": "1"' in first and "did not answer" in slow
    assert "number is missing" in missing and "no JSON" in broken
    assert [one["ok"] for one in json.loads(home.row(said).tools)].count(True) == 1
    answered = [message for message in model.seen[-1]["messages"] if message["role"] == "tool"]
    called = next(message for message in model.seen[-1]["messages"] if message.get("tool_calls"))
    assert [one["tool_call_id"] for one in answered] == [one["id"] for one in called["tool_calls"]]


async def test_rounds_calls_and_results_are_bounded(open_home, model):
    steps = STEPS.replace(
        'tools = ["shop"]', 'tools = { use = ["shop"], rounds = 2, calls = 2, most_kb = 1 }', 1
    )
    home = await open_home(steps)
    model.reply = lambda body: (
        "enough"
        if body.get("tool_choice") == "none"
        else [("shop__big", {}), *[("shop__order", {"number": "1"})] * 3]
    )
    said = await home.client.chat("?", "desk")
    assert text(said) == "enough" and len(model.seen) == 3
    told = results(model.seen[-1])
    assert len(told) == 8 and sum(map(len, told)) < 1400
    assert len(json.loads(home.row(said).tools)) == 4, "two calls in each of two rounds"
    model.reply = lambda body: [("shop__order", {"number": "1"})]
    failed = await home.client.chat("?", "desk")
    assert failed.status >= 500 and "has not answered" in failed.error["message"]
    assert rows(home)[-1].prompt_tokens == 30, "what was spent is paid for"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_round_that_fails_is_told_and_what_was_before_is_paid(open_home, model, stream):
    home = await open_home()
    model.reply = lambda body: 500 if results(body) else [("shop__order", {"number": "7"})]
    said = await home.client.chat("?", "desk", stream=stream)
    assert said.status >= 500
    row = rows(home)[-1]
    assert (row.status, row.prompt_tokens, row.completion_tokens) == ("failed", 10, 5)
    assert (await home.client.chat("?", "help", stream=stream)).status >= 500
    assert rows(home)[-1].prompt_tokens == 10 and rows(home)[-1].cost == pytest.approx(0.02)


async def test_a_budget_that_all_rounds_might_overshoot_lets_nothing_pass(open_home, model):
    home = await open_home(STEPS + "limits = { budget_day = 10.0 }\n", big="max_output_tokens = 10\n")
    assert (await home.client.chat("?", "desk")).status == 429
    assert not model.seen and (await home.client.chat("?", "big")).status == 200


async def test_each_round_is_sent_what_a_budget_reserves_for_it(open_home, model):
    home = await open_home(STEPS + "limits = { budget_day = 1e9 }\n")
    for name in ("help", "desk"):
        assert (await home.client.chat("?", name)).status == 200
    assert [body.get("max_tokens") for body in model.seen] == [4096] * 4


async def test_a_confidential_question_reaches_private_tools_only(open_home, model, api):
    home = await open_home(big=PRIVATE)
    secret = {"stepladder": {"confidential": True}}
    model.reply = lambda body: "nothing" if "tools" not in body else lookup(body)
    for name in ("desk", "help"):
        assert text(await home.client.chat("?", name, **secret)) == "nothing"
    assert not [path for _, path, _, _ in api.seen if path.startswith("/orders")]
    home.config.write_text(
        home.config.read_text().replace("local_addresses", "private = true\nlocal_addresses")
    )
    assert await home.house.reload()
    for name in ("desk", "help"):
        assert "on its way" in text(await home.client.chat("?", name, **secret))


async def test_a_new_tool_needs_no_restart_and_a_wrong_one_changes_nothing(open_home, model, api):
    home = await open_home()
    more = (
        f'[tools.find]\nkind = "http"\nurl = "{api.url}/find"\ndescription = "Find"\nlocal_addresses = true\n'
    )
    whole = home.config.read_text().replace('["shop"]', '["shop", "find"]') + more
    home.config.write_text(whole)
    assert await home.house.reload()
    model.reply = lambda body: results(body)[-1] if results(body) else [("find", {})]
    assert '"path": "find"' in text(await home.client.chat("?", "desk"))
    home.config.write_text(whole.replace('kind = "http"', 'kind = "htp"'))
    assert not await home.house.reload()
    assert '"path": "find"' in text(await home.client.chat("?", "desk")), "the old one stays in force"


async def test_a_tool_that_is_down_is_left_out(open_home, model, api, tmp_path):
    home = await open_home()
    text_ = home.config.read_text()
    home.config.write_text(text_.replace(api.url, "http://127.0.0.1:9"))
    assert await home.house.reload()
    model.reply = lambda body: "without" if "tools" not in body else "with"
    assert text(await home.client.chat("?", "desk")) == "without"


async def test_a_client_that_leaves_stops_it_and_pays_for_what_was(open_home, model, api):
    home = await open_home(more="seconds = 30.0\n")
    model.reply = lambda body: ("I look", [("shop__slow", {})])
    asking = asyncio.ensure_future(home.client.chat("?", "desk", stream=True))
    await asyncio.wait_for(api.slowly.wait(), 20)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    (row,) = rows(home)
    assert row.status == "partial" and row.prompt_tokens >= 10


@pytest.mark.parametrize(
    ("tables", "named"),
    [
        ('[tenants.a]\ntools = ["shp"]\n', "'shop'"),
        ('[tasks.a]\ntop = "big"\ntools = ["nothing"]\n', "tasks.a.tools"),
        ('[[plans.p.steps]]\nname = "a"\nuse = "big"\ntools = { use = ["shop"], round = 1 }\n', "round"),
        (
            '[[plans.p.steps]]\nname = "a"\nuse = "t"\ntools = ["shop"]\n[tasks.t]\ntop = "big"\n',
            "gives tools",
        ),
        ('[tasks.a]\ntop = "big"\ntools = { use = ["shop"], rounds = 0 }\n', "rounds"),
        ('[tools.a]\nurl = "x"\n', "kind"),
        ('[tools."a b"]\nkind = "http"\n', "no name"),
        ('[tools.a]\nkind = "http"\nseconds = 0\n', "seconds"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused_by_name(tables, named):
    base = '[models.big]\nkind = "chat"\nbase_url = "http://h/v1"\nmodel = "m"\n[tools.shop]\nkind = "http"\n'
    with pytest.raises(ConfigError, match=named):
        config.parse(base + tables)
