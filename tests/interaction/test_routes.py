"""Embeddings, rerank and completions: passed on as they came, through the same gateway, ledger and metrics."""

import asyncio

import pytest

from tests.interaction.upstreams import live
from tests.models.upstream_double import DONE, chunk_event, completion, counted, said, until

VECTORS = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": "AACAPwAAAEA="}],
    "usage": {"prompt_tokens": 5, "total_tokens": 5},
    "odd": [1.50],
}


async def test_embeddings_pass_with_every_field_and_are_written_down(tmp_path):
    async with live(tmp_path, lambda asked: asked.say(VECTORS)) as home:
        body = {"model": "gpt", "input": ["天气", "fine"], "encoding_format": "base64", "dimensions": 2}
        response = await home.client.send("POST", "/v1/embeddings", body)
        (asked,) = home.server.asked
        assert asked.body == {**body, "model": "m-1"}
        assert response.json == VECTORS
        row = home.row(response)
        metrics = (await home.client.get("/metrics")).body.decode()
    assert (row.model, row.text, row.status) == ("gpt", "天气\nfine", "ok")
    assert (row.prompt_tokens, row.completion_tokens, row.cost) == (5, 0, pytest.approx(5e-6))
    assert 'stepladder_answers_total{model="gpt",rung="gpt",status="ok",task=""} 1.0' in metrics


async def test_rerank_tells_only_a_total_and_completions_are_streamed(tmp_path):
    async def behave(asked):
        if "query" in asked.body:
            await asked.say({"results": [{"index": 1, "relevance_score": 0.9}], "usage": {"total_tokens": 9}})
        else:
            choice = {"index": 0, "text": "fine", "finish_reason": None}
            end = {"index": 0, "text": "", "finish_reason": "stop"}
            await asked.stream({"choices": [choice]}, {"choices": [end]}, counted(), DONE)

    async with live(tmp_path, behave) as home:
        body = {"model": "gpt", "query": "hi", "documents": ["a", "b"]}
        ranked = await home.client.send("POST", "/v1/rerank", body)
        assert ranked.json["results"][0]["index"] == 1
        assert (home.row(ranked).text, home.row(ranked).prompt_tokens) == ("hi", 9)
        body = {"model": "gpt", "prompt": "Say", "stream": True}
        written = await home.client.send("POST", "/v1/completions", body)
        assert written.events[0]["choices"][0]["text"] == "fine"
        assert written.events[-1] == "[DONE]"
        assert (home.row(written).text, home.row(written).answer) == ("Say", "fine")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": "gpt"}, "input"),
        ({"model": "gpt", "input": []}, "input"),
        ({"model": "gpt", "input": ""}, "input"),
        ({"input": "x"}, "model"),
        ({"model": "nobody", "input": "x"}, "model"),
        ({"model": "mood", "input": "x"}, "model"),
        ({"model": "big", "input": "x"}, "model"),
    ],
)
async def test_what_cannot_be_forwarded_is_refused_by_name(tmp_path, body, param):
    (tmp_path / "a.jsonl").write_text('{"input": "a", "answer": "b"}\n')
    big = f'[models.big]\nkind = "recorded"\npath = "{tmp_path / "a.jsonl"}"\n'
    async with live(tmp_path, None, big) as home:
        response = await home.client.send("POST", "/v1/embeddings", body)
    assert response.error["param"] == param
    assert response.status in (400, 404)


async def test_models_say_what_they_are_to_both_kinds_of_clients(tmp_path):
    async with live(tmp_path, None, model="private = true\n") as home:
        listed = (await home.client.get("/v1/models")).json
    assert (listed["object"], listed["has_more"]) == ("list", False)
    assert (listed["first_id"], listed["last_id"]) == ("mood", "gpt")
    cards = {card["id"]: card for card in listed["data"]}
    assert cards["gpt"]["stepladder"] == {"kind": "model", "plugin": "chat", "private": True}
    assert cards["mood"]["stepladder"]["labels"] == ["good", "bad"]
    assert (cards["mood"]["object"], cards["mood"]["type"], cards["mood"]["display_name"]) == (
        "model",
        "model",
        "mood",
    )


# ------------------------------------------------------------------------------ what an unfinished answer costs


async def test_who_leaves_a_stream_stops_the_upstream_and_pays_for_what_was_written(tmp_path):
    async def behave(asked):
        await asked.head()
        await asked.chunk(chunk_event(said("你好, this is it")))
        await asked.gone()

    async with live(tmp_path, behave) as home:
        await home.client.chat("hello there", model="gpt", stream=True, leave_after=1)
        await home.server.left_alone()
        (row,) = home.rows()
    assert (row.status, row.answer) == ("partial", "你好, this is it")
    assert (row.completion_tokens, row.estimated) == (5, True)
    assert row.prompt_tokens > 2
    assert row.cost == pytest.approx((row.prompt_tokens + 2 * row.completion_tokens) / 1e6)


async def test_a_tasks_stream_that_its_reader_left_is_paid_for_too(tmp_path):
    async def behave(asked):
        await asked.head()
        await asked.chunk(chunk_event(said("Roses are red")))
        await asked.gone()

    async with live(tmp_path, behave) as home:
        await home.client.chat("A poem", model="poem", stream=True, leave_after=1)
        await home.server.left_alone()
        (row,) = home.rows()
    assert (row.status, row.answer, row.completion_tokens) == ("partial", "Roses are red", 4)
    assert row.estimated
    assert row.cost == pytest.approx((row.prompt_tokens + 2 * 4) / 1e6)


async def test_a_stream_that_breaks_is_paid_for_as_far_as_it_came(tmp_path):
    async def behave(asked):
        await asked.head()
        await asked.chunk(chunk_event(said("four words are here")))
        await heard.wait()
        asked.cut()

    heard = asyncio.Event()
    async with live(tmp_path, behave) as home:
        body = {"model": "gpt", "messages": [{"role": "user", "content": "hi"}], "stream": True}
        response = await home.client.send("POST", "/v1/chat/completions", body, heard=heard)
        (row,) = home.rows()
    assert response.events[-1]["error"]["type"] == "upstream_error"
    assert (row.status, row.completion_tokens) == ("failed", 5)
    assert row.cost > 0


async def test_tokens_that_nobody_counted_are_marked_as_a_guess(tmp_path):
    body = completion("four words are here")
    del body["usage"]

    async def behave(asked):
        if asked.body.get("stream"):
            await asked.stream(said("four words are here", "stop"), DONE)
        else:
            await asked.say(body)

    async with live(tmp_path, behave) as home:
        plain, task = await home.client.chat("hi", model="gpt"), await home.client.chat("hi", model="poem")
        rows = [home.row(plain), home.row(task)]
    assert [answer.headers["x-stepladder-estimated"] for answer in (plain, task)] == ["tokens"] * 2
    assert [(row.estimated, row.completion_tokens) for row in rows] == [(True, 5)] * 2


async def test_a_refusal_costs_nothing(tmp_path):
    async with live(tmp_path, lambda asked: asked.say({"error": {"message": "no"}}, 500)) as home:
        await home.client.chat("hi", model="gpt")
        (row,) = home.rows()
    assert (row.status, row.prompt_tokens, row.cost) == ("failed", 0, 0.0)


async def test_a_label_outside_the_contract_stays_in_the_bill(tmp_path):
    async with live(tmp_path, lambda asked: asked.say(completion("ugly"))) as home:
        response = await home.client.chat("hi")
        (row,) = home.rows()
    assert response.status == 502
    assert (row.status, row.prompt_tokens, row.completion_tokens) == ("failed", 7, 2)
    assert not row.estimated
    assert row.cost == pytest.approx(11e-6)


async def test_an_answer_of_a_fallback_is_named_priced_and_no_label(tmp_path):
    other = '[models.b]\nkind = "chat"\nbase_url = "URL"\nmodel = "m-2"\nprice_in = 100.0\n'

    async def behave(asked):
        if asked.body["model"] == "m-1":
            await asked.say({"error": {"message": "no"}}, 500)
        else:
            await asked.say(completion("good"))

    async with live(tmp_path, behave, other, model='fallback = ["b"]\n') as home:
        plain = await home.client.chat("hi", model="gpt")
        task = await home.client.chat("hi")
        assert (plain.headers["x-stepladder-rung"], task.headers["x-stepladder-rung"]) == ("b", "b")
        for response in (plain, task):
            row = home.row(response)
            assert (row.rung, row.status, row.top) == ("b", "ok", False)
            assert row.cost == pytest.approx(7e-4)
        assert home.house.store.ledger.labelled("mood") == []


@pytest.mark.parametrize("private", [True, False])
async def test_a_confidential_question_never_reaches_a_public_model(tmp_path, private):
    more = f"private = {str(private).lower()}\n"
    async with live(tmp_path, lambda asked: asked.say(completion("good")), model=more) as home:
        mark = {"stepladder": {"confidential": True}}
        hi = [{"role": "user", "content": "hi"}]
        answers = [
            await home.client.chat("hi", model="gpt", **mark),
            await home.client.chat("hi", **mark),
            await home.client.send("POST", "/v1/messages", {"model": "gpt", "messages": hi, **mark}),
            await home.client.send("POST", "/v1/responses", {"model": "gpt", "input": "hi", **mark}),
            await home.client.send("POST", "/v1/embeddings", {"model": "gpt", "input": "hi", **mark}),
        ]
        assert {answer.status for answer in answers} == {200 if private else 400}
        assert len(home.server.asked) == (5 if private else 0)
        assert all("stepladder" not in asked.body for asked in home.server.asked)


async def test_who_leaves_before_a_plain_answer_stops_the_upstream_and_pays_for_what_was_read(tmp_path):
    async def behave(asked):
        await asked.gone()

    async with live(tmp_path, behave) as home:
        leaves = asyncio.Event()
        asking = asyncio.create_task(home.client.chat("hi", model="gpt", leaves=leaves))
        await until(lambda: home.server.asked)
        leaves.set()
        await home.server.left_alone()
        await asking
        (row,) = home.rows()
    assert (row.status, row.answer) == ("partial", "") and row.prompt_tokens > 0 and row.cost > 0


@pytest.mark.parametrize(
    ("path", "key", "body", "status"),
    [
        ("/v1/chat/completions", "", b"{", 400),
        ("/v1/messages", "", {"model": "none", "max_tokens": 5, "messages": []}, 400),
        ("/v1/responses", "", {"model": "none", "input": "hi"}, 404),
        ("/v1/chat/completions", "sl-wrong", {"model": "gpt", "messages": []}, 401),
        ("/v1/feedback", "", {"request_id": "none"}, 400),
        ("/v1/nowhere", "", {}, 404),
    ],
)
async def test_every_error_has_a_request_id_where_the_sdks_look_for_it(tmp_path, path, key, body, status):
    async def never(asked):
        raise AssertionError(asked)

    async with live(tmp_path, never) as home:
        first, second = [await home.client.send("POST", path, body, key=key) for _ in range(2)]
        assert first.status == status
        ids = {
            response.headers[name] for response in (first, second) for name in ("x-request-id", "request-id")
        }
        assert len(ids) == 2 and all(id.startswith("sl") for id in ids)
        if path == "/v1/messages":
            assert first.json["request_id"] == first.headers["request-id"]
        assert not home.rows()
