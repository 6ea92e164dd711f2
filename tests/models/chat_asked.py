"""A chat model in front of an upstream double, and calls to it."""

from contextlib import asynccontextmanager

import pytest

from stepladder.core import ChatCall, UpstreamFailed
from stepladder.models import ChatModel
from tests.models.upstream_double import upstream

PLAIN = {"messages": b'[{"role":"user","content":"hi"}]'}


@asynccontextmanager
async def model_of(behave, **settings):
    async with upstream(behave) as server:
        model = ChatModel.open(
            "big", {"base_url": server.url + "/", "model": "gpt-x", "retries": 0, **settings}
        )
        try:
            yield model, server
        finally:
            await model.close()


def gate(model):
    """The bound on calls at a time of the model's one server."""
    (replica,) = model._attempts.replicas.all
    assert replica.busy == replica.upstream._gate.locked()
    return replica.upstream._gate


def call(body=PLAIN, *, stream=False, wants_usage=False):
    if stream:
        body = {**body, "stream": b"true"}
    return ChatCall("q1", body, stream, wants_usage)


async def pieces(model, asked):
    return [piece async for piece in model.chat(asked)]


async def failure(behave, *, stream, **settings):
    """The error that a behaviour becomes, once it is seen that the next call finds the gate open."""
    async with model_of(behave, **{"concurrency": 1, **settings}) as (model, _):
        with pytest.raises(UpstreamFailed) as caught:
            await pieces(model, call(stream=stream))
        assert not gate(model).locked()
    assert caught.value.rung == "big"
    assert "big" in caught.value.message
    return caught.value
