"""An embedder as a model: OpenAI's shape, batched, off the loop."""

import asyncio
import base64
import threading

import msgspec
import numpy as np
import pytest

from stepladder.core import BadRequest, ChatCall, ConfigError, RungFailed, Task, TooMany
from stepladder.models.embedding import open_embedder
from stepladder.models.embedding_model import EmbeddingModel, Together

NGRAMS = {"embedder": {"kind": "ngrams"}}


@pytest.fixture
async def model():
    model = EmbeddingModel.open("e", NGRAMS)
    yield model
    await model.close()


def call(route="embeddings", **body):
    fields = {key: msgspec.json.encode(value) for key, value in {"model": "e", **body}.items()}
    return ChatCall("1", fields, stream=False, route=route)


async def answer(model, **body):
    (piece,) = [piece async for piece in model.forward(call(**body))]
    assert piece.last
    return msgspec.json.decode(piece.data), piece


async def test_vectors_come_in_order_as_floats_or_base64(model):
    texts = ["Rain in Oslo", "奥斯陆下雨", "A cup of tea"]
    found, piece = await answer(model, input=texts)
    assert [row["index"] for row in found["data"]] == [0, 1, 2]
    rows = np.array([row["embedding"] for row in found["data"]], np.float32)
    expected = open_embedder("embedder", {"kind": "ngrams"}).embed(texts, query=False)
    assert np.allclose(rows, expected, atol=1e-6)
    packed, _ = await answer(model, input=texts, encoding_format="base64")
    again = [np.frombuffer(base64.b64decode(row["embedding"]), "<f4") for row in packed["data"]]
    assert np.array_equal(np.stack(again), rows)
    assert found["usage"]["prompt_tokens"] == piece.usage.prompt_tokens > 0 and piece.usage.estimated
    single, _ = await answer(model, input=texts[0])
    assert np.allclose(single["data"][0]["embedding"], rows[0], atol=1e-6)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": [1, 2, 3]}, "input"),
        ({"input": ["a", 3]}, "input"),
        ({"input": "a", "encoding_format": "int8"}, "encoding_format"),
        ({"input": "a", "dimensions": 7}, "dimensions"),
        ({"input": ["a"] * 257}, "input"),
        ({"input": "x" * 8001}, "input"),
        ({"input": "a", "input_type": "image"}, "input_type"),
    ],
)
async def test_what_it_cannot_do_is_refused_by_name(model, body, param):
    with pytest.raises(BadRequest) as wrong:
        await answer(model, **body)
    assert wrong.value.param.startswith(param)


async def test_it_neither_talks_nor_answers_nor_ranks(model):
    with pytest.raises(BadRequest, match="embedding model"):
        model.chat(call("chat/completions"))
    with pytest.raises(ConfigError, match="only embeds"):
        model.rung(Task("mood", "e"))
    with pytest.raises(BadRequest, match="rerank"):
        [piece async for piece in model.forward(call("rerank", query="a"))]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"input_type": "both"}, "models.e.input_type"),
        ({"queue": 0}, "models.e.queue"),
        ({"embeder": {}}, "'embedder'"),
        ({"embedder": {"kind": "magic"}}, "models.e.embedder.kind"),
    ],
)
def test_wrong_settings_are_refused_by_name(settings, named):
    with pytest.raises(ConfigError) as wrong:
        EmbeddingModel.open("e", {**NGRAMS, **settings})
    assert named in str(wrong.value)


def test_an_endpoint_is_not_private_and_the_rest_is():
    endpoint = {"kind": "endpoint", "base_url": "http://127.0.0.1:1/v1", "model": "m", "dimensions": 4}
    assert not EmbeddingModel.open("e", {"embedder": endpoint}).private
    assert EmbeddingModel.open("e", NGRAMS).private


class Slow:
    """Embeds when it is let go, and remembers what came together."""

    name, dimensions = "slow", 2

    def __init__(self):
        self.batches = []
        self.go = threading.Event()

    def embed(self, texts, *, query):
        self.batches.append((list(texts), query))
        assert threading.current_thread() is not threading.main_thread()
        assert self.go.wait(10)
        if "bad" in texts:
            raise RungFailed("slow", "It is down.")
        return np.array([[len(text), query] for text in texts], np.float32)


@pytest.fixture
def slow():
    embedder = Slow()
    together = Together("slow", embedder, limit=8)
    yield embedder, together
    embedder.go.set()
    together.close()


async def begun(embedder):
    async with asyncio.timeout(10):
        while not embedder.batches:  # noqa: ASYNC110 another thread says so
            await asyncio.sleep(0.001)


async def test_what_comes_at_the_same_time_is_embedded_together_and_each_gets_its_own(slow):
    embedder, together = slow
    first = asyncio.create_task(together.embed(["a"], query=False))
    await begun(embedder)
    rest = [asyncio.create_task(together.embed(["x" * n], query=n == 3)) for n in (2, 3, 4)]
    await asyncio.sleep(0)
    rest[0].cancel()
    embedder.go.set()
    assert (await first).tolist() == [[1, 0]]
    assert (await rest[1]).tolist() == [[3, 1]] and (await rest[2]).tolist() == [[4, 0]]
    assert ["xx"] not in [texts for texts, _ in embedder.batches], "whoever has left is not worked for"


async def test_a_failure_is_told_to_those_it_concerns_and_it_goes_on(slow):
    embedder, together = slow
    embedder.go.set()
    with pytest.raises(RungFailed):
        await together.embed(["bad"], query=False)
    assert (await together.embed(["ok"], query=False)).tolist() == [[2, 0]]


async def test_the_line_is_bounded(slow):
    embedder, together = slow
    tasks = [asyncio.create_task(together.embed(["a"], query=False))]
    await begun(embedder)
    tasks += [asyncio.create_task(together.embed(["b"] * 4, query=False)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(TooMany) as refused:
        await together.embed(["c"], query=False)
    assert refused.value.status == 503
    embedder.go.set()
    await asyncio.gather(*tasks)
