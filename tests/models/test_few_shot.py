"""The few-shot rung: what the model is shown, what an answer costs, and how sure the rung is."""

import asyncio

import numpy as np
import pytest

from stepladder.core import Answer, Events, Question, RungFailed, Task, Turn, Usage
from stepladder.models import FewShotModel, FewShotRung, Ladder, Shelf, centred, shared_embedder
from stepladder.models.codes import with_codes
from stepladder.testing import EchoRung
from tests.models.upstream_double import completion, upstream_apart

TASK = Task("mood", "", prompt="Good or bad?", labels=("good", "bad"))
NGRAMS = {"kind": "ngrams", "dimensions": 128}
TEXTS = ("the soup was great", "a lovely soup", "the soup was awful", "a dull evening", "the bus was late")
LABELS = ("good", "good", "bad", "bad", "bad")


def rung(url, *, shots=3, **table):
    embedder = shared_embedder(NGRAMS)
    vectors = embedder.embed(TEXTS)
    centre = vectors.mean(axis=0)
    shelf = Shelf(
        ("a", "b", "c", "d", "e"), TEXTS, LABELS, embedder, NGRAMS, centre, centred(vectors, centre)
    )
    settings = {"kind": "chat", "base_url": url, "model": "small", "price_in": 1000.0, **table}
    model = FewShotModel(TASK, settings, shots, shelf, np.array([1.0, 0.0, 0.0]), 0.0)
    return FewShotRung("chat", "r1", model)


async def repeats(asked):
    """Behave: give the answer of the last example that was shown."""
    said = [message["content"] for message in asked.body["messages"] if message["role"] == "assistant"]
    await asked.say(completion(said[-1] if said else "good"))


async def asked_once(subject, question):
    try:
        return [part async for part in subject.answer(question)][-1]
    finally:
        await asyncio.to_thread(subject.model.close)


async def test_the_model_sees_the_nearest_examples_the_most_like_the_question_last():
    async with upstream_apart(repeats) as server:
        subject = rung(server.url)
        question = Question("q", "mood", "the soup was great indeed")
        answer = await asked_once(subject, question)
        messages = server.asked[0].body["messages"]
        assert [one["role"] for one in messages[1:]] == ["user", "assistant"] * 3 + ["user"]
        assert messages[-3]["content"] == "the soup was great"
        assert messages[-1]["content"] == "the soup was great indeed"
        assert (answer.text, answer.rung, answer.release) == ("good", "chat", "r1")
        assert subject.explain(question)[0].example == "a"
        assert answer.cost == pytest.approx(answer.usage.prompt_tokens * 1000 / 1e6) and answer.cost > 0


async def test_where_the_examples_disagree_with_the_answer_it_is_less_sure():
    async def always_bad(asked):
        await asked.say(completion("bad"))

    async with upstream_apart(always_bad) as server:
        sure = await asked_once(rung(server.url, shots=2), Question("q", "mood", "a dull late evening"))
        unsure = await asked_once(rung(server.url, shots=2), Question("q", "mood", "a lovely great soup"))
    assert sure.text == unsure.text == "bad"
    assert sure.confidence > unsure.confidence + 0.1


async def test_confidential_questions_go_to_private_models_only():
    question = Question("q", "mood", "the soup was great", confidential=True)
    async with upstream_apart(repeats) as server:
        with pytest.raises(RungFailed):
            await asked_once(rung(server.url), question)
        assert server.asked == []
        assert (await asked_once(rung(server.url, private=True), question)).text == "good"


async def test_a_dead_model_climbs_and_guesses_nothing():
    subject = rung("http://127.0.0.1:9/v1")
    with pytest.raises(RungFailed):
        await asked_once(subject, Question("q", "mood", "x"))
    assert [guess.confidence for guess in subject.predict([Question("q", "mood", "x")])] == [0.0]
    subject.model.close()


class Priced:
    """A rung whose answers cost something."""

    name, release = "chat", "r1"

    def __init__(self, confidence):
        self.confidence = confidence

    async def answer(self, question):
        yield Answer("good", self.confidence, self.name, self.release, usage=Usage(10, 1), cost=0.5)


@pytest.mark.parametrize("confidence", [0.9, 0.1])
async def test_what_a_rung_took_is_counted_whether_it_is_believed_or_not(confidence):
    top = EchoRung(name="top", stream=False)
    ladder = Ladder(TASK, [Priced(confidence)], {"chat": 0.5}, top, release="l1", events=Events())
    question = Question("q", "mood", "x")
    answer = [part async for part in ladder.answer(question)][-1]
    alone = [part async for part in top.answer(question)][-1]
    believed = confidence > 0.5
    assert answer.rung == ("chat" if believed else "top")
    assert answer.cost == 0.5
    assert answer.usage == (Usage(10, 1) if believed else Usage(10, 1) + alone.usage)


def test_a_local_model_is_shown_the_codes_of_the_labels():
    turns = (Turn("user", "a lovely soup"), Turn("assistant", "good"), Turn("user", "good"))
    messages = with_codes(TASK, Question("q", "mood", "x", turns=turns), [("A", "good"), ("B", "bad")])
    assert [one["content"] for one in messages[1:]] == ["a lovely soup", "A", "good", "x"]
