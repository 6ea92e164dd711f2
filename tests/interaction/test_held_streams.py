"""An answer that a guard holds, asked for as a stream: its asker is told where to ask for it, whatever has left by then."""

import asyncio
import json

import pytest

from tests.interaction.test_guarded import ROUTES, answering, asking, heard
from tests.interaction.test_reviews import admin, holding
from tests.interaction.upstreams import live
from tests.models.upstream_double import DONE, chunk_event, said

pytest.importorskip("cryptography")
LONG = "Once upon a time there was a fox. " * 8


def held_whole(how="buffer"):
    """An answer of more than 100 characters is held."""
    return f'[guards]\nmode = "enforce"\nstreams = "{how}"\n[guards.form]\naction = "hold"\nlongest = 100\n'


def pausing(*texts):
    """An upstream that writes one text, and the next once that has been read."""

    async def behave(asked):
        await asked.head()
        for text in texts:
            for at in range(0, len(text), 20):
                await asked.chunk(chunk_event(said(text[at : at + 20])))
            await asyncio.sleep(0.05)
        await asked.chunk(chunk_event(said("", "stop")))
        await asked.chunk(DONE)
        await asked.end()

    return behave


def told(response):
    """What the events of a stream say of what waits."""
    events = [json.loads(line[6:]) for line in response.body.decode().splitlines() if line[:7] == "data: {"]
    inside = [event.get("response") or event for event in events]
    found = [each["stepladder"]["held"] for each in inside if "held" in each.get("stepladder", {})]
    return events, found


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("model", ["gpt", "poem"])
async def test_where_nothing_has_left_it_is_answered_as_a_plain_one_is(tmp_path, model, route):
    async with live(tmp_path, answering(LONG), held_whole()) as it:
        response = await it.client.send("POST", route, {**asking(route, "hi", stream=True), "model": model})
        assert (response.status, response.headers["content-type"]) == (202, "application/json")
        assert "fox" not in response.body.decode()
        id = response.json["id"]
        assert response.json["url"] == f"/v1/held/{id}" and response.headers["x-stepladder-request-id"] == id
        assert it.row(response).status == "held"
        assert (await it.client.get(f"/v1/held/{id}")).status == 202
        await admin(it, f"/{id}/approve", {})
        assert heard(await it.client.get(f"/v1/held/{id}")).count("fox") == 8
        assert len(it.server.asked) == 1


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("model", "how"), [("gpt", "window"), ("poem", "window"), ("gpt", "cut"), ("poem", "cut")]
)
async def test_a_stream_that_has_begun_says_it_with_its_end(tmp_path, model, how, route):
    guards = held_whole("cut") if how == "cut" else holding(tmp_path)
    behave = pausing("Here is a fox. " * 6, "Then frobnicate it. " * 20)
    async with live(tmp_path, behave, guards) as it:
        response = await it.client.send("POST", route, {**asking(route, "hi", stream=True), "model": model})
        assert response.status == 200 and "fox" in heard(response)
        assert how == "cut" or "frob" not in heard(response)
        events, (held,) = told(response)
        assert held["id"] == response.headers["x-stepladder-request-id"]
        assert (await it.client.get(held["url"])).status == 202
        if route == "/v1/messages":
            assert events[-2]["delta"]["stop_reason"] == "refusal"
        elif route == "/v1/responses":
            assert events[-1]["type"] == "response.incomplete"
        else:
            (choice,) = events[-1]["choices"]
            assert choice["finish_reason"] == "content_filter"
        await admin(it, f"/{held['id']}/correct", {"answer": "A shorter tale."})
        assert "A shorter tale." in heard(await it.client.get(held["url"]))


async def test_who_wants_an_answer_instead_of_a_wait_gets_a_stream_as_before(tmp_path):
    guards = held_whole().replace("[guards]\n", '[guards]\nhold = "answer"\n', 1)
    async with live(tmp_path, answering(LONG), guards) as it:
        response = await it.client.chat("hi", "gpt", stream=True)
        assert response.status == 200 and heard(response) == "This request waits for a person to look at it."
        assert told(response)[1] == []


async def test_what_is_blocked_names_no_place_to_ask(tmp_path):
    guards = held_whole("cut").replace('action = "hold"', 'action = "block"')
    async with live(tmp_path, answering(LONG), guards) as it:
        response = await it.client.chat("hi", "gpt", stream=True)
        assert response.status == 200 and told(response)[1] == []
