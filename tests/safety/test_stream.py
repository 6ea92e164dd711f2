"""Streams leak nothing: every entity, split at every place, mixed with other choices and a tool call."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepladder.core import Action, Blocked
from stepladder.safety import Lexicon, PersonalGuard, SecretsGuard, StreamGuard, Word, WordsGuard

REDACTED = WordsGuard("words", Lexicon.of([Word("frobnicate"), Word("出售冰毒")]), action=Action.REDACT)
BLOCKED = WordsGuard("stop", Lexicon.of([Word("zyzzyva"), Word("炸药配方")]))
GUARDS = (REDACTED, PersonalGuard("personal"), SecretsGuard("secrets"))
ENTITIES = {
    "word": "frobnicate",
    "hidden": "f-r-o-b-n-i-c-a-t-e",
    "han": "出 售 冰 毒",
    "mail": "jane.roe@example.com",
    "phone": "13812345678",
    "card": "4111 1111 1111 1111",
    "key": "sk-aB3dE6gH9jK2mN5pQ8sT1vW4xY7z",
    "aws": "AKIAIOSFODNN7EXAMPLE",
    "id": "11010519491231002X",
    "private_key": "-----BEGIN PRIVATE KEY-----\n"
    + "MIIEvQIBADANBgkqhkiG9w0BAQ" * 12
    + "\n-----END PRIVATE KEY-----",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
}
BEFORE, AFTER = "好的，这是您要的内容：Here it is: ", " 。That is all, thank you."


def streamed(pieces, guards=GUARDS, key="a"):
    stream = StreamGuard(guards)
    return "".join([*(stream.feed(key, piece) for piece in pieces), stream.finish(key)])


@pytest.mark.parametrize("name", ENTITIES)
def test_every_entity_at_every_boundary(name):
    entity = ENTITIES[name]
    text = BEFORE + entity + AFTER
    whole = streamed([text])
    assert entity not in whole
    assert whole.startswith(BEFORE)
    assert whole.endswith(AFTER)
    first = len(BEFORE)
    for at in range(first, first + len(entity) + 1):
        assert streamed([text[:at], text[at:]]) == whole


@pytest.mark.parametrize("name", ["key", "aws", "private_key", "jwt"])
@pytest.mark.parametrize("before", ["", BEFORE, "x", "my password is ", "（"])
def test_a_guard_that_knows_how_secrets_begin_holds_back_only_that(name, before):
    guards = (SecretsGuard("secrets"),)
    text = before + ENTITIES[name] + AFTER
    whole = streamed([text], guards)
    assert streamed(list(text), guards) == whole
    for at in range(1, len(text)):
        assert streamed([text[:at], text[at:]], guards) == whole
    stream = StreamGuard(guards)
    for word in ("Roses ", "are", " red", "，紫罗兰", "是蓝色的"):
        assert stream.feed("a", word) == word


@pytest.mark.parametrize("name", ENTITIES)
def test_every_entity_a_character_at_a_time(name):
    text = BEFORE + ENTITIES[name] + AFTER
    assert streamed(list(text)) == streamed([text])


def interleavings(streams):
    """All orders of the pieces of several streams that keep each stream's own order."""
    if not any(streams.values()):
        yield []
        return
    for key, pieces in streams.items():
        if pieces:
            rest = {**streams, key: pieces[1:]}
            for order in interleavings(rest):
                yield [(key, pieces[0]), *order]


@pytest.mark.parametrize(("one", "two", "three"), [("word", "mail", "key"), ("phone", "word", "mail")])
def test_two_choices_and_a_tool_call_in_every_order(one, two, three):
    keys = {(0, "content", None): one, (1, "content", None): two, (0, "arguments", "call_1"): three}
    texts = {key: BEFORE + ENTITIES[name] + AFTER for key, name in keys.items()}
    wanted = {key: streamed([text]) for key, text in texts.items()}
    cut = {
        key: [text[: len(BEFORE) + 3], text[len(BEFORE) + 3 : len(BEFORE) + 7], text[len(BEFORE) + 7 :]]
        for key, text in texts.items()
    }
    cut[(1, "content", None)][1:] = ["".join(cut[(1, "content", None)][1:])]
    for order in interleavings(cut):
        stream = StreamGuard(GUARDS)
        out = dict.fromkeys(texts, "")
        for key, piece in order:
            out[key] += stream.feed(key, piece)
            assert ENTITIES[keys[key]] not in out[key]
        for key, rest in stream.finish_all().items():
            out[key] += rest
        assert out == wanted


KEYS = ((0, "content", None), (1, "content", None), (0, "arguments", "call_1"))
ORDERS = sorted(set(itertools.permutations(KEYS * 2)), key=str)


@pytest.mark.parametrize("name", sorted(ENTITIES))
def test_every_entity_at_every_boundary_in_interleavings_of_two_choices_and_a_tool_call(name):
    """Each of the boundaries meets some of the 90 orders, so that all meet all orders of pieces before and after it."""
    entity, orders = ENTITIES[name], itertools.cycle(ORDERS)
    text = BEFORE + entity + AFTER
    whole = streamed([text])
    for at in range(len(BEFORE), len(BEFORE) + len(entity) + 1):
        for order in itertools.islice(orders, max(1, 720 // len(entity))):
            stream, out = StreamGuard(GUARDS), dict.fromkeys(KEYS, "")
            for i, key in enumerate(order):
                out[key] += stream.feed(key, text[at:] if key in order[:i] else text[:at])
                assert entity not in out[key]
            for key, rest in stream.finish_all().items():
                out[key] += rest
            assert out == dict.fromkeys(KEYS, whole)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_chunking_gives_what_the_whole_text_gives(data):
    names = data.draw(st.lists(st.sampled_from(sorted(ENTITIES)), min_size=1, max_size=3))
    text = BEFORE + " 然后 and then: ".join(ENTITIES[name] for name in names) + AFTER
    cuts = sorted(data.draw(st.sets(st.integers(1, len(text) - 1), max_size=12)))
    pieces = [text[a:b] for a, b in itertools.pairwise([0, *cuts, len(text)])]
    out = streamed(pieces)
    assert out == streamed([text])
    assert not any(ENTITIES[name] in out for name in names)


def test_no_more_is_held_than_a_match_is_long():
    stream = StreamGuard(GUARDS)
    assert stream.hold == 64
    sent = 0
    for i, character in enumerate("x y " * 100, 1):
        sent += len(stream.feed("a", character))
        assert i - sent <= 64


@pytest.mark.parametrize("word", ["zyzzyva", "z y z z y v a", "炸药配方"])
def test_a_blocking_guard_stops_the_stream_before_the_match_leaves(word):
    text = BEFORE * 4 + word + AFTER * 4
    for step in (1, 3, 7):
        stream, out = StreamGuard((BLOCKED,)), ""
        with pytest.raises(Blocked):
            for at in range(0, len(text), step):
                out += stream.feed("a", text[at : at + step])
        assert word[:2] not in out[len(BEFORE) * 4 :]
        assert (BEFORE * 4).startswith(out)


def test_a_match_without_an_end_is_blocked():
    stream = StreamGuard(GUARDS)
    with pytest.raises(Blocked, match="without an end"):
        for _ in range(40):
            stream.feed("a", "sk-" if _ == 0 else "aB3dE6gH9jK2mN5pQ8sT1vW4" * 25)


def test_whole_text_guards_are_not_asked():
    class Whole:
        name, window, quick = "whole", None, True
        side = REDACTED.side

        def check(self, text, turns=()):
            raise AssertionError("asked")

    assert streamed(["some text"], (Whole(),)) == "some text"
