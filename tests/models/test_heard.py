"""What an upstream says of its own version: heard in answers and streams, believed after a while."""

import json

import pytest

from stepladder.core import ChatCall
from stepladder.models import ChatModel
from stepladder.models.heard import Heard
from tests.models.upstream_double import DONE, completion, said, upstream


def test_a_version_counts_once_it_was_said_twenty_times_in_a_row():
    heard = Heard()
    for name in ["big-1"] * 19 + ["big-2"] + ["big-1"] * 19 + [None, 7, ""]:
        heard.hear(name)
    assert heard.version == ""
    heard.hear("big-1")
    assert heard.version == "big-1"
    for name in (["big-2"] * 15 + ["big-1"]) * 4:
        heard.hear(name)
    assert heard.version == "big-1"
    for _ in range(20):
        heard.hear("big-2")
    assert heard.version == "big-2"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_chat_model_listens_to_answers_and_streams(stream):
    async def behave(asked):
        if asked.body.get("stream"):
            await asked.stream({**said("hi"), "model": "big-7"}, {**said("", "stop"), "model": "big-7"}, DONE)
        else:
            await asked.say({**completion("hi"), "model": "big-7"})

    async with upstream(behave) as server:
        model = ChatModel.open("big", {"base_url": server.url, "model": "big"})
        body = {"messages": [{"role": "user", "content": "hi"}], **({"stream": True} if stream else {})}
        call = ChatCall("c", {key: json.dumps(value).encode() for key, value in body.items()}, stream)
        try:
            for _ in range(20):
                assert [piece async for piece in model.chat(call)]
            assert model.heard.version == "big-7"
        finally:
            await model.close()
