"""Plans: steps with a condition on what was said before, a fallback each, one answer, and what every step took."""

import re

import pytest

from stepladder.core import ConfigError, config
from stepladder.interaction.app import App
from stepladder.interaction.compose import House
from stepladder.interaction.settings import Settings
from tests.interaction.asgi import Client
from tests.interaction.conftest import Home
from tests.product import recorded, write_config

PRICES = "price_in = 1000.0\nprice_out = 1000.0\n"
PLAN = """
[tasks.kind]
top = "router"
labels = ["law", "cooking"]

[[plans.desk.steps]]
name = "kind"
use = "kind"
quiet = true

[[plans.desk.steps]]
name = "lawyer"
use = "expert"
fallback = ["general"]
when = { kind = ["law"] }

[[plans.desk.steps]]
name = "cook"
use = "general"
otherwise = true

[[plans.checked.steps]]
name = "draft"
use = "general"

[[plans.checked.steps]]
name = "check"
use = "checker"
quiet = true
prompt = "Q: {question} A: {draft} Right?"

[[plans.checked.steps]]
name = "again"
use = "expert"
when = { check = ["no"] }
"""
LAW, SOUP, ODD = "May I sue?", "汤怎么煮？", "May I sue at night?"


@pytest.fixture
async def home(tmp_path):
    tables = [
        recorded(tmp_path, {LAW: "law", SOUP: "cooking", ODD: "law"}, name="router") + PRICES,
        recorded(tmp_path, {LAW: "Ask within a year."}, name="expert") + PRICES,
        recorded(tmp_path, {LAW: "Perhaps.", SOUP: "慢慢煮。", ODD: "Sleep first."}, name="general") + PRICES,
        recorded(
            tmp_path,
            {f"Q: {LAW} A: Perhaps. Right?": "no", f"Q: {SOUP} A: 慢慢煮。 Right?": "yes"},
            name="checker",
        ),
    ]
    house = await House.open(Settings(write_config(tmp_path, *tables, PLAN)))
    try:
        path = tmp_path / "stepladder.toml"
        yield Home(house, Client(App(house), await house.first_admin_key() or ""), path)
    finally:
        await house.close()


def text(response, stream=False):
    if not stream:
        return response.json["choices"][0]["message"]["content"]
    assert response.events[-1] == "[DONE]"
    chunks = [choice["delta"] for event in response.events[:-1] for choice in event["choices"]]
    return "".join(delta.get("content") or "" for delta in chunks)


def steps(response):
    """Step -> its facts, as the header has them."""
    found = {}
    for one in response.headers["x-stepladder-steps"].split(", "):
        (name, use), *facts = (fact.split("=") for fact in one.split(";"))
        found[name] = {"use": use, **dict(facts)}
    return found


@pytest.mark.parametrize("stream", [False, True])
async def test_a_step_chooses_who_answers(home, stream):
    law = await home.client.chat(LAW, "desk", stream=stream)
    soup = await home.client.chat(SOUP, "desk", stream=stream)
    assert (text(law, stream), text(soup, stream)) == ("Ask within a year.", "慢慢煮。")
    assert list(steps(law)) == ["kind", "lawyer"] and list(steps(soup)) == ["kind", "cook"]
    assert steps(law)["lawyer"]["use"] == "expert"


@pytest.mark.parametrize("stream", [False, True])
async def test_each_step_has_a_row_a_bill_and_a_time_to_its_first_word(home, stream):
    said = await home.client.chat(LAW, "desk", stream=stream)
    for name, facts in steps(said).items():
        row = home.house.store.ledger.get(facts["id"])
        assert row.status == "ok" and row.text == LAW, name
        assert float(facts["first_ms"]) >= 0
    first = home.house.store.ledger.get(steps(said)["kind"]["id"])
    assert (first.task, first.answer) == ("kind", "law")
    assert float(steps(said)["kind"]["cost"]) == pytest.approx(first.cost) and first.cost > 0
    assert float(steps(said)["kind"]["ms"]) >= float(steps(said)["kind"]["first_ms"])
    assert home.row(said).answer == "Ask within a year."
    spent = home.house.store.spending.of("admin")[0]
    rows = [home.house.store.ledger.get(facts["id"]) for facts in steps(said).values()]
    assert spent == round(sum(row.cost for row in rows) * 1e9), "every step is paid for once"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_step_that_fails_has_a_fallback(home, stream):
    said = await home.client.chat(ODD, "desk", stream=stream)
    assert text(said, stream) == "Sleep first."
    assert steps(said)["lawyer"]["use"] == "general"


async def test_without_a_fallback_the_error_is_told(home):
    said = await home.client.chat("Nobody knows this", "desk")
    assert said.status >= 500 and "error" in said.json


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_is_checked_and_given_again_where_it_is_wrong(home, stream):
    wrong = await home.client.chat(LAW, "checked", stream=stream)
    right = await home.client.chat(SOUP, "checked", stream=stream)
    assert text(wrong, stream) == "Ask within a year." and list(steps(wrong)) == ["draft", "check", "again"]
    assert text(right, stream) == "慢慢煮。" and list(steps(right)) == ["draft", "check"]
    assert home.row(right).answer == "慢慢煮。"
    checked = home.house.store.ledger.get(steps(wrong)["check"]["id"])
    assert checked.text == f"Q: {LAW} A: Perhaps. Right?"


async def test_a_budget_stops_a_plan_as_it_stops_a_question(home):
    home.config.write_text(home.config.read_text() + "\n[tenants.admin.limits]\nbudget_day = 0.000001\n")
    assert await home.house.reload()
    said = await home.client.chat(LAW, "desk", max_tokens=5)
    assert said.status == 429


async def test_a_plan_is_added_and_changed_without_a_restart(home):
    assert (await home.client.chat(LAW, "short")).status == 404
    more = '\n[[plans.short.steps]]\nname = "only"\nuse = "general"\n'
    home.config.write_text(home.config.read_text() + more)
    assert await home.house.reload()
    assert text(await home.client.chat(LAW, "short")) == "Perhaps."
    home.config.write_text(home.config.read_text().replace('use = "general"\n', 'use = "nothing"\n'))
    assert not await home.house.reload()
    assert text(await home.client.chat(LAW, "short")) == "Perhaps.", "the old one stays in force"


async def test_models_lists_plans_and_other_routes_refuse_them(home):
    listed = {card["id"]: card["stepladder"] for card in (await home.client.get("/v1/models")).json["data"]}
    assert listed["desk"] == {"kind": "plan", "steps": ["kind", "lawyer", "cook"]}
    assert (await home.client.get("/v1/models/desk")).status == 200
    refused = await home.client.send("POST", "/v1/embeddings", {"model": "desk", "input": "x"})
    assert refused.status == 400
    body = {"model": "desk", "max_tokens": 50, "messages": [{"role": "user", "content": LAW}]}
    said = await home.client.send("POST", "/v1/messages", body)
    assert said.json["content"][0]["text"] == "Ask within a year."


async def test_what_is_only_thought_is_no_part_of_the_conversation(home):
    await home.client.chat(LAW, "desk", stepladder={"conversation": "c"})
    whole = (await home.client.get("/v1/conversations/c")).json
    assert [answer["answer"] for answer in whole["answers"]] == ["Ask within a year."]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ('name = "a"\nuse = "none"', "'none'"),
        ('name = "question"\nuse = "router"', "steps[0].name"),
        ('name = "a"\nuse = "router"\nwhen = { b = ["x"] }', "'b'"),
        ('name = "a"\nuse = "router"\nprompt = "{b}"', "'b'"),
        ('name = "a"\nuse = "router"\nquiet = true', "without an answer"),
        ('name = "a"\nuse = "router"\nwen = {}', "'when'"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_by_name(tmp_path, wrong, named):
    with pytest.raises(ConfigError, match=re.escape(named)):
        table = f"[[plans.p.steps]]\n{wrong}\n"
        config.load(write_config(tmp_path, recorded(tmp_path, {}, name="router"), table))
