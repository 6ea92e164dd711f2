"""The contract suites fail for whoever breaks the contract: each of these has one fault, and one test that finds it."""

import asyncio

import pytest

from stepladder.core import Answer, Delta, Guess, Piece, RungFailed
from stepladder.testing import EchoModel, EchoRung, SureRung
from stepladder.testing.contracts import LearnedContract, ModelContract, RungContract


def broken_tests(suite, make):
    """The names of the suite's tests that fail for what `make` gives."""
    subject = type("Subject", (suite,), {"make": lambda self: make()})()
    found = set()
    for name in sorted(name for name in dir(suite) if name.startswith("test_")):
        try:
            getattr(subject, name)()
        except (AssertionError, LookupError, RuntimeError, TypeError, ValueError):
            found.add(name)
    return found


class TwoAnswers(SureRung):
    async def answer(self, question):
        yield Answer("a", 1.0, self.name)
        yield Answer("b", 1.0, self.name)


class NoAnswer(SureRung):
    async def answer(self, question):
        yield Delta("a")


class OtherWords(SureRung):
    async def answer(self, question):
        yield Delta("something ")
        yield Answer("else", 1.0, self.name)


class OverSure(SureRung):
    confidence = 1.5


class ForeignName(SureRung):
    async def answer(self, question):
        yield Answer("a", 1.0, "somebody")


class Crashes(SureRung):
    async def answer(self, question):
        if not question.text.strip():
            raise IndexError
        yield Answer("a", 1.0, self.name)


class Tattler(SureRung):
    async def answer(self, question):
        if len(question.text) > 1000:
            raise RungFailed(self.name, f"Cannot answer {question.text}")
        yield Answer("a", 1.0, self.name)


class Mixes(SureRung):
    """Keeps the question in itself, so that those at the same time get each other's answers."""

    async def answer(self, question):
        self.text = question.text
        await asyncio.sleep(0)
        yield Answer(self.text, 1.0, self.name)


class Litters(SureRung):
    """Leaves a task behind whoever leaves early."""

    async def answer(self, question):
        work = asyncio.create_task(asyncio.sleep(30))
        await asyncio.sleep(0)
        yield Answer("a", 1.0, self.name)
        work.cancel()


@pytest.mark.parametrize(
    ("rung", "test"),
    [
        (TwoAnswers, "test_it_yields_deltas_then_one_answer"),
        (NoAnswer, "test_it_yields_deltas_then_one_answer"),
        (OtherWords, "test_it_yields_deltas_then_one_answer"),
        (OverSure, "test_it_yields_deltas_then_one_answer"),
        (ForeignName, "test_it_yields_deltas_then_one_answer"),
        (Crashes, "test_odd_texts_are_answered_or_refused"),
        (Tattler, "test_odd_texts_are_answered_or_refused"),
        (Mixes, "test_concurrent_questions_get_their_own_answers"),
        (Litters, "test_leaving_early_leaves_nothing_behind"),
    ],
)
def test_a_faulty_rung_is_found(rung, test):
    assert test in broken_tests(RungContract, rung)


def test_a_sound_rung_passes():
    assert broken_tests(RungContract, EchoRung) == set()
    assert broken_tests(LearnedContract, SureRung) == set()


class GuessesOtherwise(SureRung):
    def predict(self, questions):
        return [Guess("other", 1.0) for _ in questions]


class LooksAround(SureRung):
    def predict(self, questions):
        return [Guess(self.text, 1.0 / len(questions)) for _ in questions]


class Unbounded(SureRung):
    def predict(self, questions):
        return [Guess(self.text, 1.0 + len(question.text) // 1000) for question in questions]


@pytest.mark.parametrize(
    ("rung", "test"),
    [
        (GuessesOtherwise, "test_predict_equals_answer"),
        (LooksAround, "test_a_guess_does_not_depend_on_its_batch"),
        (Unbounded, "test_confidences_of_odd_texts_are_probabilities"),
    ],
)
def test_a_faulty_learned_rung_is_found(rung, test):
    assert test in broken_tests(LearnedContract, rung)


class Changed(EchoModel):
    """An echo whose pieces are changed on the way."""

    def change(self, pieces):
        return pieces

    async def chat(self, call):
        for piece in self.change([piece async for piece in super().chat(call)]):
            yield piece


class WritesDone(Changed):
    def change(self, pieces):
        return [*pieces, Piece(b"data: [DONE]\n\n", last=True)]


class NeverLast(Changed):
    def change(self, pieces):
        return [Piece(piece.data, piece.text, usage=piece.usage) for piece in pieces]


class LastTooEarly(Changed):
    def change(self, pieces):
        return [Piece(pieces[0].data, pieces[0].text, last=True), *pieces[1:]]


class HalfEvents(Changed):
    def change(self, pieces):
        return [
            part
            for piece in pieces
            for part in (Piece(piece.data[:9]), Piece(piece.data[9:], piece.text, piece.last, piece.usage))
        ]


class SaysOther(Changed):
    def change(self, pieces):
        return [Piece(piece.data, "x", piece.last, piece.usage, piece.finish_reason) for piece in pieces]


class AlwaysUsage(EchoModel):
    async def chat(self, call):
        asked = type(call)(call.id, call.body, call.stream, wants_usage=True)
        async for piece in super().chat(asked):
            yield piece


class OtherSource(EchoModel):
    source = "recorded"


@pytest.mark.parametrize(
    ("model", "test"),
    [
        (WritesDone, "test_a_stream_is_whole_events_and_says_when_it_ends"),
        (NeverLast, "test_a_plain_chat_is_one_last_piece_of_json"),
        (LastTooEarly, "test_a_stream_is_whole_events_and_says_when_it_ends"),
        (HalfEvents, "test_a_stream_is_whole_events_and_says_when_it_ends"),
        (SaysOther, "test_a_plain_chat_is_one_last_piece_of_json"),
        (AlwaysUsage, "test_the_usage_is_streamed_only_to_who_wants_it"),
        (OtherSource, "test_it_becomes_a_rung_that_says_where_answers_come_from"),
    ],
)
def test_a_faulty_model_is_found(model, test):
    assert test in broken_tests(ModelContract, model)


def test_a_sound_model_passes():
    assert broken_tests(ModelContract, EchoModel) == set()


def test_a_suite_without_a_subject_says_what_to_do():
    with pytest.raises(NotImplementedError, match="Override make"):
        RungContract().test_it_is_a_rung_with_a_name()
