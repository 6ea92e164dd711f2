"""A split as callers and owners see it: the arm in header, row and metrics; budgets, caches, secrets, changed shares."""

import json
from pathlib import Path

import pytest

from stepladder.store import LedgerRow
from tests.interaction.asgi import Client
from tests.interaction.upstreams import live
from tests.models.upstream_double import DONE, completion, counted, said

ARMS = """
[models.big]
kind = "chat"
base_url = "URL"
model = "big"
price_in = 10.0
price_out = 100.0
retries = 0
[models.small]
kind = "chat"
base_url = "URL"
model = "small"
price_in = 1.0
price_out = 1.0
retries = 0
[models.either]
kind = "split"
arms = { big = 0.5, small = 0.5 }
"""


async def fine(asked):
    if asked.body.get("stream"):
        await asked.stream(said(asked.body["model"]), said("", "stop"), counted(), DONE)
    else:
        await asked.say(completion(asked.body["model"]))


def again(folder):
    """A place of its own for a second house."""
    other = folder / "again"
    other.mkdir()
    return other


def arm(response):
    return response.headers.get("x-stepladder-arm")


async def asked(home, **more):
    response = await home.client.chat("hi", "either", **more)
    assert response.status == 200, response.json
    return response


@pytest.mark.parametrize("stream", [False, True])
async def test_the_arm_is_in_header_row_and_metrics_and_it_is_who_answers(tmp_path, stream):
    async with live(tmp_path, fine, ARMS) as home:
        arms = set()
        for k in range(12):
            response = await asked(home, user=f"u{k}", stream=stream)
            arms.add(arm(response))
            row = home.row(response)
            assert (row.model, row.ladder_release, row.rung) == ("either", arm(response), arm(response))
            assert row.answer == arm(response) == home.server.asked[-1].body["model"]
            assert row.cost == pytest.approx((7 * 10 + 2 * 100 if row.rung == "big" else 7 + 2) / 1e6)
        assert arms == {"big", "small"}
        told = (await home.client.get("/metrics")).body.decode()
        count = sum(row.rung == "big" for row in home.rows())
        assert f'stepladder_arms_total{{arm="big",model="either",status="ok"}} {count:.1f}' in told
        assert "either" in [one["id"] for one in (await home.client.get("/v1/models")).json["data"]]


async def test_a_conversation_a_person_and_an_unnamed_chat_keep_their_arm_through_every_api(tmp_path):
    async with live(tmp_path, fine, ARMS) as home:
        for k in range(6):
            first = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": f"begin {k}"}]
            later = [*first, {"role": "assistant", "content": "x"}, {"role": "user", "content": "go on"}]
            bodies = [{"messages": first}, {"messages": later}, {"messages": later, "stream": True}]
            path = "/v1/chat/completions"
            found = {
                arm(await home.client.send("POST", path, {"model": "either", **body})) for body in bodies
            }
            for more in ({"user": f"p{k}"}, {"stepladder": {"conversation": f"c{k}"}}):
                assert len({arm(await asked(home, **more)) for _ in range(3)}) == 1
            assert len(found) == 1
            answer = await home.client.send(
                "POST", "/v1/responses", {"model": "either", "input": f"begin {k}"}
            )
            on = {"model": "either", "input": "more", "previous_response_id": answer.json["id"]}
            assert arm(await home.client.send("POST", "/v1/responses", on)) == arm(answer)
            told = {
                "messages": first[1:],
                "max_tokens": 5,
                "metadata": {"user_id": f"p{k}"},
                "model": "either",
            }
            same = await home.client.send("POST", "/v1/messages", told)
            assert arm(same) == arm(await asked(home, user=f"p{k}"))


async def test_two_tenants_people_of_one_name_are_drawn_apart(tmp_path):
    async with live(tmp_path, fine, ARMS) as home:
        other = Client(home.client.app, home.house.store.keys.create("desk", tenant="other"))
        await home.house.refresh()
        pairs = [
            (await asked(home, user=f"u{k}"), await other.chat("hi", "either", user=f"u{k}"))
            for k in range(24)
        ]
        assert any(arm(one) != arm(two) for one, two in pairs)


async def test_shares_change_on_reload_and_only_those_move_who_must(tmp_path):
    async with live(tmp_path, fine, ARMS.replace("big = 0.5, small = 0.5", "big = 0.8, small = 0.2")) as home:

        async def arms():
            return [arm(await asked(home, user=f"u{k}")) for k in range(40)]

        def written(shares):
            path = Path(tmp_path) / "stepladder.toml"
            text = path.read_text()
            head, _, _ = text.partition("arms = ")
            path.write_text(f"{head}arms = {shares}\n")

        before = await arms()
        models = {name: id(home.house.gateway.snapshot.models[name]) for name in ("big", "small")}
        written("{ big = 0.4, small = 0.6 }")
        assert await home.house.reload()
        after = await arms()
        assert {name: id(home.house.gateway.snapshot.models[name]) for name in models} == models
        assert "big" in before
        assert all(now == "small" for then, now in zip(before, after, strict=True) if then == "small")
        assert before.count("small") < after.count("small") < 40
        written("{ big = 0.0, small = 1.0 }")
        assert await home.house.reload()
        assert set(await arms()) == {"small"}
        written("{ big = 0.4, small = 0.7 }")
        assert not await home.house.reload()
        assert set(await arms()) == {"small"}, "the old one stays"


async def test_a_failure_counts_for_its_arm_and_a_stand_in_does_not_hide_whose_it_was(tmp_path):
    async def half(asked):
        if asked.body["model"] == "big":
            await asked.say({"error": {"message": "no"}}, 500)
        else:
            await fine(asked)

    tables = ARMS.replace('model = "big"', 'model = "big"\nfallback = ["gpt"]').replace("m-1", "gpt")
    async with live(tmp_path, half, tables) as home:
        found = [await asked(home, user=f"u{k}") for k in range(12)]
        rows = [home.row(one) for one in found]
        assert {(row.ladder_release, row.rung) for row in rows} == {("big", "gpt"), ("small", "small")}
        assert {arm(one) for one in found} == {"big", "small"}
    async with live(again(tmp_path), half, ARMS) as home:
        failed = [await home.client.chat("hi", "either", user=f"u{k}") for k in range(12)]
        assert {home.row(one).ladder_release for one in failed if one.status != 200} == {"big"}
        told = (await home.client.get("/metrics")).body.decode()
        assert 'stepladder_arms_total{arm="big",model="either",status="failed"}' in told


async def test_a_budget_reserves_for_the_dearest_arm_whoever_is_drawn(tmp_path):
    # 4,096 tokens of the big arm would be .41; of the small one .004.
    budget = "[tenants.admin.limits]\nbudget_day = 0.3\n"
    async with live(tmp_path, fine, ARMS + budget) as home:
        refused = [await home.client.chat("hi", "either", user=f"u{k}") for k in range(8)]
        assert {one.status for one in refused} == {429}
        assert not home.server.asked
        small = await home.client.chat("hi", "small")
        assert small.status == 200
        fits = [await home.client.chat("hi", "either", user=f"u{k}", max_tokens=50) for k in range(8)]
        assert {one.status for one in fits} == {200}


async def test_each_arm_has_its_own_bound_and_its_own_cache(tmp_path):
    tables = ARMS.replace('model = "big"', 'model = "big"\nmax_output_tokens = 5\ncache_seconds = 60')
    async with live(tmp_path, fine, tables) as home:
        for k in range(10):
            first, second = await asked(home, user=f"u{k}"), await asked(home, user=f"u{k}")
            kept = second.headers.get("x-stepladder-cache") == "hit"
            assert kept is (arm(first) == "big")
            assert second.json["choices"] == first.json["choices"]
            assert arm(second) == arm(first)
            row = home.row(second)
            assert (row.ladder_release, row.source) == (arm(first), "cache" if kept else "live")
        bounds = {one.body["model"]: one.body.get("max_tokens") for one in home.server.asked}
        assert bounds == {"big": 5, "small": None}


async def test_what_is_confidential_reaches_the_private_arm_alone_and_counts_for_none(tmp_path):
    private = ARMS.replace('model = "small"', 'model = "small"\nprivate = true')
    async with live(tmp_path, fine, private) as home:
        for k in range(10):
            response = await asked(home, user=f"u{k}", stepladder={"confidential": True})
            row = home.row(response)
            assert (arm(response), row.ladder_release, row.rung) == (None, "", "small")
        assert {one.body["model"] for one in home.server.asked} == {"small"}
        assert "stepladder_arms_total{" not in (await home.client.get("/metrics")).body.decode()
    async with live(again(tmp_path), fine, ARMS) as home:
        response = await home.client.chat("hi", "either", stepladder={"confidential": True})
        assert response.status == 400
        assert response.error["param"] == "stepladder.confidential"
        assert not home.server.asked


async def test_what_a_guard_finds_confidential_leaves_the_public_arm_it_was_drawn_for(tmp_path):
    private = ARMS.replace('model = "small"', 'model = "small"\nprivate = true\ncache_seconds = 60')
    rule = '[guards.personal]\nmode = "enforce"\naction = "pass"\nconfidential = true\n'
    async with live(tmp_path, fine, private + rule) as home:
        for k in range(8):
            response = await home.client.chat("My number is 13800138000", "either", user=f"u{k}")
            assert response.status == 200, response.json
            assert (arm(response), home.row(response).rung) == (None, "small")
        assert {one.body["model"] for one in home.server.asked} == {"small"}


async def test_vectors_are_asked_of_an_arm_by_its_name(tmp_path):
    async with live(tmp_path, fine, ARMS) as home:
        response = await home.client.send("POST", "/v1/embeddings", {"model": "either", "input": "hi"})
        assert response.status == 400
        assert "Ask one of its arms" in json.dumps(response.json)


def test_the_command_says_what_each_arm_was_like_and_how_sure_it_is(shell):
    arms = '[models.other]\nkind = "recorded"\npath = "teacher.jsonl"\n[models.either]\nkind = "split"\n'
    file = shell.folder / "stepladder.toml"
    file.write_text(f"{file.read_text()}{arms}arms = {{ teacher = 0.3, other = 0.7 }}\n")
    rows = [
        LedgerRow(
            f"r{k:03}", float(k), "acme", "", "either", f"q{k}", rung=arm, ladder_release=arm, status=status
        )
        for k in range(300)
        for arm, status in [("teacher", "failed") if k % 2 else ("other", "ok")]
    ]
    store = shell.store()
    store.ledger.write_many(rows)
    store.close()
    assert shell("split", "compare", "either") == 0
    assert "teacher 1.000" in shell.out and "worse" in shell.out and "0.05 at most" in shell.out
    assert shell("split", "compare", "either", "--json", "--margin", "0.1") == 0
    told = json.loads(shell.out)
    assert [arm["arm"] for arm in told["arms"]] == ["other", "teacher"], "the larger one leads"
    assert told["compared"][0]["shown"] == "worse"
    assert shell("split", "compare", "either", "--against", "teacher", "--json") == 0
    assert json.loads(shell.out)["compared"][0]["shown"] == "better"
    assert shell("split", "compare", "either", "--since", "2030-01-01") == 0
    assert "no proof that the arms are equal" in shell.out
    assert shell("split", "compare", "teacher") == 2
    assert "Splits: either" in shell.err
    assert shell("split", "compare", "either", "--against", "x") == 2
