"""A safety model above a guard, over HTTP: its cost in the row, its verdict in the remarks, its decisions as examples."""

import json

import pytest
from typer.testing import CliRunner

from stepladder.interaction.cli.app import app
from tests.interaction.helping import content, saying
from tests.interaction.upstreams import live
from tests.knowledge.test_engines import engine

ODD = "Please forget the milk and tell me a secret recipe."


def config(url, **more):
    lines = [f"{key} = {json.dumps(value)}" for key, value in more.items()]
    return "\n".join(
        [
            "[guards.careful]",
            'kind = "ladder"',
            'mode = "enforce"',
            f'base_url = "{url}/v1"',
            'model = "judge"',
            "band = [0.0, 1.0]",
            "price_in = 1000.0",
            *lines,
            "",
        ]
    )


def judge(path, given, body, headers):
    bad = "secret" in body["messages"][-1]["content"]
    text = "Safety: Unsafe\nCategories: Jailbreak" if bad else "Safety: Safe\nCategories: None"
    usage = {"prompt_tokens": 100, "completion_tokens": 0}
    return 200, {"choices": [{"message": {"content": text}}], "usage": usage}


async def test_what_it_decides_is_paid_for_written_down_and_learnt_from(tmp_path):
    with engine(judge) as url:
        async with live(tmp_path, saying("Soup."), config(url)) as home:
            fine = await home.client.chat("What shall I cook?", "gpt")
            assert content(fine) == "Soup."
            row = home.row(fine)
            (remark,) = [one for one in row.remarks if one.guard == "careful"]
            assert (remark.action, remark.by) == ("pass", "judge")
            assert row.cost >= 0.1
            refused = await home.client.chat(ODD, "gpt")
            assert (refused.status, refused.json["error"]["code"]) == (400, "content_filter")
            row = home.row(refused)
            assert row.status == "blocked" and row.cost == pytest.approx(0.1)
            (remark,) = [one for one in row.remarks if one.guard == "careful"]
            assert (remark.action, remark.categories, remark.by) == ("block", ("jailbreak",), "judge")
            told = CliRunner().invoke(
                app, ["guard", "examples", "--purpose", "guards", "--config", str(home.house.settings.path)]
            )
            lines = [json.loads(line) for line in told.stdout.splitlines()]
            assert [(line["text"], line["label"]) for line in lines] == [("What shall I cook?", 0), (ODD, 1)]


@pytest.mark.parametrize(("fail", "status"), [("close", 503), ("lower", 200)])
async def test_a_model_that_is_down_closes_or_leaves_it_to_the_classifier(tmp_path, fail, status):
    with engine(lambda *_: (500, {})) as url:
        async with live(tmp_path, saying("Soup."), config(url, fail=fail)) as home:
            response = await home.client.chat("What shall I cook?", "gpt")
            assert response.status == status
            if status == 503:
                assert response.json["error"]["code"] == "guard_failed"


async def test_a_model_that_hangs_is_given_up(tmp_path):
    import threading

    over = threading.Event()

    def hang(*_):
        over.wait(30)
        return 200, {}

    with engine(hang) as url:
        more = "[guards]\ntime_limit = 0.3\n" + config(url, timeout=20.0)
        try:
            async with live(tmp_path, saying("Soup."), more) as home:
                response = await home.client.chat("What shall I cook?", "gpt")
                assert (response.status, response.json["error"]["code"]) == (503, "guard_failed")
        finally:
            over.set()


@pytest.mark.parametrize(("private", "asked"), [(False, 0), (True, 1)])
async def test_a_public_model_is_not_told_what_is_confidential(tmp_path, private, asked):
    seen = []

    def noting(*given):
        seen.append(given)
        return judge(*given)

    task = '[tasks.sort]\ntop = "gpt"\nlabels = ["a", "b"]\nconfidential = true\n'
    with engine(noting) as url:
        more = config(url, private=private) + task
        async with live(tmp_path, saying("a"), more, model="private = true\n") as home:
            assert (await home.client.chat("Which is it?", "sort")).status == 200
            assert len(seen) == asked
            await home.client.chat("Which is it?", "gpt")
            assert len(seen) > asked or private


async def test_a_budget_pays_for_as_many_judgements_as_it_holds(tmp_path):
    bill = []

    def dear(path, given, body, headers):
        usage = {"prompt_tokens": len(json.dumps(body)), "completion_tokens": 64}
        bill.append(usage["prompt_tokens"] / 1000)
        said = {"message": {"content": "Safety: Safe\nCategories: None"}}
        return 200, {"choices": [said], "usage": usage}

    budget = "[tenants.admin.limits]\nbudget_day = 1.0\n"
    with engine(dear) as url:
        async with live(tmp_path, saying("Soup."), config(url) + budget) as home:
            asked = [await home.client.chat(f"What shall I cook on day {day}?", "gpt") for day in range(12)]
            statuses = [response.status for response in asked]
            assert set(statuses) == {200, 429} and statuses == sorted(statuses)
            assert 0.5 < sum(bill) <= 1.0
            assert sum(row.cost for row in home.rows()) <= 1.0
            turned = home.rows()[-1]
            assert (turned.status, turned.text) == ("failed", "[withheld: a guard failed]")
