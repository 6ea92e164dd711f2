"""Contract suites: what every rung and model of any plug-in must keep, as classes for pytest to collect.

    from stepladder.testing.contracts import RungContract

    class TestMyRung(RungContract):
        def make(self):
            return MyRung()

Where making takes more (a server to start, a folder to fill), override `opened` instead. Each test runs in
an event loop of its own; only pytest is needed, no plug-in of it.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Any, ClassVar

from stepladder.core import (
    Answer,
    BadRequest,
    ChatCall,
    Delta,
    Learned,
    Model,
    Part,
    Piece,
    Question,
    Rung,
    RungFailed,
    Task,
)

ODD_TEXTS = (
    "",
    " \n\t ",
    "\0",
    "!?。，",
    "\u200b\ufeff",
    "e\u0301 ﬁ Ａ １",
    "👩‍👩‍👧‍👦 🇨🇳",
    "مرحبا שלום",
    "\ud800",
    "答" * 100_000,
    "word " * 40_000,
    "\r\ndata: [DONE]\r\n\r\n",
)
"""Texts that a careless rung trips over. It may answer them or raise RungFailed, and nothing else."""


class RungContract:
    """What every rung keeps. `known` are texts that it must answer; they are questions of `task`."""

    known: ClassVar[Sequence[str]] = ("The food was cold.", "味道很好，下次再来")
    task: ClassVar[Task] = Task(name="contract", top="top")

    def make(self) -> Rung:
        """Return the rung under test."""
        raise NotImplementedError("Override make, or opened.")

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Rung]:
        """Give the rung under test, and take away what it needed."""
        yield self.make()

    def run(self, check: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
        """Open the rung under test, and check it in an event loop of its own."""
        _run(_with(self.opened(), check))

    def question(self, text: str) -> Question:
        """A question of the task."""
        return Question(id=f"q-{len(text)}", task=self.task.name, text=text)

    def test_it_is_a_rung_with_a_name(self) -> None:
        async def check(rung: Rung) -> None:
            assert isinstance(rung, Rung)
            assert rung.name
            assert isinstance(rung.release, str)

        _run(_with(self.opened(), check))

    def test_it_yields_deltas_then_one_answer(self) -> None:
        async def check(rung: Rung) -> None:
            for text in self.known:
                _check_parts(rung, await _parts(rung, self.question(text)))

        _run(_with(self.opened(), check))

    def test_concurrent_questions_get_their_own_answers(self) -> None:
        async def check(rung: Rung) -> None:
            questions = [self.question(text) for text in self.known] * 8
            alone = [await _parts(rung, question) for question in questions[: len(self.known)]] * 8
            together = await asyncio.gather(*(_parts(rung, question) for question in questions))
            for expected, parts in zip(alone, together, strict=True):
                _check_parts(rung, parts)
                self.check_same(expected[-1], parts[-1])

        _run(_with(self.opened(), check))

    def check_same(self, alone: Part, together: Part) -> None:
        """Compare the answers to one question. Override for a rung that may answer differently each time."""
        assert isinstance(alone, Answer)
        assert isinstance(together, Answer)
        assert alone.text == together.text

    def test_odd_texts_are_answered_or_refused(self) -> None:
        async def check(rung: Rung) -> None:
            for text in ODD_TEXTS:
                try:
                    parts = await _parts(rung, self.question(text))
                except RungFailed as failure:
                    assert failure.message
                    assert not text.strip() or len(text) < 20 or text not in str(failure)
                else:
                    _check_parts(rung, parts)

        _run(_with(self.opened(), check))

    def test_cancelling_leaves_nothing_behind(self) -> None:
        async def check(rung: Rung) -> None:
            before = asyncio.all_tasks()
            for ticks in range(6):
                asking = asyncio.create_task(_parts(rung, self.question(self.known[0])))
                for _ in range(ticks):
                    await asyncio.sleep(0)
                asking.cancel()
                await asyncio.wait([asking])
            await _settle(before)
            _check_parts(rung, await _parts(rung, self.question(self.known[0])))

        _run(_with(self.opened(), check))

    def test_leaving_early_leaves_nothing_behind(self) -> None:
        async def check(rung: Rung) -> None:
            before = asyncio.all_tasks()
            parts: Any = rung.answer(self.question(self.known[0]))
            async with aclosing(parts):
                await anext(parts)
            await _settle(before)
            _check_parts(rung, await _parts(rung, self.question(self.known[0])))

        _run(_with(self.opened(), check))


class LearnedContract(RungContract):
    """What every rung made by a recipe keeps besides."""

    def test_predict_equals_answer(self) -> None:
        async def check(rung: Rung) -> None:
            assert isinstance(rung, Learned)
            questions = [self.question(text) for text in self.known]
            for question, guess in zip(questions, rung.predict(questions), strict=True):
                answer = (await _parts(rung, question))[-1]
                assert isinstance(answer, Answer)
                assert (answer.text, answer.confidence) == (guess.text, guess.confidence)

        _run(_with(self.opened(), check))

    def test_a_guess_does_not_depend_on_its_batch(self) -> None:
        async def check(rung: Rung) -> None:
            assert isinstance(rung, Learned)
            questions = [self.question(text) for text in self.known]
            guesses = rung.predict(questions)
            assert rung.predict([]) == []
            assert rung.predict(questions) == guesses
            assert rung.predict(questions[::-1]) == guesses[::-1]
            assert [rung.predict([question])[0] for question in questions] == guesses

        _run(_with(self.opened(), check))

    def test_reasons_are_few_and_always_the_same(self) -> None:
        async def check(rung: Rung) -> None:
            assert isinstance(rung, Learned)
            for text in self.known:
                reasons = list(rung.explain(self.question(text), 3))
                assert len(reasons) <= 3
                assert reasons == list(rung.explain(self.question(text), 3))
                assert reasons[:1] == list(rung.explain(self.question(text), 1))

        _run(_with(self.opened(), check))

    def test_confidences_of_odd_texts_are_probabilities(self) -> None:
        async def check(rung: Rung) -> None:
            assert isinstance(rung, Learned)
            guesses = rung.predict([self.question(text) for text in ODD_TEXTS])
            assert all(0.0 <= guess.confidence <= 1.0 for guess in guesses)

        _run(_with(self.opened(), check))


class ModelContract:
    """What every model keeps. `known` are last user messages that it must answer."""

    known: ClassVar[Sequence[str]] = ("Say something.", "说点什么吧")
    task: ClassVar[Task] = Task(name="contract", top="top")

    def make(self) -> Model:
        """Return the model under test."""
        raise NotImplementedError("Override make, or opened.")

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Model]:
        """Give the model under test, and close it."""
        model = self.make()
        try:
            yield model
        finally:
            await model.close()

    def call(self, text: str, *, stream: bool, wants_usage: bool = False) -> ChatCall:
        """A chat of one message; OpenAI's `stream_options` is there where the caller wants the usage."""
        body: dict[str, Any] = {"model": "contract", "messages": [{"role": "user", "content": text}]}
        if stream:
            body["stream"] = True
        if wants_usage:
            body["stream_options"] = {"include_usage": True}
        raw = {key: json.dumps(value).encode() for key, value in body.items()}
        return ChatCall(id="call-1", body=raw, stream=stream, wants_usage=wants_usage)

    def test_it_has_a_name_and_a_source(self) -> None:
        async def check(model: Model) -> None:
            assert model.name
            assert model.source in ("live", "recorded")

        _run(_with(self.opened(), check))

    def test_a_plain_chat_is_one_last_piece_of_json(self) -> None:
        async def check(model: Model) -> None:
            for text in self.known:
                pieces = await _pieces(model, self.call(text, stream=False))
                assert [piece.last for piece in pieces] == [True]
                body = json.loads(pieces[0].data)
                choice = body["choices"][0]
                assert body["object"] == "chat.completion"
                assert (choice["message"]["content"] or "") == pieces[0].text
                assert choice["finish_reason"] == pieces[0].finish_reason
                assert pieces[0].usage is not None
                assert model.cost(pieces[0].usage) >= 0.0

        _run(_with(self.opened(), check))

    def test_a_stream_is_whole_events_and_says_when_it_ends(self) -> None:
        async def check(model: Model) -> None:
            for text in self.known:
                pieces = await _pieces(model, self.call(text, stream=True))
                chunks = [chunk for piece in pieces for chunk in _chunks(piece)]
                said = "".join(_content(chunk) for chunk in chunks)
                assert said == "".join(piece.text for piece in pieces)
                assert said
                held = [piece.last for piece in pieces]
                assert held[-1]
                assert held == sorted(held), "after the first last piece there may be none that is not"
                assert _finish_reasons(piece for piece in pieces if not piece.last) == []
                assert _finish_reasons(piece for piece in pieces if piece.last)
                assert any(piece.usage for piece in pieces)
                assert any(piece.finish_reason for piece in pieces)

        _run(_with(self.opened(), check))

    def test_the_usage_is_streamed_only_to_who_wants_it(self) -> None:
        async def check(model: Model) -> None:
            for wanted in (True, False):
                pieces = await _pieces(model, self.call(self.known[0], stream=True, wants_usage=wanted))
                chunks = [chunk for piece in pieces for chunk in _chunks(piece)]
                assert bool([chunk for chunk in chunks if chunk.get("usage")]) is wanted
                assert wanted or all(chunk["choices"] for chunk in chunks)

        _run(_with(self.opened(), check))

    def test_odd_texts_are_answered_or_refused(self) -> None:
        async def check(model: Model) -> None:
            for text in ODD_TEXTS:
                for stream in (False, True):
                    try:
                        pieces = await _pieces(model, self.call(text, stream=stream))
                    except (BadRequest, RungFailed) as failure:
                        assert failure.message
                    else:
                        assert pieces[-1].last

        _run(_with(self.opened(), check))

    def test_leaving_early_leaves_nothing_behind(self) -> None:
        async def check(model: Model) -> None:
            before = asyncio.all_tasks()
            for stream in (False, True):
                pieces: Any = model.chat(self.call(self.known[0], stream=stream))
                async with aclosing(pieces):
                    await anext(pieces)
                asking = asyncio.create_task(_pieces(model, self.call(self.known[0], stream=stream)))
                await asyncio.sleep(0)
                asking.cancel()
                await asyncio.wait([asking])
            await _settle(before)
            assert await _pieces(model, self.call(self.known[0], stream=False))

        _run(_with(self.opened(), check))

    def test_it_becomes_a_rung_that_says_where_answers_come_from(self) -> None:
        async def check(model: Model) -> None:
            rung = model.rung(self.task)
            question = Question(id="q-1", task=self.task.name, text=self.known[0])
            parts = await _parts(rung, question)
            _check_parts(rung, parts)
            answer = parts[-1]
            assert isinstance(answer, Answer)
            assert answer.source == model.source
            assert rung.name == model.name

        _run(_with(self.opened(), check))

    def test_closing_twice_is_fine(self) -> None:
        async def check(model: Model) -> None:
            await _pieces(model, self.call(self.known[0], stream=False))
            await model.close()
            await model.close()

        _run(_with(self.opened(), check))


def _run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


async def _with(opening: AbstractAsyncContextManager[Any], check: Any) -> None:
    async with opening as subject:
        await check(subject)


async def _parts(rung: Rung, question: Question) -> list[Part]:
    return [part async for part in rung.answer(question)]


async def _pieces(model: Model, call: ChatCall) -> list[Piece]:
    return [piece async for piece in model.chat(call)]


def _check_parts(rung: Rung, parts: list[Part]) -> None:
    *deltas, answer = parts
    assert isinstance(answer, Answer), "the last part is the Answer"
    assert all(isinstance(part, Delta) for part in deltas), "there is exactly one Answer"
    if deltas:
        assert "".join(part.text for part in deltas) == answer.text
    assert 0.0 <= answer.confidence <= 1.0
    assert answer.rung == rung.name
    assert answer.release == rung.release
    assert answer.source in ("live", "recorded")
    counted = (answer.cost, answer.latency_ms, answer.usage.prompt_tokens, answer.usage.completion_tokens)
    assert min(counted) >= 0


async def _settle(before: set[asyncio.Task[Any]]) -> None:
    """Wait a moment for what ends by itself; then no task may be left that was not there before."""
    for _ in range(50):
        left = asyncio.all_tasks() - before
        if not left:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"Left behind: {left}")


def _chunks(piece: Piece) -> list[dict[str, Any]]:
    assert piece.data == b"" or piece.data.endswith(b"\n\n"), "a piece is whole events"
    chunks = []
    for block in piece.data.split(b"\n\n"):
        data = b"\n".join(line[5:].strip() for line in block.split(b"\n") if line.startswith(b"data:"))
        assert data != b"[DONE]", "the gateway writes [DONE], after it committed"
        if data:
            chunks.append(json.loads(data))
    return chunks


def _content(chunk: dict[str, Any]) -> str:
    return "".join(choice["delta"].get("content") or "" for choice in chunk["choices"])


def _finish_reasons(pieces: Any) -> list[str]:
    return [
        choice["finish_reason"]
        for piece in pieces
        for chunk in _chunks(piece)
        for choice in chunk["choices"]
        if choice.get("finish_reason")
    ]
