"""The admin API: for the admin key alone, and in force with its response."""

import pytest

from stepladder.core import Rollout

DICTIONARY = "/admin/tasks/mood/dictionary"


async def test_a_client_key_may_ask_but_not_administer(home):
    client = home.house.store.keys.create("shop")
    await home.house.refresh()
    asked = await home.client.send(
        "POST",
        "/v1/chat/completions",
        {"model": "mood", "messages": [{"role": "user", "content": "Rain"}]},
        key=client,
    )
    assert (asked.status, home.row(asked).tenant) == (200, "shop")
    for method, path in (
        ("GET", "/admin/tasks"),
        ("POST", "/admin/tasks/mood/mode"),
        ("POST", "/admin/tasks/mood/rollback"),
        ("GET", DICTIONARY),
        ("PUT", DICTIONARY),
        ("DELETE", DICTIONARY),
    ):
        refused = await home.client.send(method, path, {}, key=client)
        assert (refused.status, refused.error["code"]) == (403, "forbidden")
    home.house.store.keys.revoke("shop")
    await home.house.refresh()
    assert (await home.client.get("/v1/models", key=client)).status == 401


async def test_the_kill_switch_overrules_the_configuration_until_it_is_taken_back(home):
    home.house.store.entries.put("mood", "Fine day", "bad", "test")
    await home.house.refresh()
    assert (await home.client.chat()).json["stepladder"]["rung"] == "dictionary"
    switched = await home.client.send("POST", "/admin/tasks/mood/mode", {"mode": "top"})
    assert (switched.json["mode"], switched.json["configured_mode"]) == ("top", "ladder")
    assert (await home.client.chat()).json["stepladder"]["rung"] == "big"
    await home.client.send("POST", "/admin/tasks/mood/mode", {"mode": None})
    assert (await home.client.chat()).json["stepladder"]["rung"] == "dictionary"
    wrong = await home.client.send("POST", "/admin/tasks/mood/mode", {"mode": "up"})
    assert (wrong.status, wrong.error["param"]) == (400, "mode")


async def test_entries_can_be_put_listed_and_removed_and_answer_at_once(home):
    put = await home.client.send(
        "PUT", DICTIONARY, {"key": "Any  GOOD?", "answer": "good", "kind": "normalised"}
    )
    assert [entry["answer"] for entry in put.json["entries"]] == ["good"]
    response = await home.client.chat("any good")
    assert response.json["stepladder"]["rung"] == "dictionary"
    assert not home.row(response).drawn
    removed = await home.client.send("DELETE", DICTIONARY, {"key": "any good?", "kind": "normalised"})
    assert removed.json == {"entries": []}
    assert (await home.client.send("DELETE", DICTIONARY, {"key": "any good?"})).status == 400


@pytest.mark.parametrize(
    ("entry", "param"),
    [
        ({"key": "x", "answer": "maybe"}, "answer"),
        ({"key": "", "answer": "good"}, "key"),
        ({"key": "x", "answer": "good", "kind": "fuzzy"}, "kind"),
        ({"key": "x"}, None),
    ],
)
async def test_an_entry_must_keep_the_tasks_contract(home, entry, param):
    response = await home.client.send("PUT", DICTIONARY, entry)
    assert (response.status, response.error["param"]) == (400, param)


async def test_tasks_are_shown_with_rollout_and_figures(home):
    await home.client.chat()
    (card,) = (await home.client.get("/admin/tasks")).json["tasks"]
    assert (card["name"], card["mode"], card["top"]) == ("mood", "ladder", "big")
    assert card["summary"]["answers"] == 1
    assert card["rollout"]["live"] is None
    assert (await home.client.get("/admin/tasks/none/dictionary")).status == 404


async def test_roll_back_by_hand_goes_to_the_top_alone_and_says_why(home):
    nothing = await home.client.send("POST", "/admin/tasks/mood/rollback")
    assert nothing.status == 400
    home.house.store.rollouts.put(Rollout("mood", candidate="r1", share=0.5), "test")
    await home.house.refresh()
    back = await home.client.send("POST", "/admin/tasks/mood/rollback")
    assert back.json["rollout"]["candidate"] is None
    assert "by hand" in back.json["history"][-1]["why"]
    assert back.json["history"][-1]["who"] == "admin"
