"""Our own rungs and models keep the contracts that a stranger's must keep."""

import json
from contextlib import asynccontextmanager

import numpy as np
import pytest

from stepladder.core import Events, Task
from stepladder.models import (
    Arm,
    ChatModel,
    DictionaryRung,
    EncoderModel,
    EncoderRung,
    Entries,
    Ladder,
    LinearModel,
    LinearRung,
    NeighboursModel,
    NeighboursRung,
    RecordedModel,
    SplitModel,
    StackModel,
    StackRung,
    Vote,
    centred,
    shared_embedder,
)
from stepladder.models.routed import RoutedModel
from stepladder.testing import EchoModel, EchoRung, SlowRung, SureRung, UnsureRung
from stepladder.testing.contracts import LearnedContract, ModelContract, RungContract
from stepladder.text import NgramHasher
from tests.models.upstream_double import echo, upstream_apart

NGRAMS = {"kind": "ngrams", "dimensions": 64}


def neighbours(texts):
    """A model that knows these texts, each with a label of its own."""
    embedder = shared_embedder(NGRAMS)
    vectors, known = embedder.embed(texts), len(texts)
    return NeighboursModel(
        tuple(f"label {k}" for k in range(known)),
        embedder,
        NGRAMS,
        tuple(map(str, range(known))),
        np.arange(known),
        vectors.mean(axis=0),
        centred(vectors, vectors.mean(axis=0)),
        Vote(5, 0.1, 0.01),
        1.0,
        np.zeros(known, np.float32),
        np.ones(known, np.float32),
    )


class TestDictionary(RungContract):
    def make(self):
        return DictionaryRung(Entries({self.known[0]: "negative"}, {"味道很好,下次再来": "positive"}))


class TestLinear(LearnedContract):
    def make(self):
        hasher = NgramHasher(bits=12)
        buckets = np.unique(hasher.buckets(" ".join(self.known)))
        weights = np.ones((buckets.size, 2), np.float32)
        weights[::2, 0] = -0.3
        model = LinearModel(
            ("neg", "pos"), hasher, buckets, weights, np.zeros(1, np.float32), 1.0, np.zeros(2, np.float32)
        )
        return LinearRung("linear", "r1", model)


class TestNeighbours(LearnedContract):
    def make(self):
        return NeighboursRung("neighbours", "r1", neighbours(self.known))


class TestEncoder(LearnedContract):
    def make(self):
        rng = np.random.default_rng(0)
        model = EncoderModel(
            ("neg", "pos"),
            shared_embedder(NGRAMS),
            NGRAMS,
            np.zeros(64, np.float32),
            rng.normal(size=(64, 2)).astype(np.float32),
            np.zeros(2, np.float32),
            1.0,
            np.zeros(2, np.float32),
        )
        return EncoderRung("encoder", "r1", model)


class TestStack(LearnedContract):
    def make(self):
        member = neighbours(self.known)
        weights = np.array([1.0, 0.1, -0.2, 0.5, 0.3, 0.1, 0.0, 0.2])
        pool = (np.array([0.7, 0.4]), np.array([0.1, -0.1]))
        return StackRung(
            "stack",
            "r1",
            StackModel(member.classes, {"neighbours": member, "again": member}, *pool, weights, -0.3),
        )


class TestLadder(RungContract):
    """The top is named like the ladder: else its answers would name the rung that said them, as they should."""

    def make(self):
        low = [DictionaryRung(Entries()), UnsureRung(name="linear")]
        return Ladder(self.task, low, {"linear": 0.9}, EchoRung(name="ladder"), release="", events=Events())


@asynccontextmanager
async def chat(**settings):
    async with upstream_apart(echo) as server:
        model = ChatModel.open("big", {"base_url": server.url, "model": "gpt", **settings})
        try:
            yield model
        finally:
            await model.close()


class TestChat(ModelContract):
    @asynccontextmanager
    async def opened(self):
        async with chat(price_in=1.0, price_out=2.0) as model:
            yield model


class TestChatRung(RungContract):
    @asynccontextmanager
    async def opened(self):
        async with chat() as model:
            yield model.rung(self.task)


class TestChatRungOfLabels(RungContract):
    task = Task(name="contract", top="top", labels=("good", "好"))
    known = ("good", "好")

    @asynccontextmanager
    async def opened(self):
        async with chat() as model:
            yield model.rung(self.task)


class TestRouted(ModelContract):
    @asynccontextmanager
    async def opened(self):
        async with upstream_apart(echo) as server:
            table = {"kind": "chat", "base_url": server.url, "model": "gpt", "price_in": 1.0}
            model = RoutedModel.open("smart", {"small": table, "large": table})
            try:
                yield model
            finally:
                await model.close()


class TestSplit(ModelContract):
    @asynccontextmanager
    async def opened(self):
        async with chat(price_in=1.0) as one, chat(price_in=2.0) as other:
            yield SplitModel("either", [Arm("one", 0.5, one, False), Arm("other", 0.5, other, False)])


class Taped:
    """A recorded model that knows what the suite asks, from a file in a folder of the test's own."""

    @pytest.fixture(autouse=True)
    def tape(self, tmp_path):
        path = tmp_path / "answers.jsonl"
        rows = [json.dumps({"input": text, "answer": f"about {text}"}) for text in self.known]
        path.write_text("\n".join(rows))
        self.model = RecordedModel.open("taped", {"path": str(path), "price_in": 1.0, "delay_ms": 1})


class TestRecorded(Taped, ModelContract):
    def make(self):
        return self.model


class TestRecordedRung(Taped, RungContract):
    def make(self):
        return self.model.rung(self.task)


class TestEcho(RungContract):
    def make(self):
        return EchoRung()


class TestSlow(RungContract):
    def make(self):
        return SlowRung(EchoRung(release="r1"), 0.001)


class TestSure(LearnedContract):
    def make(self):
        return SureRung(release="r1")


class TestUnsure(LearnedContract):
    def make(self):
        return UnsureRung()


class TestEchoModel(ModelContract):
    def make(self):
        return EchoModel()
