"""The semantic cache through the whole house: another way to ask, the same answer; and never anybody else's."""

import pytest

from stepladder.core import ConfigError, RungFailed, config
from stepladder.interaction.app import App
from stepladder.interaction.compose import House
from stepladder.interaction.settings import Settings
from tests.interaction.asgi import Client
from tests.interaction.conftest import Home
from tests.product import mood, recorded, write_config

ONE, SAME, OPPOSITE = "Is the film good?", "Hello, is the film good?", "Is the film not good?"
ANSWERS = {ONE: "good", SAME: "bad", OPPOSITE: "bad"}
PRICES = "price_in = 1000.0\nprice_out = 1000.0\n"
KEPT = 'semantic_cache = { seconds = 60, likeness = 0.5, embedder = { kind = "ngrams" } }'


def facts(response):
    return {name.removeprefix("x-stepladder-"): value for name, value in response.headers.items()}


def said(response):
    return response.json["choices"][0]["message"]["content"]


async def opened(path):
    house = await House.open(Settings(path))
    return Home(house, Client(App(house), await house.first_admin_key() or ""), path)


@pytest.fixture
async def home(tmp_path):
    home = await opened(write_config(tmp_path, recorded(tmp_path, ANSWERS) + PRICES, mood(more=KEPT)))
    try:
        yield home
    finally:
        await home.house.close()


async def test_another_way_to_ask_gets_the_answer_that_was_given_for_nothing(home):
    first = await home.client.chat(ONE)
    again = await home.client.chat(SAME)
    assert facts(again)["cache"] == "similar" and "cache" not in facts(first)
    assert said(again) == "good", "its own answer would have been another"
    row = home.row(again)
    assert (row.text, row.answer, row.source, row.cost, row.prompt_tokens) == (SAME, "good", "cache", 0, 0)
    stream = await home.client.chat(SAME, stream=True)
    assert stream.events[-1] == "[DONE]" and facts(stream)["cache"] == "similar"


async def test_the_very_same_question_needs_no_embedding(home, monkeypatch):
    await home.client.chat(ONE)
    monkeypatch.setattr(home.house.gateway.snapshot.tasks["mood"].embedder, "embed", None)
    assert facts(await home.client.chat(ONE, temperature=0.3))["cache"] == "similar"


async def test_the_opposite_question_is_asked(home):
    await home.client.chat(ONE)
    other = await home.client.chat(OPPOSITE)
    assert "cache" not in facts(other) and said(other) == "bad"


async def test_the_second_lock_must_open_too(home, monkeypatch):
    await home.client.chat(ONE)
    embedder = home.house.gateway.snapshot.tasks["mood"].embedder

    def far(texts):
        import numpy as np

        return np.eye(len(texts), 8, dtype=np.float32)

    monkeypatch.setattr(embedder, "embed", far)
    other = await home.client.chat(SAME)
    assert "cache" not in facts(other) and said(other) == "bad"
    await home.client.chat(ONE)

    def broken(texts):
        raise RungFailed("embedder", "It is down.")

    monkeypatch.setattr(embedder, "embed", broken)
    other = await home.client.chat(SAME)
    assert "cache" not in facts(other) and said(other) == "bad"


@pytest.mark.parametrize(
    "around",
    [
        {"stepladder": {"fields": {"stars": 5}}},
        {"stepladder": {"force": "top"}},
        {
            "messages": [
                {"role": "user", "content": "It is about Heidi."},
                {"role": "assistant", "content": "Yes?"},
                {"role": "user", "content": SAME},
            ]
        },
    ],
)
async def test_whatever_else_was_sent_along_makes_it_another_question(home, around):
    await home.client.chat(ONE)
    body = {"model": "mood", "messages": [{"role": "user", "content": SAME}], **around}
    other = await home.client.send("POST", "/v1/chat/completions", body)
    assert "cache" not in facts(other)


async def test_no_tenant_gets_another_ones_answer(home):
    await home.client.chat(ONE)
    secret = home.house.store.keys.create("other")
    await home.house.refresh()
    other = await Client(home.client.app, secret).chat(SAME)
    assert "cache" not in facts(other) and said(other) == "bad"


async def test_an_edit_of_the_dictionary_and_the_kill_switch_are_seen_at_once(home):
    await home.client.chat(ONE)
    entry = {"key": "unrelated", "answer": "bad"}
    await home.client.send("PUT", "/admin/tasks/mood/dictionary", entry)
    assert "cache" not in facts(await home.client.chat(SAME))
    assert facts(await home.client.chat(ONE))["cache"] == "similar"
    await home.client.send("POST", "/admin/tasks/mood/mode", {"mode": "top"})
    assert "cache" not in facts(await home.client.chat(ONE))


async def test_a_failure_is_not_kept(home):
    for _ in range(2):
        failed = await home.client.chat("Nobody has recorded this?")
        assert failed.status != 200 and "cache" not in facts(failed)


async def test_it_is_off_unless_told(tmp_path):
    home = await opened(write_config(tmp_path, recorded(tmp_path, ANSWERS), mood()))
    try:
        assert home.house.gateway.snapshot.tasks["mood"].embedder is None
        await home.client.chat(ONE)
        assert "cache" not in facts(await home.client.chat(SAME))
    finally:
        await home.house.close()


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("semantic_cache = { second = 60 }", "'seconds'"),
        ("semantic_cache = { seconds = -1 }", "tasks.mood.semantic_cache.seconds"),
        ("semantic_cache = { seconds = 1, likeness = 1.5 }", "tasks.mood.semantic_cache.likeness"),
    ],
)
def test_a_wrong_table_is_refused_by_name(tmp_path, line, named):
    with pytest.raises(ConfigError) as wrong:
        config.load(write_config(tmp_path, recorded(tmp_path, {}), mood(more=line)))
    assert named in str(wrong.value)
