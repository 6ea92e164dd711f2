"""A split: who meets which arm, who moves when shares change, and what a confidential question may reach."""

import json
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from stepladder.core import BadRequest, ChatCall, Config, ModelConfig, Usage
from stepladder.models import ChatModel, with_splits
from tests.models.upstream_double import completion, upstream

PEOPLE = [f"person {k}" for k in range(2000)]


class Silent:
    """An arm that is never asked."""

    source = "live"
    private = False

    def __init__(self, name):
        self.name = name


def split(shares, *, name="either", private=()):
    tables = {arm: ModelConfig("chat", {}) for arm in shares}
    models = {arm: Silent(arm) for arm in shares}
    for arm in private:
        models[arm].private = True
    return with_splits(Config(models={**tables, name: ModelConfig("split", {"arms": shares})}), models)[name]


def drawn(shares, **more):
    one = split(shares)
    return {who: one.choose(who, **more).name for who in PEOPLE}


def test_each_gets_its_share_and_everybody_keeps_their_arm():
    found = drawn({"a": 0.7, "b": 0.2, "c": 0.1})
    assert found == drawn({"c": 0.1, "b": 0.2, "a": 0.7}), "the order of the file decides nothing"
    counts = {arm: list(found.values()).count(arm) / len(PEOPLE) for arm in "abc"}
    assert counts == pytest.approx({"a": 0.7, "b": 0.2, "c": 0.1}, abs=0.04)


def test_who_has_an_arm_keeps_it_while_its_share_grows():
    before, after = drawn({"a": 0.9, "b": 0.1}), drawn({"a": 0.5, "b": 0.5})
    assert all(after[who] == "b" for who in PEOPLE if before[who] == "b")
    moved = sum(before[who] != after[who] for who in PEOPLE) / len(PEOPLE)
    assert moved == pytest.approx(0.4, abs=0.04), "nobody moves who need not"


def test_a_new_arm_takes_its_share_and_nobody_else_moves():
    before, after = drawn({"a": 0.5, "b": 0.5}), drawn({"a": 0.4, "b": 0.4, "c": 0.2})
    assert {after[who] for who in PEOPLE if before[who] != after[who]} == {"c"}
    assert list(after.values()).count("c") / len(PEOPLE) == pytest.approx(0.2, abs=0.04)


@pytest.mark.parametrize("arm", ["a", "b"])
def test_all_or_none_is_exactly_that(arm):
    assert set(drawn({"a": 0.0, "b": 0.0, arm: 1.0}).values()) == {arm}


def test_two_splits_of_the_same_arms_draw_apart():
    shares = {"a": 0.5, "b": 0.5}
    one, other = split(shares), split(shares, name="another")
    same = sum(one.choose(who).name == other.choose(who).name for who in PEOPLE) / len(PEOPLE)
    assert same == pytest.approx(0.5, abs=0.05)


def test_a_confidential_question_is_divided_among_those_that_may_see_it():
    one = split({"open": 0.8, "own": 0.15, "cellar": 0.05}, private=("own", "cellar"))
    found = [one.choose(who, confidential=True).name for who in PEOPLE]
    assert set(found) == {"own", "cellar"}
    assert found.count("own") / len(found) == pytest.approx(0.75, abs=0.04)
    assert all(
        one.choose(who).name == arm
        for who, arm in zip(PEOPLE, found, strict=True)
        if one.choose(who).name != "open"
    )
    assert (one.private, one.sealed) == (True, False)


def test_a_private_arm_without_a_share_gets_no_confidential_question_either():
    one = split({"open": 1.0, "own": 0.0}, private=("own",))
    assert not one.private
    with pytest.raises(BadRequest, match="confidential"):
        one.choose("ann", confidential=True)


def test_an_arm_with_a_public_fallback_is_not_sealed():
    tables = {
        "own": ModelConfig("chat", {}, fallback=("open",)),
        "cellar": ModelConfig("chat", {}),
        "open": ModelConfig("chat", {}),
        "either": ModelConfig("split", {"arms": {"own": 0.5, "cellar": 0.5}}),
    }
    models = {name: Silent(name) for name in ("own", "cellar", "open")}
    models["own"].private = models["cellar"].private = True
    found = with_splits(Config(models=tables), models)["either"]
    assert (found.private, found.sealed) == (True, False)


@asynccontextmanager
async def opened():
    async with AsyncExitStack() as stack:
        models = {}
        for price, name in enumerate(("a", "b"), start=1):

            async def behave(asked, name=name):
                await asked.say(completion(name))

            server = await stack.enter_async_context(upstream(behave))
            models[name] = ChatModel.open(
                name, {"base_url": server.url, "model": "m", "price_in": float(price)}
            )
            stack.push_async_callback(models[name].close)
        tables = {name: ModelConfig("chat", {}) for name in models}
        either = ModelConfig("split", {"arms": {"a": 0.5, "b": 0.5}})
        yield with_splits(Config(models={**tables, "either": either}), models)["either"]


def call(id="c", route="chat/completions", conversation="", **more):
    body = {"messages": [{"role": "user", "content": "hi"}], **more}
    return ChatCall(
        id,
        {key: json.dumps(one).encode() for key, one in body.items()},
        False,
        route=route,
        conversation=conversation,
    )


async def test_pieces_say_whose_they_are_and_an_asker_is_known_by_conversation_then_name():
    async with opened() as one:

        async def by(**more):
            return [piece.by.name async for piece in one.chat(call(**more))][-1]

        for k in range(8):
            in_turn = {await by(id=f"i{k}{n}", conversation=f"c{k}", user=f"u{n}") for n in range(3)}
            assert len(in_turn) == 1
            assert len({await by(id=f"i{k}{n}", user=f"u{k}") for n in range(3)}) == 1
        assert {await by(id=f"i{n}") for n in range(20)} == {"a", "b"}
        assert one.cost(Usage(1_000_000, 0)) == 2.0


async def test_there_are_no_vectors_of_a_split():
    async with opened() as one:
        with pytest.raises(BadRequest, match="has no embeddings"):
            await anext(one.chat(call(route="embeddings")))
