"""A task of kind "answer" over the wire: rungs, citations, refusals, caches."""

import json

import pytest

from tests.interaction.helping import DOCUMENTS, HELP, content, grounds, helped, saying
from tests.interaction.upstreams import live

SPOKEN = (
    "您需要在收到商品后七日内提出退货 [2]。 Moreover, the moon is made of green cheese. 运费由买家承担。[7]"
)


async def test_a_sure_question_is_answered_by_the_passage_s_own_sentence_and_no_model_is_asked(tmp_path):
    async with helped(tmp_path, "never") as home:
        for text, said, document in [
            ("运费由谁承担？", "运费由买家承担。 [1]", "returns"),
            ("What does the blue chair cost?", "The blue chair costs 40 euros. [1]", "chair"),
        ]:
            response = await home.client.chat(text, "help")
            assert (response.status, content(response)) == (200, said)
            assert response.headers["x-stepladder-rung"] == "reader"
            (cited,) = grounds(response)["citations"]
            whole = next(one["text"] for one in DOCUMENTS if one["id"] == document)
            assert (cited["document"], cited["number"]) == (document, 1)
            assert whole[cited["start"] :].startswith(cited["text"]) and cited["text"] in said
            row = home.row(response)
            assert (row.rung, row.top, row.error) == ("reader", False, "")
            assert json.loads(row.grounds)["passages"] == grounds(response)["passages"]
        assert not home.server.asked


async def test_a_web_page_s_citation_is_annotated_as_openai_does_it(tmp_path):
    async with helped(tmp_path, "never") as home:
        response = await home.client.chat("运费由谁承担？", "help")
        (note,) = response.json["choices"][0]["message"]["annotations"]
        cited = note["url_citation"]
        assert (cited["url"], cited["title"]) == ("https://shop.test/r", "退货")
        assert content(response)[cited["start_index"] : cited["end_index"]] == "[1]"


@pytest.mark.parametrize("stream", [False, True])
async def test_what_a_model_says_is_checked_and_cited_sentence_by_sentence(tmp_path, stream):
    seen = []
    async with helped(tmp_path, SPOKEN, seen=seen, knows="sure = 2.0") as home:
        response = await home.client.chat("怎么退货，要注意什么？", "help", stream=stream)
        if stream:
            text = "".join(event["choices"][0]["delta"].get("content", "") for event in response.events[:-1])
            facts = response.events[-2]["stepladder"]["grounds"]
            assert len(response.pieces) > 2
        else:
            text, facts = content(response), grounds(response)
        moon = "Moreover, the moon is made of green cheese. [unsupported]"
        assert text == f"您需要在收到商品后七日内提出退货。 [1] {moon} 运费由买家承担。 [2]"
        assert [one["text"] for one in facts["citations"]] == [
            "退货须在收到商品后七日内提出。",
            "运费由买家承担。",
        ]
        assert facts["unsupported"] == ["Moreover, the moon is made of green cheese."]
        assert facts["supported"] == pytest.approx(2 / 3)
        assert home.row(response).answer == text
        (asked,) = seen
        system, user = asked["messages"]
        mark = user["content"].split()[0]
        assert mark.startswith("==") and mark in system["content"]
        assert "运费由买家承担。" in user["content"] and user["content"].endswith("怎么退货，要注意什么？")


async def test_unsupported_sentences_are_removed_or_sent_to_review(tmp_path):
    for policy, noted in [("remove", ""), ("review", "unsupported")]:
        (tmp_path / policy).mkdir()
        async with helped(tmp_path / policy, SPOKEN, knows=f'sure = 2.0\nunsupported = "{policy}"') as home:
            response = await home.client.chat("怎么退货，要注意什么？", "help")
            assert content(response) == "您需要在收到商品后七日内提出退货。 [1] 运费由买家承担。 [2]"
            assert home.row(response).error == noted
            gaps = home.house.store.approved.gaps("help")
            assert [gap.text for gap in gaps] == (["怎么退货，要注意什么？"] if noted else [])


@pytest.mark.parametrize(
    ("text", "said", "refusal"),
    [
        ("Who is the chairman?", "I don't know. But it may be Bob.", "I don't know."),
        ("董事长是谁？", "抱歉，资料中没有提到。", "我不知道。"),
        ("Who is the chairman?", "The chairman is Bob Smith of Leeds.", "I don't know."),
    ],
)
async def test_what_the_passages_do_not_say_is_not_known(tmp_path, text, said, refusal):
    async with helped(tmp_path, said, knows='unsupported = "remove"') as home:
        response = await home.client.chat(text, "help")
        assert content(response) == refusal
        assert grounds(response)["refused"] is True
        assert home.row(response).error == "unanswered"
        await home.client.chat(text, "help", temperature=0)
        (gap,) = home.house.store.approved.gaps()
        assert (gap.task, gap.text, gap.times, gap.kind) == ("help", text, 2, "unanswered")


async def test_without_any_passage_nobody_is_asked(tmp_path):
    async with helped(tmp_path, "never", documents=[]) as home:
        for more in ({}, {"stepladder": {"force": "top"}}):
            response = await home.client.chat("公司地址在哪里？", "help", **more)
            assert (content(response), grounds(response)["refused"]) == ("我不知道。", True)
        assert not home.server.asked
    (tmp_path / "free").mkdir()
    async with helped(
        tmp_path / "free", "In Leeds, I think.", documents=[], knows="answer_only_from_knowledge = false"
    ) as home:
        response = await home.client.chat("Where is the company?", "help")
        assert content(response) == "In Leeds, I think. [unsupported]"


async def test_a_removed_document_is_gone_from_answers_and_caches_at_once(tmp_path):
    async with helped(tmp_path, "I don't know.") as home:
        ask = lambda: home.client.chat("What does the blue chair cost?", "help")  # noqa: E731
        first, second = await ask(), await ask()
        assert "x-stepladder-cache" not in first.headers and second.headers["x-stepladder-cache"] == "hit"
        assert content(second) == content(first)
        assert grounds(second) == grounds(first)
        await home.client.send("DELETE", "/admin/knowledge/manual", {"ids": ["chair"]})
        third = await ask()
        assert "x-stepladder-cache" not in third.headers
        assert (content(third), grounds(third)["citations"]) == ("I don't know.", [])
        await home.client.send("PUT", "/admin/knowledge/manual", {"documents": DOCUMENTS})
        assert content(await ask()) == content(first)


async def test_a_document_whose_time_is_over_is_gone_from_caches(tmp_path, monkeypatch):
    import time

    soon = time.time() + 3600
    rows = [{"id": "sale", "text": "The summer sale ends on Friday evening.", "valid_until": soon}]
    async with helped(tmp_path, "I don't know.", documents=rows) as home:
        ask = lambda: home.client.chat("When does the summer sale end?", "help")  # noqa: E731
        assert content(await ask()) == "The summer sale ends on Friday evening. [1]"
        assert (await ask()).headers["x-stepladder-cache"] == "hit"
        real = time.time
        monkeypatch.setattr("stepladder.knowledge.changes.time.time", lambda: real() + 3601)
        assert content(await ask()) == "I don't know."


async def test_an_approved_answer_is_given_again_while_what_it_cites_stands(tmp_path):
    async with helped(tmp_path, "退货须在七日内提出，运费由买家承担。", knows="sure = 2.0") as home:
        client = home.client
        asked = await client.chat("请问怎么退货？", "help")
        id = asked.headers["x-stepladder-request-id"]
        assert (await client.send("POST", "/v1/feedback", {"request_id": id, "score": 1})).status == 200
        again = await client.chat("怎么退货呢", "help")
        assert (again.headers["x-stepladder-rung"], content(again)) == ("verified", content(asked))
        assert grounds(again)["citations"] == grounds(asked)["citations"]
        other = await client.chat("怎么不退货呢", "help")
        assert other.headers["x-stepladder-rung"] == "gpt"
        key = home.house.store.keys.create("stranger")
        await home.house.refresh()
        body = {"model": "help", "messages": [{"role": "user", "content": "怎么退货呢？"}]}
        foreign = await client.send("POST", "/v1/chat/completions", body, key=key)
        assert foreign.headers["x-stepladder-rung"] == "gpt"
        changed = [{**DOCUMENTS[0], "text": "退货须在收到商品后三日内提出。运费由卖家承担。"}]
        await client.send("PUT", "/admin/knowledge/manual", {"documents": changed})
        assert (await client.chat("怎么退货呢", "help")).headers["x-stepladder-rung"] == "gpt"


async def test_the_owner_s_word_comes_first(tmp_path):
    async with helped(tmp_path, "never") as home:
        entry = {"key": "运费由谁承担？", "answer": "我们承担。"}
        put = await home.client.send("PUT", "/admin/tasks/help/dictionary", entry)
        assert put.status == 200, put.body
        response = await home.client.chat("运费由谁承担？", "help")
        assert (content(response), response.headers["x-stepladder-rung"]) == ("我们承担。", "dictionary")


async def test_a_question_that_points_back_is_searched_for_with_the_one_before(tmp_path):
    async with helped(tmp_path, "It ships within two days.", knows="sure = 2.0") as home:
        turns = [
            {"role": "user", "content": "What does the blue chair cost?"},
            {"role": "assistant", "content": "40 euros."},
            {"role": "user", "content": "And how fast is it shipped?"},
        ]
        body = {"model": "help", "messages": turns}
        response = await home.client.send("POST", "/v1/chat/completions", body)
        assert content(response) == "It ships within two days. [1]"
        assert grounds(response)["queries"] == ["What does the blue chair cost?\nAnd how fast is it shipped?"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "What does the blue chair cost and how fast is it shipped?",
            ["What does the blue chair cost", "how fast is it shipped?"],
        ),
        ("运费由谁承担，退货须在几日内提出？", ["运费由谁承担", "退货须在几日内提出？"]),
        ("如果要退货，运费由谁承担？", []),  # one question, and what it is about
        ("What do the chair and the table cost?", []),
    ],
)
async def test_questions_that_one_sentence_joins_are_searched_for_each(tmp_path, text, parts):
    async with helped(tmp_path, "never mind", knows="sure = 2.0") as home:
        assert grounds(await home.client.chat(text, "help"))["queries"] == [text, *parts]


async def test_a_model_rewrites_where_it_is_asked_to_and_its_tokens_count(tmp_path):
    seen = []

    async def behave(asked):
        seen.append(asked.body)
        rewriting = "Write what to search" in asked.body["messages"][0]["content"]
        text = (
            "1. blue chair shipping time\n2. blue chair price" if rewriting else "It ships within two days."
        )
        await saying(text)(asked)

    tables = HELP.replace("MORE", 'sure = 2.0\nrewrite = "model"')
    async with live(tmp_path, behave, tables) as home:
        await home.client.send("PUT", "/admin/knowledge/manual", {"documents": DOCUMENTS})
        turns = [{"role": "user", "content": "The blue chair?"}, {"role": "assistant", "content": "Yes."}]
        body = {"model": "help", "messages": [*turns, {"role": "user", "content": "How fast is it shipped?"}]}
        response = await home.client.send("POST", "/v1/chat/completions", body)
        written = ["blue chair shipping time", "blue chair price"]
        assert grounds(response)["queries"] == ["The blue chair?\nHow fast is it shipped?", *written]
        assert content(response) == "It ships within two days. [1]"
        assert len(seen) == 2
        alone = await home.client.chat("How fast is the blue chair shipped to customers?", "help")
        assert grounds(alone)["queries"] == ["How fast is the blue chair shipped to customers?"]
        assert len(seen) == 3
        assert home.row(response).prompt_tokens > 1.3 * home.row(alone).prompt_tokens
        for several in [
            "Which is cheaper, the blue chair or the red stool in the shop?",
            "What does the blue chair cost to buy? How fast is it shipped to customers?",
            "蓝椅子和红凳子相比，价格有什么区别？",
        ]:
            response = await home.client.chat(several, "help")
            assert grounds(response)["queries"] == [several, *written]


@pytest.mark.parametrize("written", ["I don't know.", "What does the blue chair cost?"])
async def test_what_a_model_writes_in_vain_does_not_lose_the_question(tmp_path, written):
    async with helped(tmp_path, written, knows='rewrite = "model"') as home:
        turns = [{"role": "user", "content": "The blue chair?"}, {"role": "assistant", "content": "Yes."}]
        body = {"model": "help", "messages": [*turns, {"role": "user", "content": "What does it cost?"}]}
        response = await home.client.send("POST", "/v1/chat/completions", body)
        assert "chair" in grounds(response)["documents"]
        asked = "The blue chair?\nWhat does it cost?"
        assert grounds(response)["queries"] == [written.strip("."), asked]
        assert content(response) == (
            "I don't know." if "know" in written else "The blue chair costs 40 euros. [1]"
        )


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("policy", ["mark", "remove", "review"])
async def test_an_answer_without_a_supported_sentence_is_not_said(tmp_path, policy, stream):
    said = "Good question! The chairman is Bob Smith of Leeds. He likes rowing."
    async with helped(tmp_path, said, knows=f'unsupported = "{policy}"') as home:
        response = await home.client.chat("Who is the chairman?", "help", stream=stream)
        assert b"Bob" not in response.body and b"Good question" not in response.body
        row = home.row(response)
        assert row.error == "unanswered"
        assert json.loads(row.grounds)["refused"] is True


@pytest.mark.parametrize("stream", [False, True])
async def test_what_comes_before_the_first_supported_sentence_is_said_with_it(tmp_path, stream):
    said = "Good question! Bob made it. The blue chair costs 40 euros."
    async with helped(tmp_path, said, knows="sure = 2.0") as home:
        response = await home.client.chat("What does the blue chair cost?", "help", stream=stream)
        whole = "Good question! [unsupported] Bob made it. [unsupported] The blue chair costs 40 euros. [1]"
        if stream:
            told = [event["choices"][0]["delta"].get("content", "") for event in response.events[:-1]]
            assert "".join(told) == whole
        else:
            assert content(response) == whole
