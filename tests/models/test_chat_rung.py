"""An upstream as the rung of a task: what it is asked, and what its answers become."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from stepladder.core import Answer, Delta, Question, RungFailed, Task, Turn, UpstreamFailed, Usage
from stepladder.models import ChatModel
from tests.models.upstream_double import DONE, completion, counted, said, upstream

LABELS = Task(name="心情", top="big", prompt="Good or bad?", labels=("good", "bad"))
JSON = Task(
    name="心情",
    top="big",
    schema={"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
)
PROSE = Task(name="心情", top="big", prompt="Be kind.")
QUESTION = Question(id="q1", task="心情", text="味道很好", fields={"stars": 4})


@asynccontextmanager
async def rung_of(task, behave, **settings):
    async with upstream(behave) as server:
        model = ChatModel.open("big", {"base_url": server.url, "model": "gpt-x", **settings})
        try:
            yield model.rung(task), server
        finally:
            await model.close()


def saying(text):
    return lambda asked: asked.say(completion(text))


async def parts(rung, question=QUESTION):
    return [part async for part in rung.answer(question)]


async def test_a_label_is_asked_for_plainly_and_comes_whole():
    async with rung_of(LABELS, saying(" **Good**. "), price_in=1.0, price_out=10.0) as (rung, server):
        (answer,) = await parts(rung)
        body = server.asked[0].body
    assert (answer.text, answer.confidence, answer.rung, answer.release) == ("good", 1.0, "big", "")
    assert (answer.usage, answer.finish_reason, answer.source) == (Usage(7, 2), "stop", "live")
    assert answer.cost == pytest.approx(27e-6)
    assert answer.latency_ms > 0
    assert "stream" not in body
    assert "response_format" not in body
    system, user = body["messages"]
    assert user == {"role": "user", "content": "味道很好"}
    assert "Good or bad?" in system["content"]
    assert "good, bad" in system["content"]
    assert '"stars": 4' in system["content"]


@pytest.mark.parametrize("text", ["ugly", "", "good or bad", "not good"])
async def test_a_label_outside_the_set_is_a_failure_that_quotes_nothing(text):
    async with rung_of(LABELS, saying(text)) as (rung, _):
        with pytest.raises(RungFailed, match="outside the label set") as caught:
            await parts(rung)
    assert "ugly" not in str(caught.value)
    assert "good, bad" in caught.value.remedy


async def test_json_is_asked_for_with_its_schema_and_comes_canonical():
    async with rung_of(JSON, saying('```json\n{ "z": "é", "n": 4.0 }\n```')) as (rung, server):
        (answer,) = await parts(rung)
        shape = server.asked[0].body["response_format"]
    assert answer.text == '{"n":4,"z":"é"}'
    assert shape["json_schema"]["schema"] == JSON.schema
    assert shape["json_schema"]["name"].isascii(), (
        "OpenAI takes [a-zA-Z0-9_-] only, and a task may have any name"
    )


async def test_extra_joins_the_request_and_may_say_how_json_is_asked_for():
    extra = {"temperature": 0, "response_format": {"type": "json_object"}}
    async with rung_of(JSON, saying('{"n":1}'), extra=extra) as (rung, server):
        await parts(rung)
        body = server.asked[0].body
    assert body["temperature"] == 0
    assert body["response_format"] == {"type": "json_object"}


async def test_json_outside_the_schema_is_a_failure():
    async with rung_of(JSON, saying('{"n":"four"}')) as (rung, _):
        with pytest.raises(RungFailed, match=r"\$\.n is not of type integer"):
            await parts(rung)


async def test_prose_is_streamed():
    def behave(asked):
        return asked.stream(said("Thank "), said("you", "length"), counted(), DONE)

    async with rung_of(PROSE, behave) as (rung, server):
        *deltas, answer = await parts(rung)
        assert server.asked[0].body["stream"] is True
    assert "".join(delta.text for delta in deltas) == "Thank you"
    assert all(isinstance(delta, Delta) and delta.text for delta in deltas)
    assert (answer.text, answer.finish_reason, answer.usage) == ("Thank you", "length", Usage(7, 2))


async def test_earlier_turns_are_sent_and_a_callers_system_message_only_where_the_task_says_so():
    question = Question(
        id="q2",
        task="心情",
        text="and now?",
        system="Obey me.",
        turns=(Turn("user", "a"), Turn("assistant", "b")),
    )
    for allowed in (False, True):
        task = Task(name="t", top="big", labels=("good", "bad"), caller_system=allowed)
        async with rung_of(task, saying("good")) as (rung, server):
            await parts(rung, question)
            messages = server.asked[0].body["messages"]
        assert [message["role"] for message in messages] == ["system", "user", "assistant", "user"]
        assert ("Obey me." in messages[0]["content"]) is allowed


async def test_a_failure_of_the_upstream_passes():
    async with rung_of(LABELS, lambda asked: asked.say({"error": {"message": "busy"}}, 503)) as (rung, _):
        with pytest.raises(UpstreamFailed, match="503"):
            await parts(rung)


async def test_an_answer_without_usage_costs_what_we_estimate():
    body = completion("good")
    del body["usage"]
    async with rung_of(LABELS, lambda asked: asked.say(body), price_in=1.0) as (rung, _):
        (answer,) = await parts(rung)
    assert isinstance(answer, Answer)
    assert (answer.usage, answer.cost) == (Usage(45, 1, estimated=True), pytest.approx(45e-6))


async def test_text_that_is_no_unicode_is_a_failure_and_not_a_crash():
    async with rung_of(LABELS, saying("good")) as (rung, server):
        with pytest.raises(RungFailed, match="Unicode"):
            await parts(rung, Question(id="q", task="t", text="half \ud83d"))
        assert server.asked == []


async def test_many_questions_at_once_get_their_own_answers():
    async def behave(asked):
        text = asked.body["messages"][-1]["content"]
        await asyncio.sleep(0.001 * (len(server.asked) % 5))
        await asked.say(completion(f'"{text}"'))

    task = Task(name="t", top="big", schema={"type": "string"})
    async with rung_of(task, behave) as (rung, server):
        questions = [Question(id=str(n), task="t", text=f"text {n}") for n in range(20)]
        answers = await asyncio.gather(*(parts(rung, question) for question in questions))
    assert [answer.text for (answer,) in answers] == [f'"text {n}"' for n in range(20)]
