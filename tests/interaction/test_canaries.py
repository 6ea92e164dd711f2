"""Secrets and personal data planted everywhere in requests are nowhere afterwards: ledger, logs, metrics, errors, files."""

import asyncio
import json
import logging
import random
from pathlib import Path

import pytest

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


async def asked_often(it, dice, *, own=False):
    """`own`: guards only look, so that what was sent may come back to whoever sent it."""
    for number in range(60):
        body = planted(BODY, dice) | {"model": dice.choice(["gpt", "poem"]), "stream": dice.random() < 0.5}
        body["stepladder"]["conversation"] = f"c{number % 5}"
        if body["model"] == "poem":
            del body["messages"][-1]["content"][1]  # a task takes no files
        response = await it.client.send("POST", "/v1/chat/completions", body)
        assert response.status in (200, 400, 502, 503), (number, response.body)
        if response.status != 200 and not own:
            assert hidden(response.body.decode()) == []


def echoing(dice):
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

    return behave


def kept_in(folder):
    """What of the canaries any file holds."""
    return {
        canary
        for file in filter(Path.is_file, folder.rglob("*"))
        for canary in hidden(file.read_bytes().decode("utf-8", "replace"))
    }


async def test_no_canary_is_anywhere_when_privacy_is_on(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    dice = random.Random(7)
    async with live(tmp_path, echoing(dice), PRIVATE) as it:
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
    assert kept_in(tmp_path) == set()


@pytest.mark.parametrize("watching", ["observe", "off"])
@pytest.mark.parametrize(("personal", "shown"), [("pass", 5), ("redact", 0), ("hash", 0), ("mask", 0)])
async def test_what_guards_let_through_is_not_kept(tmp_path, caplog, monkeypatch, watching, personal, shown):
    """Secrets never are; personal data as `[privacy]` says. The asker and the model have all of it."""
    monkeypatch.setenv("HASHING", "sixteen bytes at least")
    caplog.set_level(logging.DEBUG)
    dice = random.Random(11)
    wanted = f'[guards]\nmode = "{watching}"\n[privacy]\npersonal = "{personal}"\nkey = "env:HASHING"\n'
    async with live(tmp_path, echoing(dice), wanted) as it:
        await asked_often(it, dice, own=True)
        assert len({c for asked in it.server.asked for c in hidden(asked.raw.decode())}) == len(CANARIES)
        metrics = (await it.client.get("/metrics")).body.decode()
        rows = repr(it.rows())
        for row in it.rows():
            if row.text:
                feedback = {"request_id": row.id, "answer": CANARIES[4], "comment": " ".join(CANARIES)}
                response = await it.client.send("POST", "/v1/feedback", feedback)
                assert response.status == 200
    assert "[OPENAI_KEY]" in rows and "[AWS_KEY]" in rows
    kept = kept_in(tmp_path)
    assert not kept & set(CANARIES[4:6]), "a secret is kept"
    assert len(kept) == len(set(hidden(rows))) == shown
    assert hidden(metrics) == hidden(caplog.text) == []
