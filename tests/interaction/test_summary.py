"""A task of kind "summary": short texts whole, long ones by parts, every sentence checked against the text."""

import pytest

from tests.interaction.helping import content, grounds, saying
from tests.interaction.upstreams import live

TABLES = """
[tasks.sum]
kind = "summary"
top = "gpt"
prompt = "For busy people."
[tasks.sum.summary]
part = 1000
sentences = 2
MORE
"""
SHORT = (
    "The council met on Monday. It decided to close the old bridge in May. Repairs will cost two million euros. "
    "The mayor spoke for an hour. A new bridge is planned for next year."
)
SUMMARY = "The council will close the old bridge in May. Repairs will cost three million euros."


@pytest.mark.parametrize("stream", [False, True])
async def test_a_summary_is_checked_against_its_text(tmp_path, stream):
    seen = []
    async with live(tmp_path, saying(SUMMARY, seen=seen), TABLES.replace("MORE", "")) as home:
        response = await home.client.chat(SHORT, "sum", stream=stream)
        said = "The council will close the old bridge in May. [1] Repairs will cost three million euros. [unsupported]"
        if stream:
            told = [event["choices"][0]["delta"].get("content", "") for event in response.events[:-1]]
            facts = response.events[-2]["stepladder"]["grounds"]
            assert "".join(told) == said
        else:
            facts = grounds(response)
            assert content(response) == said
        (cited,) = facts["citations"]
        assert SHORT[cited["start"] :].startswith("It decided to close the old bridge in May.")
        assert facts["supported"] == 0.5
        (asked,) = seen
        assert asked["messages"][0]["content"].startswith("For busy people.")
        assert asked["messages"][-1]["content"] == SHORT


async def test_a_long_text_is_read_by_parts_and_all_of_it_is_paid_for(tmp_path):
    seen = []

    async def behave(asked):
        seen.append(asked.body)
        part = "a part of a longer one" in asked.body["messages"][0]["content"]
        number = asked.body["messages"][-1]["content"].split("number ")[1].split()[0] if part else ""
        text = (
            f"The ship named {number} sails." if part else "The ship named 0 sails. The ship named 59 sails."
        )
        await saying(text)(asked)

    text = " ".join(
        f"The ship number {n} named {n} sails from the harbour of the old town." for n in range(60)
    )
    async with live(tmp_path, behave, TABLES.replace("MORE", "")) as home:
        response = await home.client.chat(text, "sum")
        parts = [body for body in seen if "a part of" in body["messages"][0]["content"]]
        assert len(parts) >= 4 and len(seen) == len(parts) + 1
        assert "".join(body["messages"][-1]["content"] for body in parts).replace(" ", "") == text.replace(
            " ", ""
        )
        assert content(response) == "The ship named 0 sails. [1] The ship named 59 sails. [2]"
        asked = sum(len(body["messages"][-1]["content"]) for body in seen)
        assert home.row(response).prompt_tokens > asked / 6


async def test_the_text_s_own_sentences_where_the_owner_wants_them_or_the_text_is_short(tmp_path):
    async with live(tmp_path, saying("never"), TABLES.replace("MORE", "extract = true")) as home:
        response = await home.client.chat(SHORT, "sum")
        assert response.headers["x-stepladder-rung"] == "extract"
        cited = grounds(response)["citations"]
        assert len(cited) == 2 and all(SHORT[one["start"] :].startswith(one["text"]) for one in cited)
        chinese = "会议周一召开。会议决定五月关闭旧桥。旧桥维修需要两百万元。市长讲了一小时。"
        said = content(await home.client.chat(chinese, "sum"))
        assert "旧桥" in said and said.count("。") == 2
        assert not home.server.asked
    (tmp_path / "short").mkdir()
    async with live(tmp_path / "short", saying("never"), TABLES.replace("MORE", "")) as home:
        response = await home.client.chat("The bridge is closed.", "sum")
        assert content(response) == "The bridge is closed. [1]"
        assert not home.server.asked


async def test_a_part_that_fails_fails_the_summary(tmp_path):
    async def behave(asked):
        if "a part of" in asked.body["messages"][0]["content"] and "number 30 " in str(asked.body):
            return await asked.say({"error": {"message": "no"}}, 400)
        return await saying("A ship sails.")(asked)

    text = " ".join(
        f"The ship number {n} named {n} sails from the harbour of the old town." for n in range(60)
    )
    async with live(tmp_path, behave, TABLES.replace("MORE", "")) as home:
        assert (await home.client.chat(text, "sum")).status == 503
