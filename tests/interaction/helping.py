"""An answer task with a few documents behind it, and an upstream that says what it is told to."""

from contextlib import asynccontextmanager

from tests.interaction.upstreams import live
from tests.models.upstream_double import chunk_event

HELP = """
[knowledge.embedder]
kind = "none"

[tasks.help]
kind = "answer"
top = "gpt"
cache_seconds = 600
[tasks.help.knowledge]
collection = "manual"
MORE

[tasks.sort]
top = "gpt"
labels = ["goods", "other"]
knowledge = "manual"
"""
DOCUMENTS = [
    {
        "id": "returns",
        "title": "退货",
        "text": "退货须在收到商品后七日内提出。运费由买家承担。",
        "source": "https://shop.test/r",
    },
    {
        "id": "chair",
        "title": "Blue chair",
        "text": "The blue chair costs 40 euros. It ships within two days.",
    },
]


def saying(text, *, seen=None):
    """An upstream that says this, plain or streamed by single characters."""

    async def behave(asked):
        if seen is not None:
            seen.append(asked.body)
        if not asked.body.get("stream"):
            return await asked.say(
                {"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}
            )
        events = [{"choices": [{"index": 0, "delta": {"content": one}}]} for one in text]
        end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        await asked.head()
        await asked.chunk(b"".join(chunk_event(event) for event in [*events, end]) + b"data: [DONE]\n\n")
        await asked.end()
        return None

    return behave


@asynccontextmanager
async def helped(folder, text, *, seen=None, knows="", documents=DOCUMENTS, tenant=""):
    async with live(folder, saying(text, seen=seen), HELP.replace("MORE", knows)) as home:
        if documents:
            put = await home.client.send(
                "PUT", "/admin/knowledge/manual", {"documents": documents, "tenant": tenant}
            )
            assert put.status == 200
        yield home


def grounds(response):
    return response.json["stepladder"]["grounds"]


def content(response):
    return response.json["choices"][0]["message"]["content"]
