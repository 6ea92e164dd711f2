"""Conversations: a tenant's own, remembered for it, taken out again for good."""

import asyncio

import pytest

from stepladder.core import ConfigError, config
from stepladder.interaction.keeper import tidy_up
from tests.interaction.asgi import Client
from tests.interaction.upstreams import live
from tests.models.upstream_double import DONE, completion, counted, said
from tests.product import mood, recorded, write_config

PATH = "/v1/chat/completions"


async def counting(asked):
    """Answers with the number of messages it was sent."""
    text = f"I saw {len(asked.body['messages'])}"
    if asked.body.get("stream"):
        await asked.stream(said(text), said("", "stop"), counted(), DONE)
    else:
        await asked.say(completion(text))


@pytest.fixture
async def home(tmp_path):
    async with live(tmp_path, counting) as home:
        yield home


async def ask(home, text, conversation="trip", client=None, **more):
    body = {
        "model": "gpt",
        "messages": [{"role": "user", "content": text}],
        "stepladder": {"conversation": conversation, **more.pop("extra", {})},
        **more,
    }
    return await (client or home.client).send("POST", PATH, body)


def sent(home):
    """What the upstream saw of the last request."""
    return [(message["role"], message["content"]) for message in home.server.asked[-1].body["messages"]]


async def other_tenant(home, name="other"):
    secret = home.house.store.keys.create(name)
    await home.house.refresh()
    return Client(home.client.app, secret)


@pytest.mark.parametrize("model", ["gpt", "poem"])
async def test_a_question_goes_on_with_what_was_said_before(home, model):
    for text in ("Where is Oslo?", "And 卑尔根?"):
        assert (await ask(home, text, model=model)).status == 200
    await ask(home, "Thanks", model=model)
    seen = [turn for turn in sent(home) if turn[0] != "system"]
    assert seen[::2] == [("user", "Where is Oslo?"), ("user", "And 卑尔根?"), ("user", "Thanks")]
    assert [role for role, _ in seen] == ["user", "assistant"] * 2 + ["user"]
    assert all("I saw" in content for role, content in seen if role == "assistant")


async def test_streams_and_the_callers_instructions_keep_their_place(home):
    await ask(home, "One")
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Two"}]
    body = {"model": "gpt", "messages": messages, "stepladder": {"conversation": "trip"}, "stream": True}
    assert (await home.client.send("POST", PATH, body)).events[-1] == "[DONE]"
    assert [role for role, _ in sent(home)] == ["system", "user", "assistant", "user"]
    assert sent(home)[0] == ("system", "Be brief.")


async def test_who_sends_the_history_is_taken_at_its_word(home):
    await ask(home, "One")
    messages = [
        {"role": "user", "content": "Another one"},
        {"role": "assistant", "content": "Yes?"},
        {"role": "user", "content": "Two"},
    ]
    await ask(home, "", messages=messages)
    assert [content for _, content in sent(home)] == ["Another one", "Yes?", "Two"]
    await ask(home, "Three")
    assert [content for _, content in sent(home)][:3] == ["Another one", "Yes?", "Two"]


async def test_no_other_tenant_can_go_on_read_list_or_delete(home):
    await ask(home, "My secret is xyzzy")
    other = await other_tenant(home)
    await ask(home, "What is my secret?", client=other)
    assert [content for _, content in sent(home)] == ["What is my secret?"]
    listed = (await other.get("/v1/conversations")).json["data"]
    assert [(one["id"], one["answers"]) for one in listed] == [("trip", 1)], "its own of the same name"
    whole = await other.get("/v1/conversations/trip")
    assert "xyzzy" not in whole.body.decode()
    assert (await other.send("DELETE", "/v1/conversations/trip")).status == 200
    assert "xyzzy" in (await home.client.get("/v1/conversations/trip")).body.decode()
    assert (await other.get("/v1/conversations/trip")).status == 404
    stranger = Client(home.client.app, "sl-nobody")
    assert (await stranger.get("/v1/conversations")).status == 401


async def test_a_second_key_of_the_tenant_is_the_same_tenant(home):
    await ask(home, "One")
    secret = home.house.store.keys.create("phone", tenant="admin")
    await home.house.refresh()
    await ask(home, "Two", client=Client(home.client.app, secret))
    assert len(sent(home)) == 3


async def test_export_holds_every_word_and_delete_leaves_none(home):
    first, second = await ask(home, "Tell no one: 天机"), await ask(home, "Promise?")
    await home.client.send(
        "POST",
        "/v1/feedback",
        {"request_id": first.headers["x-stepladder-request-id"], "answer": "天机", "comment": "天机"},
    )
    whole = (await home.client.get("/v1/conversations/trip")).json
    assert [message["content"] for message in whole["messages"]] == [
        "Tell no one: 天机",
        "I saw 1",
        "Promise?",
        "I saw 3",
    ]
    assert [answer["question"] for answer in whole["answers"]] == ["Tell no one: 天机", "Promise?"]
    gone = await home.client.send("DELETE", "/v1/conversations/trip")
    assert gone.json == {"id": "trip", "object": "conversation.deleted", "deleted": True, "answers": 2}
    for response in (first, second):
        row = home.row(response)
        assert (row.text, row.answer, row.turns, row.status) == ("", "", (), "erased")
        assert row.prompt_tokens and row.cost, "the bill stays"
    with home.house.store._database.read() as connection:
        for table in ("ledger", "feedback", "audits", "conversations"):
            assert "天机" not in str(connection.exec_driver_sql(f"SELECT * FROM {table}").all()), table
    assert (await home.client.get("/v1/conversations/trip")).status == 404
    assert (await home.client.send("DELETE", "/v1/conversations/trip")).status == 404
    await ask(home, "Who are you?")
    assert len(sent(home)) == 1


async def test_what_failed_or_broke_off_is_not_gone_on_with(tmp_path):
    async def moody(asked):
        if asked.body["messages"][-1]["content"] == "Fail":
            await asked.say(b'{"error": {"message": "no"}}', status=500)
        else:
            await counting(asked)

    async with live(tmp_path, moody) as home:
        await ask(home, "One")
        assert (await ask(home, "Fail")).status == 502
        await ask(home, "Two")
        assert [content for _, content in sent(home)] == ["One", "I saw 1", "Two"]


async def test_only_the_last_turns_come_along(tmp_path):
    async with live(tmp_path, counting, "[conversations]\nmost_turns = 2\n") as home:
        for number in range(6):
            await ask(home, f"Question {number}")
        assert [content for role, content in sent(home) if role == "user"] == [
            "Question 3",
            "Question 4",
            "Question 5",
        ]


async def test_a_conversation_that_was_silent_for_long_is_over(home, monkeypatch):
    await ask(home, "One")
    now = home.house.clock.time()
    monkeypatch.setattr(type(home.house.clock), "time", lambda self: now + 31 * 86400)
    await ask(home, "Two")
    assert len(sent(home)) == 1
    assert tidy_up(home.house) == 0, "it has gone on since"
    monkeypatch.setattr(type(home.house.clock), "time", lambda self: now + 62 * 86400)
    assert tidy_up(home.house) == 1
    assert (await home.client.get("/v1/conversations")).json["data"] == []


async def test_nothing_is_remembered_where_nothing_is_to_be(tmp_path):
    async with live(tmp_path, counting, "[conversations]\nkeep_days = 0\n") as home:
        for _ in range(2):
            await ask(home, "One")
        assert len(sent(home)) == 1


async def test_what_follows_something_confidential_is_confidential(tmp_path):
    async with live(tmp_path, counting, model="private = true\n") as home:
        assert (await ask(home, "My secret", extra={"confidential": True})).status == 200
        object.__setattr__(home.house.gateway.snapshot.tasks["poem"], "private", False)
        refused = await ask(home, "Say it again", model="poem")
        assert refused.status == 400 and refused.error["param"] == "stepladder.confidential"
        assert len(home.server.asked) == 1


@pytest.mark.parametrize("id", ["", "  ", "x" * 201, "a\nb"])
async def test_an_id_that_is_none_is_refused_by_name(home, id):
    refused = await ask(home, "Hi", conversation=id)
    assert refused.status == 400 and refused.error["param"] == "stepladder.conversation"


async def test_ids_may_be_anything_that_prints(home):
    for id in ("订单/42 ?&#", "a/b/c", "100%"):
        await ask(home, "One", conversation=id)
        whole = await home.client.get(f"/v1/conversations/{id}")
        assert whole.status == 200 and whole.json["id"] == id


async def test_many_at_once_leave_a_conversation_that_goes_on(home):
    await asyncio.gather(*(ask(home, f"Question {number}") for number in range(20)))
    assert (await ask(home, "And now?")).status == 200
    (one,) = (await home.client.get("/v1/conversations")).json["data"]
    assert one["answers"] == 21


def test_the_command_line_lists_shows_and_deletes(shell):
    from stepladder.store import LedgerRow

    store = shell.store()
    row = LedgerRow("r1", 1.0, "acme", "mood", "teacher", "Wie geht's?", answer="good", conversation="c 1")
    asyncio.run(store.ledger.commit(row))
    store.close()
    assert shell("conversation", "list", "acme") == 0 and "c 1" in shell.out
    assert (
        shell("conversation", "show", "acme", "c 1", "--purpose", "a test") == 0
        and "Wie geht's?" in shell.out
    )
    assert (
        shell("conversation", "show", "other", "c 1", "--purpose", "a test") == 2
        and "no conversation" in shell.err
    )
    assert shell("conversation", "delete", "acme", "c 1") == 0
    assert shell("conversation", "show", "acme", "c 1", "--purpose", "a test") == 2


@pytest.mark.parametrize(
    ("line", "named"), [("keep_day = 1", "'keep_days'"), ("keep_days = -1", "conversations.keep_days")]
)
def test_a_wrong_table_is_refused_by_name(tmp_path, line, named):
    with pytest.raises(ConfigError, match=named):
        config.load(write_config(tmp_path, recorded(tmp_path, {}), mood(), f"[conversations]\n{line}"))
