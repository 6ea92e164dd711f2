"""A question broken down and answered by tasks, and experts chosen by a step of their own."""

import json
import re

import pytest

from stepladder.core import ConfigError, config
from stepladder.interaction.app import App
from stepladder.interaction.compose import House
from stepladder.interaction.settings import Settings
from tests.interaction.asgi import Client
from tests.interaction.conftest import Home
from tests.interaction.test_plans import steps
from tests.interaction.tool_peers import tool_model
from tests.product import recorded, write_config

PLAN = """
[tasks.colour]
top = "colours"
prompt = "Which colour?"
labels = ["red", "white"]

[tasks.size]
top = "sizes"
prompt = "How big?"

[[plans.hard.steps]]
name = "answer"
use = "big"
split = { tasks = ["colour", "size"], fallback = ["general"], most = 3, at_once = 2 }

[[plans.safe.steps]]
name = "answer"
use = "big"
split = { tasks = ["colour", "size"] }
fallback = ["general"]
"""
ASKED = "Which colour is snow, and how big is Mars?"
PARTS = [("colour", "Which colour is snow?"), ("size", "How big is Mars?")]


def broken(parts):
    return json.dumps({"parts": [{"task": task, "question": question} for task, question in parts]})


def big(body, parts=PARTS):
    """Breaks a question down, puts answers together, or answers by itself."""
    said = body["messages"][-1]["content"]
    if said.startswith("Break the question"):
        return broken(parts)
    found = re.findall(r"^\d\. .*\n   (.*)$", said, re.M)
    return "Together: " + ", ".join(found) if found else "Undivided"


@pytest.fixture
async def model():
    async with tool_model() as peer:
        peer.reply = big
        yield peer


@pytest.fixture
async def home(tmp_path, model):
    tables = [
        model.model("big"),
        recorded(tmp_path, {"Which colour is snow?": "white"}, name="colours") + "price_in = 1000.0\n",
        recorded(tmp_path, {"How big is the moon?": "3474 km"}, name="sizes"),
        recorded(tmp_path, {"How big is Mars?": "6779 km", ASKED: "In short"}, name="general"),
    ]
    house = await House.open(Settings(write_config(tmp_path, *tables, PLAN)))
    try:
        path = tmp_path / "stepladder.toml"
        yield Home(house, Client(App(house), await house.first_admin_key() or ""), path)
    finally:
        await house.close()


def text(response, stream):
    if not stream:
        return response.json["choices"][0]["message"]["content"]
    chunks = [choice["delta"] for event in response.events[:-1] for choice in event["choices"]]
    return "".join(delta.get("content") or "" for delta in chunks)


@pytest.mark.parametrize("stream", [False, True])
async def test_parts_are_answered_low_and_one_that_fails_has_its_fallback(home, model, stream):
    said = await home.client.chat(ASKED, "hard", stream=stream)
    assert text(said, stream) == "Together: white, 6779 km"
    done = steps(said)
    assert set(done) == {"answer.split", "answer.1", "answer.2", "answer"}
    assert (done["answer.1"]["use"], done["answer.2"]["use"]) == ("colour", "general")
    rows = home.house.store.ledger.page(after=0, since=0.0, until=None, limit=20)
    whole = {row.id: row for row in rows}
    first = done["answer.split"]["id"]
    assert whole[first].parent == ""
    assert {row.parent for row in rows if row.id != first} == {first}, (
        "the ledger shows what belongs together"
    )
    assert [row.status for row in rows if row.task == "size"] == ["failed"]
    assert whole[done["answer.1"]["id"]].task == "colour"
    spent = home.house.store.spending.of("admin")[0]
    assert spent == round(sum(row.cost for row in rows) * 1e9) and spent > 0


async def test_what_is_not_broken_down_is_asked_as_it_is(home, model):
    for said in (
        "{}",
        "no",
        broken([("nothing", "x")]),
        broken([]),
        broken([("size", f"{n}") for n in range(4)]),
    ):
        model.reply = lambda body, said=said: (
            said if "Break the" in body["messages"][-1]["content"] else "Undivided"
        )
        answer = await home.client.chat(ASKED, "hard")
        assert text(answer, False) == "Undivided", said
        assert set(steps(answer)) == {"answer.split", "answer"}


async def test_where_a_part_has_no_answer_the_steps_own_fallback_answers_all(home):
    said = await home.client.chat(ASKED, "safe")
    assert text(said, False) == "In short" and steps(said)["answer"]["use"] == "general"


async def test_a_part_is_no_part_of_the_conversation_and_asks_nothing_of_the_caller(home, model):
    extra = {"stepladder": {"conversation": "c"}, "max_tokens": 77, "user": "ann"}
    await home.client.chat(ASKED, "hard", **extra)
    whole = (await home.client.get("/v1/conversations/c")).json
    assert [answer["answer"] for answer in whole["answers"]] == ["Together: white, 6779 km"]
    breaking, composing = model.seen
    assert "max_tokens" not in breaking and composing["max_tokens"] == 77
    assert breaking["response_format"]["type"] == "json_schema" and "response_format" not in composing


async def test_a_narrow_class_is_not_overrun_by_its_own_parts(home):
    narrow = '\n[classes.narrow]\nconcurrency = 1\n[tenants.admin]\nservice = "narrow"\n'
    home.config.write_text(home.config.read_text() + narrow)
    assert await home.house.reload()
    assert text(await home.client.chat(ASKED, "hard"), False) == "Together: white, 6779 km"


async def test_a_confidential_question_has_confidential_parts(home, model):
    said = await home.client.chat(ASKED, "hard", stepladder={"confidential": True})
    assert said.status == 400 and not model.seen, "its models are public"


EXPERTS = """
[tasks.domain]
top = "router"
labels = ["law", "food", "other"]

[[plans.desk.steps]]
name = "domain"
use = "domain"
quiet = true

[[plans.desk.steps]]
name = "expert"
by = "domain"
experts = { law = "lawyer" }
use = "general"
fallback = ["spare"]
"""


async def test_an_answer_chooses_the_expert_and_a_new_one_needs_no_restart(tmp_path):
    soup = "How is soup made?"
    tables = [
        recorded(
            tmp_path, {"May I sue?": "law", soup: "food", "Why?": "other", "Lost": "law"}, name="router"
        ),
        recorded(tmp_path, {"May I sue?": "Yes."}, name="lawyer"),
        recorded(tmp_path, {soup: "Slowly."}, name="cook"),
        recorded(tmp_path, {soup: "With water.", "Why?": "Because."}, name="general"),
        recorded(tmp_path, {"Lost": "Found."}, name="spare"),
    ]
    path = write_config(tmp_path, *tables, EXPERTS)
    house = await House.open(Settings(path))
    try:
        client = Client(App(house), await house.first_admin_key() or "")

        async def asked(question):
            said = await client.chat(question, "desk")
            return text(said, False), steps(said)["expert"]["use"]

        assert await asked("May I sue?") == ("Yes.", "lawyer")
        assert await asked(soup) == ("With water.", "general"), "who has no expert gets the default"
        assert await asked("Lost") == ("Found.", "spare"), "an expert that fails has a fallback"
        path.write_text(path.read_text().replace('law = "lawyer"', 'law = "lawyer", food = "cook"'))
        assert await house.reload()
        assert await asked(soup) == ("Slowly.", "cook")
        assert await asked("Why?") == ("Because.", "general")
        path.write_text(path.read_text().replace('food = "cook"', 'fod = "cook"'))
        assert not await house.reload(), "no answer is called so"
        assert await asked(soup) == ("Slowly.", "cook")
    finally:
        await house.close()


@pytest.mark.parametrize(
    ("step", "named"),
    [
        ('by = "a"', "only one of"),
        ('experts = { x = "big" }', "only one of"),
        ('by = "none"\nexperts = { x = "big" }', "'none'"),
        ('by = "a"\nexperts = { x = "nobody" }', "'nobody'"),
        ('by = "a"\nexperts = { x = "big" }', "experts"),
        ('split = { task = ["t"] }', "tasks"),
        ('split = { tasks = ["big"] }', "split.tasks"),
        ('split = { tasks = ["t"], fallback = ["nobody"] }', "fallback"),
        ('split = { tasks = ["t"], most = 0 }', "most"),
        ('split = { tasks = ["t"], compose = "t" }', "no model"),
    ],
)
def test_a_step_that_cannot_be_is_refused_by_name(step, named):
    base = '[models.big]\nkind = "chat"\nbase_url = "http://h/v1"\nmodel = "m"\n[tasks.t]\ntop = "big"\nlabels = ["l", "k"]\n'
    plan = (
        '[[plans.p.steps]]\nname = "a"\nuse = "t"\nquiet = true\n[[plans.p.steps]]\nname = "b"\nuse = "big"\n'
    )
    with pytest.raises(ConfigError, match=re.escape(named)):
        config.parse(base + plan + step)
