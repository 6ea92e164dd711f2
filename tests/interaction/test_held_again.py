"""An approved question is asked once, for whoever asked it, as they wanted it kept; who looks at the queue is written down."""

import asyncio

import pytest

from stepladder.core import Grant, Role
from stepladder.interaction.doors import PURPOSE
from tests.interaction.test_guarded import answering, heard
from tests.interaction.test_reviews import KEYS, admin, holding
from tests.interaction.upstreams import live
from tests.models.upstream_double import completion


@pytest.fixture(autouse=True)
def no_keys():
    KEYS.clear()


async def asking(it, text, name="phone"):
    """A client's own question, held; its key and the id."""
    key = it.house.store.keys.create(name)
    await it.house.refresh()
    body = {"model": "gpt", "messages": [{"role": "user", "content": text}]}
    return key, (await it.client.send("POST", "/v1/chat/completions", body, key=key)).json["id"]


async def test_whoever_comes_for_it_at_once_has_it_asked_once(tmp_path):
    async def slow(asked):
        await asyncio.sleep(0.05)
        await asked.say(completion("Here."))

    async with live(tmp_path, slow, holding(tmp_path)) as it:
        key, id = await asking(it, "frobnicate")
        await admin(it, f"/{id}/approve", {})
        came = await asyncio.gather(*(it.client.get(f"/v1/held/{id}", key=key) for _ in range(5)))
        assert sorted(one.status for one in came) == [200, 202, 202, 202, 202]
        assert "Here." in heard(await it.client.get(f"/v1/held/{id}", key=key))
        assert len(it.server.asked) == 1


async def test_an_answer_that_is_held_in_turn_is_found_under_the_first_id_and_paid_once(tmp_path):
    async with live(tmp_path, answering("You frobnicate it."), holding(tmp_path)) as it:
        key, id = await asking(it, "frobnicate")
        await admin(it, f"/{id}/approve", {})
        second = (await it.client.get(f"/v1/held/{id}", key=key)).json["id"]
        again = await it.client.get(f"/v1/held/{id}", key=key)
        assert (again.status, again.json["id"], len(it.server.asked)) == (202, second, 1)
        await admin(it, f"/{second}/approve", {})
        assert "You frobnicate it." in heard(await it.client.get(f"/v1/held/{id}", key=key))
        assert len(it.server.asked) == 1


async def test_what_a_model_could_not_answer_may_be_asked_again(tmp_path):
    down = [True]

    async def behave(asked):
        if down:
            await asked.say({"error": {"message": "no"}}, 500)
        else:
            await asked.say(completion("Here."))

    async with live(tmp_path, behave, holding(tmp_path)) as it:
        key, id = await asking(it, "frobnicate")
        await admin(it, f"/{id}/approve", {})
        assert (await it.client.get(f"/v1/held/{id}", key=key)).status >= 500
        down.clear()
        assert "Here." in heard(await it.client.get(f"/v1/held/{id}", key=key))


async def test_a_worker_that_dies_while_it_asks_does_not_keep_it_for_ever(tmp_path):
    async with live(tmp_path, answering("Here."), holding(tmp_path)) as it:
        key, id = await asking(it, "frobnicate")
        await admin(it, f"/{id}/approve", {})
        assert it.house.store.reviews.claim(id, 60)
        assert not it.house.store.reviews.claim(id, 60)
        assert (await it.client.get(f"/v1/held/{id}", key=key)).status == 202
        it.house.store.reviews.asked(id, "approved")
        assert it.house.store.reviews.claim(id, -1), "over at once, as after fifteen minutes"
        assert "Here." in heard(await it.client.get(f"/v1/held/{id}", key=key))


async def test_nobody_but_its_asker_may_have_it_asked_or_read_the_answer(tmp_path):
    async with live(tmp_path, answering("Here."), holding(tmp_path)) as it:
        key, id = await asking(it, "frobnicate")
        await admin(it, f"/{id}/approve", {})
        assert (await it.client.get(f"/v1/held/{id}")).status == 404, "the owner has /admin/reviews"
        assert it.server.asked == []
        await it.client.get(f"/v1/held/{id}", key=key)
        assert (await it.client.get(f"/v1/held/{id}")).status == 404


@pytest.mark.parametrize("named", [{"stepladder": {"subject": "cust-4711"}}, {"user": "cust-4711"}])
async def test_the_persons_id_is_not_kept_and_consent_holds(tmp_path, named):
    async with live(tmp_path, answering("Here."), holding(tmp_path)) as it:
        key = it.house.store.keys.create("phone")
        await it.house.refresh()
        body = {"model": "gpt", "messages": [{"role": "user", "content": "frobnicate"}], **named}
        response = await it.client.send(
            "POST", "/v1/chat/completions", body, key=key, headers={"x-stepladder-training": "no"}
        )
        id = response.json["id"]
        assert "cust-4711" not in repr(it.house.store.reviews.get(id))
        await admin(it, f"/{id}/approve", {})
        await it.client.get(f"/v1/held/{id}", key=key)
        first, second = it.rows()
        assert first.subject == second.subject == it.house.store.subjects.pseudonym("phone", "cust-4711")
        assert (first.training, second.training) == (False, False)
        assert len(it.house.store.subjects.find("cust-4711").ids) == 2


async def test_what_nobody_decided_in_time_is_among_the_decided_and_says_so(tmp_path):
    async with live(tmp_path, answering("Here."), holding(tmp_path, hold_seconds=0.001)) as it:
        key, id = await asking(it, "frobnicate")
        await it.client.send("POST", f"/admin/reviews/{id}/take", {})
        refused = await it.client.get(f"/v1/held/{id}", key=key)
        assert refused.status == 400 and "nobody has decided in time" in refused.error["message"]
        (row,) = it.house.store.reviews.queue(decided=True)
        assert (row.id, row.state, row.reviewer) == (id, "rejected", "")
        assert it.house.store.reviews.learnable() == [], "nobody has judged it"


async def test_who_reads_the_queue_is_in_the_journal_and_says_why_it_is_more_than_a_review(tmp_path):
    async with live(tmp_path, answering("Here."), holding(tmp_path)) as it:
        _, id = await asking(it, "frobnicate")
        ann = it.house.store.keys.create("ann", grant=Grant(Role.REVIEWER))
        await it.house.refresh()

        def said():
            line = it.house.store.journal.newest(1)[0]
            return line.who, line.what, line.detail

        await it.client.get("/admin/reviews", key=ann)
        assert said() == ("ann", "read for 'review'", "GET /admin/reviews")
        await it.client.get(f"/admin/reviews/{id}", key=ann)
        assert said() == ("ann", "read for 'review'", f"GET /admin/reviews/{id}")
        await admin(it, f"/{id}/reject", {})
        for where, query in (("/admin/reviews", "decided=1"), (f"/admin/reviews/{id}", "")):
            refused = await it.client.send("GET", where, key=ann, query=query)
            assert (refused.status, refused.error["param"]) == (400, PURPOSE)
            why = {PURPOSE: "quality"}
            assert (await it.client.send("GET", where, key=ann, query=query, headers=why)).status == 200
            assert said() == ("ann", "read for 'quality'", f"GET {where}")


async def test_the_command_line_names_who_types_whatever_name_is_given(tmp_path, shell):
    async with live(tmp_path, answering("Here."), holding(tmp_path)) as it:
        _, id = await asking(it, "frobnicate [/b] [link=https://x]me[/link] \x1b[31m")
        config = ["--config", str(tmp_path / "stepladder.toml")]

        async def run(*words):
            return await asyncio.to_thread(shell, "review", *words, *config)

        assert await run("list") == 0
        assert id in shell.out and "[/b]" in shell.out and "[link=https://x]" in shell.out
        assert "\x1b[31m" not in shell.out
        assert await run("list", "--decided") == 2 and "--purpose" in shell.err
        assert await run("take", id, "--reviewer", "[/ann]") == 0 and "\x1b" not in shell.out
        assert await run("reject", id, "--reviewer", "[/ann]") == 0
        lines = it.house.store.journal.newest(3)
        assert all(line.who.startswith("cli") for line in lines)
        assert [line.what for line in lines] == ["review", "read for 'review'", "read for 'review'"]
        assert lines[0].detail == f"{id}: reject as [/ann]"
        assert await asyncio.to_thread(shell, "audit", "list", *config) == 0 and "[/ann]" in shell.out


async def test_what_a_model_wrote_is_labelled_here_too_and_what_a_person_wrote_is_not(tmp_path):
    async with live(tmp_path, answering("You frobnicate it."), holding(tmp_path)) as it:
        marks = []
        for text, word, body in (("a", "approve", {}), ("b", "correct", {"answer": "You polish it."})):
            key, id = await asking(it, text, name=text)
            await admin(it, f"/{id}/{word}", body)
            found = await it.client.get(f"/v1/held/{id}", key=key)
            marks.append((found.status, found.headers.get("x-stepladder-ai-generated")))
        assert marks == [(200, "true"), (200, None)]
