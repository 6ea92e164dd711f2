"""The exact cache: the same question is answered from memory and written down, and no change goes unnoticed."""

import json

import pytest

from stepladder.interaction.app import App
from stepladder.interaction.compose import House
from stepladder.interaction.settings import Settings
from tests.interaction.asgi import Client
from tests.interaction.conftest import ANSWERS, Home
from tests.product import mood, recorded, write_config

PRICES = "price_in = 1000.0\nprice_out = 1000.0\ncache_seconds = 60\n"


@pytest.fixture
def config(tmp_path):
    return write_config(tmp_path, recorded(tmp_path, ANSWERS) + PRICES, mood(more="cache_seconds = 60"))


def facts(response):
    return {name.removeprefix("x-stepladder-"): value for name, value in response.headers.items()}


async def twice(home, **asked):
    first = await home.client.chat(**asked)
    return first, await home.client.chat(**asked)


@pytest.mark.parametrize("stream", [False, True])
async def test_the_same_question_to_a_task_is_answered_from_memory_for_nothing(home, stream):
    first, second = await twice(home, stream=stream)
    assert "cache" not in facts(first) and facts(second)["cache"] == "hit"
    assert float(facts(first)["cost"]) > 0 and float(facts(second)["cost"]) == 0
    row, again = home.row(first), home.row(second)
    assert (again.source, again.cost, again.prompt_tokens) == ("cache", 0.0, 0)
    for name in ("answer", "rung", "release", "ladder_release", "top", "confidence", "text", "tenant", "key"):
        assert getattr(row, name) == getattr(again, name), name
    if stream:
        assert second.events[-1] == "[DONE]"
        text = "".join(event["choices"][0]["delta"].get("content", "") for event in second.events[:-1])
        assert text == "good"
    else:
        assert second.json["choices"] == first.json["choices"]
        assert second.json["stepladder"]["cost"] == 0


@pytest.mark.parametrize("stream", [False, True])
async def test_a_plain_models_answer_comes_again_byte_for_byte(home, stream):
    first, second = await twice(home, text="hi", model="big", stream=stream)
    assert second.body == first.body
    assert facts(second)["cache"] == "hit"
    assert home.row(second).answer == "Hello there" and home.row(second).cost == 0


@pytest.mark.parametrize(
    "other",
    [
        {"temperature": 0.5},
        {"stream": True},
        {"text": "Fine day "},
        {"stepladder": {"fields": {"stars": 5}}},
        {"stepladder": {"force": "top"}},
    ],
)
async def test_any_other_request_is_another_question(home, other):
    await home.client.chat("Fine day")
    asked = {"text": "Fine day", **other}
    assert "cache" not in facts(await home.client.chat(**asked))


async def test_a_confidential_question_is_not_kept(tmp_path):
    path = write_config(tmp_path, recorded(tmp_path, ANSWERS), mood(more="cache_seconds = 60"))
    house = await House.open(Settings(path))
    served = house.gateway.snapshot.tasks["mood"]
    try:
        client = Client(App(house), await house.first_admin_key() or "")
        object.__setattr__(served, "private", True)
        for _ in range(2):
            said = await client.chat(stepladder={"confidential": True})
            assert "cache" not in facts(said)
    finally:
        await house.close()


async def test_tenants_do_not_see_each_others_answers(home):
    await home.client.chat()
    other = home.house.store.keys.create("other")
    same = home.house.store.keys.create("second", tenant="admin")
    await home.house.refresh()
    body = {"model": "mood", "messages": [{"role": "user", "content": "Fine day"}]}
    path = "/v1/chat/completions"
    assert "cache" not in facts(await home.client.send("POST", path, body, key=other))
    assert facts(await home.client.send("POST", path, body, key=same))["cache"] == "hit"


async def test_an_edit_of_the_dictionary_is_seen_at_once(home):
    await twice(home)
    entry = {"key": "Fine day", "answer": "bad"}
    await home.client.send("PUT", "/admin/tasks/mood/dictionary", entry)
    said = await home.client.chat()
    assert "cache" not in facts(said)
    assert said.json["choices"][0]["message"]["content"] == "bad"
    await home.client.send("DELETE", "/admin/tasks/mood/dictionary", {"key": "Fine day"})
    assert (await home.client.chat()).json["choices"][0]["message"]["content"] == "good"


async def test_so_is_the_kill_switch_and_another_configuration(home):
    await twice(home)
    await home.client.send("POST", "/admin/tasks/mood/mode", {"mode": "top"})
    assert "cache" not in facts(await home.client.chat())
    assert facts(await home.client.chat())["cache"] == "hit"
    home.config.write_text(home.config.read_text().replace("Good or bad?", "Bad or good?"))
    assert await home.house.reload()
    assert "cache" not in facts(await home.client.chat())


async def test_a_failure_is_not_kept(home):
    first, second = await twice(home, text="nobody has recorded this")
    assert first.status == second.status != 200
    assert "cache" not in facts(second)


async def test_memory_is_bounded_and_the_oldest_goes_first(home):
    cache = home.house.gateway.cache
    await home.client.chat("Fine day")
    one = cache.size
    cache.limit = 10 * one
    for number in range(20):
        await home.client.chat("Fine day", user=str(number))
    assert 5 <= len(cache) <= 10 and cache.size <= cache.limit
    assert facts(await home.client.chat("Fine day", user="19"))["cache"] == "hit"
    assert "cache" not in facts(await home.client.chat("Fine day"))


async def test_an_answers_time_is_over(home, monkeypatch):
    await home.client.chat()
    cache = home.house.gateway.cache
    late = type("Late", (), {"monotonic": lambda self: home.house.clock.monotonic() + 61})()
    monkeypatch.setattr(cache, "_clock", late)
    assert "cache" not in facts(await home.client.chat())


async def test_answers_are_not_kept_unless_told(tmp_path):
    path = write_config(tmp_path, recorded(tmp_path, ANSWERS), mood())
    house = await House.open(Settings(path))
    try:
        home = Home(house, Client(App(house), await house.first_admin_key() or ""), path)
        for asked in ({}, {"text": "hi", "model": "big"}):
            _, second = await twice(home, **asked)
            assert "cache" not in facts(second) and json.loads(second.body)
    finally:
        await house.close()
