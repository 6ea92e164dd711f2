"""Secrets and personal data planted everywhere in requests are nowhere afterwards: ledger, logs, metrics, errors, files."""

import asyncio
import json
import logging
import random
from pathlib import Path

from tests.interaction.upstreams import live
from tests.models.upstream_double import DONE, completion, said

CANARIES = (
    "canary.roe@example.com",
    "13912345678",
    "4111 1111 1111 1111",
    "11010519491231002X",
    "sk-cAnArY6gH9jK2mN5pQ8sT1vW4xY7z0A",
    "AKIAIOSFODNN7CANARY1",
    "GB82 WEST 1234 5698 7654 32",
)
PRIVATE = """
[guards.personal]
mode = "enforce"
action = "pseudonym"
[guards.secrets]
mode = "enforce"
"""
CALL = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": {"q": "@", "n": ["@"]}}}
BODY = {
    "messages": [
        {"role": "system", "content": "You serve @."},
        {"role": "user", "name": "@", "content": [{"type": "text", "text": "I am @"}]},
        {"role": "assistant", "content": "Hello @", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "found @ there"},
        {"role": "user", "content": [
            {"type": "text", "text": "And @?"},
            {"type": "file", "file": {"filename": "@ notes.txt", "file_data": "data:text/plain;base64,AA=="}},
        ]},
    ],
    "user": "@",
    "metadata": {"who": "@", "@": "x"},
    "tools": [{"type": "function", "function": {"name": "find", "description": "Ask @", "parameters": {"type": "object"}}}],
    "unknown": {"deep": [{"deeper": "@ and @"}]},
    "stepladder": {"fields": {"mail": "@", "@": "x"}},
}  # fmt: skip


def planted(value, dice):
    """The value with a canary for each @, and arguments written as JSON."""
    if isinstance(value, str):
        return "".join(dice.choice(CANARIES) if character == "@" else character for character in value)
    if isinstance(value, list):
        return [planted(one, dice) for one in value]
    if isinstance(value, dict):
        found = {planted(name, dice): planted(one, dice) for name, one in value.items()}
        if isinstance(found.get("arguments"), dict):
            found["arguments"] = json.dumps(found["arguments"], ensure_ascii=dice.random() < 0.5)
        return found
    return value


def hidden(text):
    """What of the canaries a text holds, however it is spaced."""
    plain = text.replace(" ", "").replace("-", "")
    return [canary for canary in CANARIES if canary.replace(" ", "").replace("-", "") in plain]


async def asked_often(it, dice):
    for number in range(60):
        body = planted(BODY, dice) | {"model": dice.choice(["gpt", "poem"]), "stream": dice.random() < 0.5}
        response = await it.client.send("POST", "/v1/chat/completions", body)
        assert response.status in (200, 400, 502, 503), (number, response.body)
        if response.status != 200:
            assert hidden(response.body.decode()) == []


async def test_no_canary_is_anywhere_when_privacy_is_on(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    dice = random.Random(7)

    async def behave(asked):
        """Say what was asked back, fail with it, or break off with it."""
        text, way = asked.raw.decode(), dice.randrange(4)
        if way == 0:
            await asked.say({"error": {"message": f"Invalid: {text}"}}, 400)
        elif way == 1:
            asked.cut()
        elif asked.body.get("stream"):
            words = [said(text[at : at + 7]) for at in range(0, len(text), 7)]
            await asked.stream(*words, *([said("", "stop"), DONE] if way == 2 else []))
        else:
            await asked.say(completion(text))

    async with live(tmp_path, behave, PRIVATE) as it:
        await asked_often(it, dice)
        for bad in (
            {"messages": "@"},
            {"messages": [{"role": "@"}]},
            {"messages": [], "stepladder": {"@": 1}},
        ):
            response = await it.client.send(
                "POST", "/v1/chat/completions", {"model": "poem", **planted(bad, dice)}
            )
            assert response.status == 400
        assert len({asked.raw for asked in it.server.asked}) > 30
        for asked in it.server.asked:
            assert hidden(asked.raw.decode()) == []
        metrics = (await it.client.get("/metrics")).body.decode()
        rows = repr(it.rows())
        assert "<EMAIL_1>" in rows
        await asyncio.to_thread(it.house.store.check)
    assert hidden(rows) == hidden(metrics) == hidden(caplog.text) == []
    for file in filter(Path.is_file, tmp_path.rglob("*")):
        assert hidden(file.read_bytes().decode("utf-8", "replace")) == [], file
