"""Answers that documents do not wholly support go into the review queue, and a person's word answers from then on."""

import asyncio
import json

import pytest

from tests.interaction.helping import content, grounds, helped, saying
from tests.interaction.test_answers import SPOKEN
from tests.interaction.test_summary import SHORT, TABLES
from tests.interaction.upstreams import live

ASKED = "怎么退货，要注意什么？"
SUPPORTED = "您需要在收到商品后七日内提出退货。 [1] 运费由买家承担。 [2]"
MOON = "Moreover, the moon is made of green cheese."
DRAFT = f"您需要在收到商品后七日内提出退货。 [1] {MOON} [unsupported] 运费由买家承担。 [2]"


def told(response, stream=False):
    if not stream:
        return content(response)
    return "".join(event["choices"][0]["delta"].get("content", "") for event in response.events[:-1])


async def reviews(home, path="", body=None, method="GET"):
    return (await home.client.send(method, f"/admin/reviews{path}", body)).json


@pytest.mark.parametrize("stream", [False, True])
async def test_the_draft_waits_for_a_person_while_the_asker_has_what_is_supported(tmp_path, stream):
    async with helped(tmp_path, SPOKEN, knows='sure = 2.0\nunsupported = "review"') as home:
        first = await home.client.chat(ASKED, "help", stream=stream)
        assert told(first, stream) == SUPPORTED
        assert b"cheese" not in first.body
        (waiting,) = (await reviews(home))["reviews"]
        id = first.headers["x-stepladder-request-id"]
        assert (waiting["id"], waiting["task"], waiting["side"]) == (id, "help", "grounding")
        assert (waiting["text"], waiting["answer"]) == (ASKED, DRAFT)
        (remark,) = waiting["remarks"]
        assert (remark["categories"], remark["score"]) == (["grounding"], pytest.approx(1 / 3))
        shown = await reviews(home, f"/{id}")
        assert [one["text"] for one in shown["grounds"]["citations"]] == [
            "退货须在收到商品后七日内提出。",
            "运费由买家承担。",
        ]
        assert (home.row(first).status, home.row(first).error) == ("ok", "unsupported")
        assert [gap.text for gap in home.house.store.approved.gaps("help")] == [ASKED]
        # Asked again it is answered as it was, and waits once.
        for more in ({}, {"temperature": 0}):
            assert content(await home.client.chat(ASKED, "help", **more)) == SUPPORTED
        assert len((await reviews(home))["reviews"]) == 1
        await reviews(home, f"/{id}/approve", {}, "POST")
        again = await home.client.chat(ASKED, "help", stream=stream)
        assert again.headers["x-stepladder-rung"] == "verified"
        assert told(again, stream) == DRAFT.replace(" [unsupported]", "")
        assert [(one.id, one.correction) for one in home.house.store.ledger.labelled("help")][:1] == [
            (id, DRAFT.replace(" [unsupported]", ""))
        ]


@pytest.mark.parametrize("stream", [False, True])
async def test_where_the_task_holds_nothing_is_said_before_a_person_has_decided(tmp_path, stream):
    async with helped(tmp_path, SPOKEN, knows='sure = 2.0\nunsupported = "hold"') as home:
        first = await home.client.chat(ASKED, "help", stream=stream)
        id = first.headers["x-stepladder-request-id"]
        assert (first.status, first.json["url"]) == (202, f"/v1/held/{id}")
        assert "退货".encode() not in first.body.replace(b"help", b"") and b"cheese" not in first.body
        assert home.row(first).status == "held"
        second = await home.client.chat(ASKED, "help")
        assert second.status == 202 and second.json["id"] != id
        waiting = (await reviews(home))["reviews"]
        assert [one["id"] for one in waiting] == [id, second.json["id"]]
        assert (await home.client.get(f"/v1/held/{id}")).status == 202
        await reviews(home, f"/{id}/correct", {"answer": "七日内，运费自付。"}, "POST")
        assert content(await home.client.get(f"/v1/held/{id}")) == "七日内，运费自付。"
        known = await home.client.chat(ASKED, "help")
        assert (known.headers["x-stepladder-rung"], content(known)) == ("verified", "七日内，运费自付。")
        # What it was drawn from is gone: nobody knows any more whether a person would still say so.
        await home.client.send("DELETE", "/admin/knowledge/manual", {"ids": ["returns"]})
        gone = await home.client.chat(ASKED, "help")
        assert gone.headers.get("x-stepladder-rung") != "verified"
        await reviews(home, f"/{second.json['id']}/reject", {}, "POST")
        assert (await home.client.get(f"/v1/held/{second.json['id']}")).status == 400


async def test_a_whole_answer_is_not_held_and_a_substitute_says_no_more_than_that_it_waits(tmp_path):
    knows = 'sure = 2.0\nunsupported = "hold"\n[tasks.help.guards]\nhold = "answer"\n'
    async with helped(tmp_path, "运费由买家承担。", knows=knows) as home:
        for stream in (False, True):
            response = await home.client.chat("怎么退货？", "help", stream=stream, user=str(stream))
            assert told(response, stream) == "运费由买家承担。 [1]"
        assert (await reviews(home))["reviews"] == []
    (tmp_path / "b").mkdir()
    async with helped(tmp_path / "b", SPOKEN, knows=knows) as home:
        response = await home.client.chat(ASKED, "help")
        assert (response.status, content(response)) == (200, "这个请求正在等待人工审核。")
        assert response.json["choices"][0]["finish_reason"] == "content_filter"
        assert "grounds" not in response.json["stepladder"]
        assert len((await reviews(home))["reviews"]) == 1


async def test_an_answer_of_which_nothing_is_supported_waits_too(tmp_path):
    async with helped(tmp_path, MOON, knows='sure = 2.0\nunsupported = "review"') as home:
        response = await home.client.chat("What is the blue chair made of?", "help")
        assert (content(response), grounds(response)["refused"]) == ("I don't know.", True)
        (waiting,) = (await reviews(home))["reviews"]
        assert waiting["answer"] == f"{MOON} [unsupported]"


async def test_what_guards_take_out_of_an_answer_is_not_in_its_draft(tmp_path):
    said = f"{SPOKEN} Its key is AKIAIOSFODNN7EXAMPLE."
    async with helped(tmp_path, said, knows='sure = 2.0\nunsupported = "review"') as home:
        response = await home.client.chat(ASKED, "help")
        (waiting,) = (await reviews(home))["reviews"]
        assert "AKIA" not in json.dumps(waiting) + home.row(response).grounds
        assert "运费由买家承担" in waiting["answer"]


async def test_a_summary_that_says_more_than_its_text_waits_as_well(tmp_path):
    said = "The council will close the old bridge in May. Repairs will cost three million euros."
    async with live(tmp_path, saying(said), TABLES.replace("MORE", 'unsupported = "review"')) as home:
        response = await home.client.chat(SHORT, "sum")
        assert content(response) == "The council will close the old bridge in May. [1]"
        (waiting,) = (await reviews(home))["reviews"]
        assert waiting["answer"].endswith("three million euros. [unsupported]")


async def test_the_command_line_shows_the_draft_and_what_it_cites(tmp_path, shell):
    async with helped(tmp_path, SPOKEN, knows='sure = 2.0\nunsupported = "review"') as home:
        id = (await home.client.chat(ASKED, "help")).headers["x-stepladder-request-id"]
        config = ["--config", str(tmp_path / "stepladder.toml")]
        assert await asyncio.to_thread(shell, "review", "take", id, *config) == 0
        assert DRAFT in shell.out and "[2] returns (退货): 运费由买家承担。" in shell.out
        assert await asyncio.to_thread(shell, "review", "correct", id, "七日内。", *config) == 0
        # A person's word on grounds is none on guards.
        assert await asyncio.to_thread(shell, "review", "examples", "--purpose", "guards", *config) == 0
        assert shell.out == ""
