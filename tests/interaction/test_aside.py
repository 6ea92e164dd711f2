"""What models are asked beside an answer is reserved for call by call: a budget holds, and every call is on the bill."""

import asyncio

import pytest

from tests.interaction.helping import DOCUMENTS, HELP, saying
from tests.interaction.upstreams import live
from tests.models.upstream_double import chunk_event

BUDGET = "[tenants.admin.limits]\nbudget_day = {budget}\n"
SUM = """
[tasks.sum]
kind = "summary"
top = "gpt"
max_output_tokens = 60
[tasks.sum.summary]
part = 1000
"""
TEXT = " ".join(f"The ship number {n} named {n} sails from the harbour of the old town." for n in range(60))
SPOKEN = "You pay 40 euros for the blue chair. The blue chair is a fine gift. 运费是由买家来出的。"


def greedy(bill, text, *, verdict="no", fails="\0"):
    """Says `text`, and takes as many tokens as it could: every byte is read as one, and all are written that may be."""

    async def behave(asked):
        said = "\n".join(message["content"] for message in asked.body["messages"])
        if fails in said:
            return await asked.say({"error": {"message": "no"}}, 400)
        usage = {"prompt_tokens": len(said.encode()), "completion_tokens": asked.body["max_tokens"]}
        bill.append((usage["prompt_tokens"] + 2 * usage["completion_tokens"]) / 1e6)
        spoken = verdict if "Does the passage say" in said else text
        if not asked.body.get("stream"):
            choice = {"message": {"role": "assistant", "content": spoken}, "finish_reason": "stop"}
            return await asked.say({"choices": [choice], "usage": usage})
        await asked.head()
        for event in (
            {"choices": [{"index": 0, "delta": {"content": spoken}}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
            {"choices": [], "usage": usage},
        ):
            await asked.chunk(chunk_event(event))
        await asked.chunk(b"data: [DONE]\n\n")
        return await asked.end()

    return behave


async def standing(home):
    """What the tenant has spent, and what is reserved, in money."""
    said = await home.client.send("GET", "/admin/tenants")
    (card, *_) = [card for card in said.json["tenants"] if card["tenant"] == "admin"]
    return card["used"]["day"], card["used"]["reserved"]


@pytest.mark.parametrize("budget", [0.004, 0.03])
async def test_of_summaries_by_parts_a_budget_pays_as_many_as_it_holds(tmp_path, budget):
    bill = []
    tables = SUM + BUDGET.format(budget=budget)
    async with live(tmp_path, greedy(bill, "A ship sails."), tables) as home:
        asked = await asyncio.gather(*(home.client.chat(TEXT, "sum") for _ in range(12)))
        assert {response.status for response in asked} <= {200, 429}
        assert 429 in {response.status for response in asked}
        assert (budget > 0.01) == (200 in {response.status for response in asked})
        assert sum(bill) <= budget
        spent, reserved = await standing(home)
        assert reserved == 0.0 and spent <= budget
        assert spent == pytest.approx(sum(row.cost for row in home.rows()))


async def test_of_sentences_a_budget_pays_as_many_to_be_judged_as_it_holds(tmp_path):
    bill = []
    knows = 'sure = 2.0\ncheck = "model"\nunsupported = "remove"'
    tables = HELP.replace("MORE", knows).replace("cache_seconds = 600", "max_output_tokens = 100")
    async with live(tmp_path, greedy(bill, SPOKEN), tables + BUDGET.format(budget=0.05)) as home:
        await home.client.send("PUT", "/admin/knowledge/manual", {"documents": DOCUMENTS})
        asked = []
        while not asked or asked[-1].status == 200:
            asked.append(await home.client.chat("What of the blue chair and 运费?", "help"))
        assert asked[-1].status == 429 and len(asked) > 2
        spent, reserved = await standing(home)
        assert reserved == 0.0
        assert sum(bill) == pytest.approx(spent) and spent <= 0.05
        assert len(bill) > len(asked) - 1, "the judge was asked too"


async def test_what_parts_have_taken_is_paid_for_where_another_one_fails(tmp_path):
    bill = []
    upstream = greedy(bill, "A ship sails.", fails="number 59 ")
    async with live(tmp_path, upstream, SUM + BUDGET.format(budget=1.0)) as home:
        response = await home.client.chat(TEXT, "sum")
        assert response.status == 503 and len(bill) >= 3
        assert home.row(response).cost == pytest.approx(sum(bill), abs=0.001)
        assert home.row(response).cost >= sum(bill[:3])
        assert (await standing(home))[1] == 0.0


async def test_what_parts_have_taken_is_paid_for_where_the_client_leaves(tmp_path):
    bill, begun = [], asyncio.Event()
    one = greedy(bill, "A ship sails.")

    async def behave(asked):
        if "number 59 " in str(asked.body):
            begun.set()
            await asyncio.sleep(60)
        return await one(asked)

    async with live(tmp_path, behave, SUM + BUDGET.format(budget=1.0)) as home:
        asking = asyncio.create_task(home.client.chat(TEXT, "sum"))
        async with asyncio.timeout(20):
            await begun.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert home.rows()[0].cost >= sum(bill[:3])
        assert (await standing(home))[1] == 0.0


async def test_a_question_is_not_rewritten_for_nothing(tmp_path):
    """The reader answers what a model has found the words for: that call is on the bill."""
    seen = []
    tables = HELP.replace("MORE", 'rewrite = "model"\nsure = 0.0')
    async with live(tmp_path, saying("What does the blue chair cost?", seen=seen), tables) as home:
        await home.client.send("PUT", "/admin/knowledge/manual", {"documents": DOCUMENTS})
        turns = [
            {"role": "user", "content": "Tell me of the blue chair."},
            {"role": "assistant", "content": "Yes?"},
            {"role": "user", "content": "What does it cost?"},
        ]
        body = {"model": "help", "messages": turns}
        response = await home.client.send("POST", "/v1/chat/completions", body)
        assert response.headers["x-stepladder-rung"] == "reader" and len(seen) == 1
        row = home.row(response)
        assert row.cost > 0 and row.prompt_tokens > 0
