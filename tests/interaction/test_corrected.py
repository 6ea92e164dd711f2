"""Answers that are kept, once a person has corrected one or somebody's words are erased: none is given again."""

from contextlib import asynccontextmanager

import pytest

from stepladder.interaction.app import App
from stepladder.interaction.compose import House
from stepladder.interaction.settings import Settings
from stepladder.store import HeldRow
from tests.interaction import test_semantic as semantic
from tests.interaction.asgi import Client
from tests.interaction.helping import DOCUMENTS, HELP, content, helped, saying
from tests.interaction.test_conversations import ask
from tests.interaction.upstreams import TASK, Live
from tests.models.upstream_double import upstream
from tests.product import write_config

SAID, RIGHT = "退货须在七日内提出，运费由买家承担。", "七日内，运费我们承担。"
ONE, OTHER = "请问怎么退货？", "怎么退货呢"


def how(response):
    """Which rung it is from, and whether it had been kept."""
    return response.headers["x-stepladder-rung"], response.headers.get("x-stepladder-cache")


async def say(home, response, **opinion):
    told = {"request_id": response.headers["x-stepladder-request-id"], **opinion}
    assert (await home.client.send("POST", "/v1/feedback", told)).status == 200


async def review(home, response, **opinion):
    """A reviewer corrects it."""
    row = home.row(response)
    held = HeldRow(row.id, row.at, 2e9, row.tenant, row.task, "help", "out", row.text, "", answer=row.answer)
    home.house.store.reviews.put(held)
    decided = await home.client.send("POST", f"/admin/reviews/{row.id}/correct", opinion)
    assert decided.status == 200, decided.body


@pytest.mark.parametrize("tell", [say, review])
async def test_a_correction_reaches_the_answers_that_were_kept(tmp_path, tell):
    async with helped(tmp_path, SAID, knows="sure = 2.0") as home:
        first, _ = await home.client.chat(ONE, "help"), await home.client.chat(OTHER, "help")
        assert how(await home.client.chat(OTHER, "help")) == ("gpt", "hit")
        await tell(home, first, answer=RIGHT)
        for text in (ONE, OTHER):
            again = await home.client.chat(text, "help")
            assert (how(again), content(again)) == (("verified", None), RIGHT)
        assert how(await home.client.chat(OTHER, "help")) == ("verified", "hit")
        await say(home, first, score=0)
        assert how(await home.client.chat(OTHER, "help")) == ("gpt", None), "it was taken back"


@pytest.mark.parametrize("state", ["held", "refused"])
async def test_a_word_that_is_kept_out_is_no_answer_until_it_is_in_again(tmp_path, state):
    async with helped(tmp_path, SAID, knows="sure = 2.0") as home:
        first = await home.client.chat(ONE, "help")
        await say(home, first, answer=RIGHT)
        await home.client.chat(ONE, "help")
        assert how(await home.client.chat(ONE, "help")) == ("verified", "hit")
        for mark, rung in ((state, "gpt"), ("approved", "verified")):
            home.house.store.sources.mark([home.house.store.approved.mark()[0]], mark)
            await home.house.refresh()
            assert how(await home.client.chat(ONE, "help")) == (rung, None)


async def test_and_those_of_questions_that_mean_the_same(tmp_path):
    more = HELP.replace("cache_seconds = 600", semantic.KEPT).replace("MORE", "sure = 2.0")
    texts = ["Is the blue chair good?", "Hello, is the blue chair good?"]
    async with workers(tmp_path, more) as (home,):
        first = await home.client.chat(texts[0], "help")
        assert how(await home.client.chat(texts[1], "help"))[1] == "similar"
        await say(home, first, answer="It is.")
        assert how(await home.client.chat(texts[0], "help")) == ("verified", None)
        again = await home.client.chat(texts[1], "help")
        assert (how(again)[1], content(again)) == ("similar", "It is.")


@asynccontextmanager
async def workers(folder, more, count=1):
    """Some that serve side by side."""
    async with upstream(saying(SAID)) as server:
        model = f'[models.gpt]\nkind = "chat"\nbase_url = "{server.url}"\nmodel = "m-1"\nretries = 0\n'
        settings = Settings(write_config(folder, model, TASK, more))
        homes, key = [], ""
        try:
            for _ in range(count):
                house = await House.open(settings, several=True)
                key = await house.first_admin_key() or key
                homes.append(Live(house, Client(App(house), key), server))
            await homes[0].client.send("PUT", "/admin/knowledge/manual", {"documents": DOCUMENTS})
            yield homes
        finally:
            for home in homes:
                await home.house.close()


async def test_a_correction_that_one_worker_took_reaches_the_others(tmp_path):
    async with workers(tmp_path, HELP.replace("MORE", "sure = 2.0"), 2) as (one, two):
        first = await one.client.chat(ONE, "help")
        for _ in range(2):
            kept = await two.client.chat(ONE, "help")
        assert how(kept) == ("gpt", "hit")
        await say(one, first, answer=RIGHT)
        await two.house.take_approvals()
        again = await two.client.chat(ONE, "help")
        assert (how(again)[0], content(again)) == ("verified", RIGHT)
        late = await House.open(one.house.settings, several=True)
        try:
            named = [
                house.gateway.snapshot.tasks["help"].edits()[2] for house in (one.house, two.house, late)
            ]
            assert named[0] > 0 and len(set(named)) == 1, "what one keeps the others find"
        finally:
            await late.close()


async def test_what_a_person_said_and_somebody_approved_is_erased_from_memory_too(tmp_path):
    async with helped(tmp_path, SAID, knows="sure = 2.0") as home:
        first = await home.client.chat(ONE, "help", safety_identifier="ann")
        await say(home, first, answer="Ann's secret.")
        for _ in range(2):
            assert content(await home.client.chat(OTHER, "help")) == "Ann's secret."
        path, why = "/admin/subjects/erase", {"x-stepladder-purpose": "asked for"}
        assert (await home.client.send("POST", path, {"id": "ann"}, headers=why)).status == 200
        again = await home.client.chat(OTHER, "help")
        assert (how(again), "secret" in content(again)) == (("gpt", None), False)


async def test_a_deleted_conversation_s_answer_is_not_given_again(tmp_path):
    more = f'[tasks.film]\ntop = "gpt"\nprompt = "Say."\n{semantic.KEPT}\n{HELP.replace("MORE", "")}'
    async with workers(tmp_path, more) as (home,):
        await ask(home, semantic.ONE, model="film")
        assert (await home.client.chat(semantic.SAME, "film")).headers["x-stepladder-cache"] == "similar"
        assert (await home.client.send("DELETE", "/v1/conversations/trip")).status == 200
        assert "x-stepladder-cache" not in (await home.client.chat(semantic.SAME, "film")).headers
