"""Upstreams on their bad days, through the whole house: every question ends, has one row, and is paid for once at most."""

import asyncio
import json
import random

import pytest

from tests.interaction.upstreams import live
from tests.models.upstream_double import DONE, chunk_event, completion, counted, echo, said

HI = [{"role": "user", "content": "hi"}]
QUICK = "first_token_timeout = 0.3\nbetween_timeout = 0.3\ntotal_timeout = 2.0\nconnect_timeout = 0.2\n"
ROUTES = {
    "/v1/chat/completions": {"model": "gpt", "messages": HI},
    "/v1/messages": {"model": "gpt", "messages": HI},
    "/v1/responses": {"model": "gpt", "input": "hi"},
}


async def begin(asked):
    """The head, and a first word where a stream is wanted."""
    stream = asked.body.get("stream")
    await asked.head(kind="text/event-stream" if stream else "application/json")
    await asked.chunk(chunk_event(said("one")) if stream else b'{"choices": [')


async def killed(asked):
    await begin(asked)
    await asyncio.sleep(0.05)
    asked.cut()


async def refused(asked):
    asked.cut()


async def silent(asked):
    await asked.gone()


async def half_a_chunk(asked):
    await begin(asked)
    await asked.write(b'ffff\r\ndata: {"choices": [{"del')
    await asked.gone()


async def slow_loris(asked):
    await asked.head(kind="text/event-stream" if asked.body.get("stream") else "application/json")
    while not asked.writer.is_closing():
        await asked.chunk(b":")
        await asyncio.sleep(0.01)


async def refusal_in_the_middle(asked):
    await begin(asked)
    await asyncio.sleep(0.05)
    await asked.chunk(chunk_event({"error": {"message": "Slow down.", "code": 429}}))
    await asked.gone()


async def wrong_type(asked):
    await asked.say(b"<html>Sign in</html>", kind="text/html")


async def ten_megabytes(asked):
    await asked.head(kind="text/event-stream" if asked.body.get("stream") else "application/json")
    for _ in range(640):
        await asked.chunk(b"x" * 16384)
    await asked.end()


async def no_utf_8(asked):
    wrong = b'{"choices":[{"index":0,"message":{"content":"\xff"},"delta":{"content":"\xff"}}]}'
    if asked.body.get("stream"):
        await asked.stream(b"data: " + wrong + b"\n\n")
    else:
        await asked.say(wrong)


async def truncated(asked):
    """A length that is not kept."""
    await asked.head(kind="application/json", **{"Content-Length": "1000"})
    await asked.write(b'{"choices":')
    asked.cut()


async def no_http(asked):
    await asked.write(b"SSH-2.0-OpenSSH_9.6\r\n")
    await asked.gone()


FAULTS = [
    killed,
    refused,
    silent,
    half_a_chunk,
    slow_loris,
    refusal_in_the_middle,
    wrong_type,
    ten_megabytes,
    no_utf_8,
    truncated,
    no_http,
]


def is_error(route, response, stream):
    """Whether a response is an error in its API's shape, as a body or as the last event."""
    if response.headers["content-type"] == "application/json":
        body = response.json
    else:
        body = json.loads(response.body.decode().strip().rsplit("data: ", 1)[1])
        assert stream and b"[DONE]" not in response.body and b"message_stop" not in response.body
    if route == "/v1/messages":
        return body["type"] == "error" and body["error"]["type"] in ("api_error", "timeout_error")
    return body["error"]["type"] == "upstream_error"


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("stream", [False, True])
async def test_every_fault_is_one_clear_error_and_one_row(tmp_path, route, stream):
    day = {"fault": silent}

    async def behave(asked):
        await day["fault"](asked)

    async with live(tmp_path, behave, model=QUICK) as home:
        before = len(asyncio.all_tasks())
        for number, fault in enumerate(FAULTS, 1):
            day["fault"] = fault
            (replica,) = home.house.gateway.snapshot.models["gpt"]._attempts.replicas.all
            replica.breaker.succeeded()
            async with asyncio.timeout(20):
                response = await home.client.send("POST", route, {**ROUTES[route], "stream": stream})
            assert is_error(route, response, stream), fault.__name__
            rows = home.rows()
            assert [row.status for row in rows] == ["failed"] * number, fault.__name__
            assert rows[-1].id == response.headers["x-stepladder-request-id"]
            assert replica.busy == 0 and not replica.upstream._gate.locked()
        day["fault"] = echo
        replica.breaker.succeeded()
        assert (await home.client.chat("still here", model="gpt")).status == 200
        assert len(home.rows()) == len(FAULTS) + 1
        assert len(asyncio.all_tasks()) <= before + 2 * home.server.open + 1


@pytest.mark.parametrize("stream", [False, True])
async def test_with_retries_and_a_fallback_each_question_is_answered_or_fails_once_and_paid_for_once(
    tmp_path, stream
):
    """Forty questions against a server that fails at random: all that the callers got is in the ledger, once."""
    draw = random.Random(7)
    faults = [killed, refused, refusal_in_the_middle, wrong_type, no_utf_8, truncated]

    async def behave(asked):
        if asked.body["model"] == "m-1" and draw.random() < 0.6:
            await draw.choice(faults)(asked)
        elif asked.body.get("stream"):
            await asked.stream(said("fine"), said("", "stop"), counted(), DONE)
        else:
            await asked.say(completion("fine"))

    other = '[models.b]\nkind = "chat"\nbase_url = "URL"\nmodel = "m-2"\nprice_in = 1.0\nprice_out = 2.0\n'
    more = QUICK + 'fallback = ["b"]\n'
    async with live(tmp_path, behave, other, model=more) as home:
        async with asyncio.timeout(60):
            answers = await asyncio.gather(
                *(home.client.chat(f"q{n}", model="gpt", stream=stream) for n in range(40))
            )
        rows = {row.id: row for row in home.rows()}
    assert len(rows) == 40
    for answer in answers:
        row = rows[answer.headers["x-stepladder-request-id"]]
        fine = answer.status == 200 and (not stream or answer.events[-1] == "[DONE]")
        assert (row.status == "ok") is fine
        if fine:
            assert row.answer == "fine"
            assert (row.prompt_tokens, row.completion_tokens) == (7, 2)
            assert row.cost == pytest.approx(11e-6)
    assert sum(row.status == "ok" for row in rows.values()) >= (20 if stream else 40)


async def test_a_client_that_leaves_stops_the_upstream_whatever_it_is_doing(tmp_path):
    async def behave(asked):
        await begin(asked)
        await asked.gone()

    async with live(tmp_path, behave) as home:
        for route, body in ROUTES.items():
            home.server.left.clear()
            await home.client.send("POST", route, {**body, "stream": True}, leave_after=1)
            await home.server.left_alone()
        assert [row.status for row in home.rows()] == ["partial"] * 3
        assert {row.answer for row in home.rows()} == {"one"}
        assert all(row.cost > 0 for row in home.rows())
