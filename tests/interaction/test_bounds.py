"""What a budget reserves for an answer is all that the upstream is allowed to write."""

import json

import pytest

from stepladder.core import Tenant
from stepladder.service import read
from tests.interaction.helping import HELP
from tests.interaction.upstreams import live
from tests.models.upstream_double import DONE, completion, counted, said

BUDGET = "[tenants.admin.limits]\nbudget_day = 1.0\n"
FREE = '[models.free]\nkind = "chat"\nbase_url = "URL"\nmodel = "m-2"\n'
DEAR = '[models.dear]\nkind = "chat"\nbase_url = "URL"\nmodel = "m-3"\nfallback = ["gpt"]\n'


async def fine(asked):
    await asked.say(completion("fine"))


@pytest.mark.parametrize(
    ("tables", "model", "named", "sent"),
    [
        (BUDGET, "gpt", {}, 4096),
        ("[tenants.admin.each_key]\nbudget_month = 1.0\n", "gpt", {}, 4096),
        (BUDGET + DEAR, "dear", {}, 4096),  # its fallback has a price
        (BUDGET, "gpt", {"max_tokens": 7}, 7),
        (BUDGET, "gpt", {"max_completion_tokens": 7}, None),
        (BUDGET + FREE, "free", {}, None),
        ("", "gpt", {}, None),
        ("[tenants.admin.limits]\ntokens_per_minute = 100000\n", "gpt", {}, None),
    ],
)
async def test_what_is_reserved_is_what_is_sent(tmp_path, tables, model, named, sent):
    async with live(tmp_path, fine, tables) as home:
        assert (await home.client.chat("hi", model, **named)).status == 200
        (asked,) = home.server.asked
        assert asked.body.get("max_tokens") == sent


async def test_what_the_table_says_goes_before_it(tmp_path):
    async with live(tmp_path, fine, BUDGET, model="max_output_tokens = 50\n") as home:
        assert (await home.client.chat("hi", "gpt")).status == 200
        assert home.server.asked[0].body["max_tokens"] == 50


TASKS = """
[tasks.short]
top = "gpt"
max_output_tokens = 5
[tasks.form]
top = "gpt"
schema = { type = "object", properties = { a = { type = "string" } } }
[tasks.same]
top = "free"
[[plans.two.steps]]
name = "one"
use = "poem"
quiet = true
[[plans.two.steps]]
name = "two"
use = "poem"
"""


def saying(text, finish="stop"):
    async def behave(asked):
        if asked.body.get("stream"):
            await asked.stream(said(text), said("", finish), counted(), DONE)
        else:
            whole = completion(text)
            whole["choices"][0]["finish_reason"] = finish
            await asked.say(whole)

    return behave


@pytest.mark.parametrize(
    ("tables", "task", "sent"),
    [
        (BUDGET, "poem", [4096]),
        (BUDGET, "mood", [4096]),
        (BUDGET, "short", [5]),
        (BUDGET, "two", [4096, 4096]),
        (BUDGET, "same", [None]),  # it has no price
        ("", "poem", [None]),
        ("", "short", [5]),
    ],
)
async def test_a_task_s_top_is_sent_what_is_reserved(tmp_path, tables, task, sent):
    async with live(tmp_path, saying("good"), tables + FREE + TASKS) as home:
        assert (await home.client.chat("hi", task)).status == 200
        assert [asked.body.get("max_tokens") for asked in home.server.asked] == sent


@pytest.mark.parametrize(("extra", "sent"), [(9000, 4096), (70, 70)])
async def test_what_the_model_s_table_says_of_it_counts_up_to_there(tmp_path, extra, sent):
    model = f"extra = {{ max_completion_tokens = {extra} }}\n"
    async with live(tmp_path, saying("good"), BUDGET, model=model) as home:
        assert (await home.client.chat("hi", "mood")).status == 200
        body = home.server.asked[0].body
        assert (body["max_completion_tokens"], "max_tokens" in body) == (sent, False)


async def test_an_answer_that_is_cut_off_by_it_is_a_cut_answer(tmp_path):
    async with live(tmp_path, saying('{"a": "b', "length"), BUDGET + FREE + TASKS) as home:
        assert (await home.client.chat("hi", "form")).status == 502
        whole = await home.client.chat("hi", "poem")
        assert whole.json["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize(("left", "status"), [(0.0085, 429), (0.0095, 200)])
async def test_a_model_that_writes_the_queries_is_reserved_for_too(tmp_path, left, status):
    """Before it is asked: the answer's own reservation fits, and what is `left` beside it decides."""
    (tmp_path / "before").mkdir()
    said = [{"role": role, "content": "hi"} for role in ("user", "assistant", "user")]
    body = {"model": "help", "messages": said}
    tables = HELP.replace("MORE", 'rewrite = "model"')
    async with live(tmp_path / "before", saying("good"), tables) as home:
        most = home.house.gateway.admit(read(json.dumps(body).encode()), Tenant("admin")).most()[1]
    budget = BUDGET.replace("1.0", f"{most + left:.6f}")
    async with live(tmp_path, saying("good"), tables + budget) as home:
        response = await home.client.send("POST", "/v1/chat/completions", body)
        assert response.status == status
        assert bool(home.server.asked) == (status == 200)
