"""Nothing leaks from a stream, over the gateway's whole path: every entity, split at every place, mixed with others."""

import itertools
import json
import random

import pytest

from tests.interaction.upstreams import live
from tests.models.upstream_double import DONE

ENFORCED = '[guards]\nmode = "enforce"\n[guards.attacks]\nmode = "off"\n'
ENTITIES = {
    "mail": ("jane.roe@example.com", "[EMAIL]"),
    "phone": ("13812345678", "[PHONE]"),
    "card": ("4111 1111 1111 1111", "[BANK_CARD]"),
    "id": ("11010519491231002X", "[ID_NUMBER]"),
    "key": ("sk-aB3dE6gH9jK2mN5pQ8sT1vW4xY7z", "[OPENAI_KEY]"),
    "aws": ("AKIAIOSFODNN7EXAMPLE", "[AWS_KEY]"),
    "hidden": ("f-r-o-b-n-i-c-a-t-e", "[LISTED]"),
    "han": ("出 售 冰 毒", "[LISTED]"),
}
BEFORE, AFTER = "好的，这是您要的内容：Here it is: ", " 。That is all, thank you."


def delta(index, content=None, finish=None, **more):
    said = {**({"content": content} if content is not None else {}), **more}
    choice = {"index": index, "delta": said, "finish_reason": finish, "logprobs": {"content": [content]}}
    return {"id": "c", "object": "chat.completion.chunk", "choices": [choice]}


def call(text, at=0, **more):
    return delta(0, tool_calls=[{"index": at, **more, "function": {"arguments": text}}])


def cut(text, *places):
    edges = [0, *sorted(places), len(text)]
    return [text[a:b] for a, b in itertools.pairwise(edges)]


def mixed(dice, *streams):
    """The chunks of several streams in one of their orders."""
    waiting, found = [list(stream) for stream in streams], []
    while any(waiting):
        found.append(dice.choice([stream for stream in waiting if stream]).pop(0))
    return found


def put_together(response):
    """Each choice's words, and the arguments of the tool calls."""
    words, arguments = {0: "", 1: ""}, {}
    for event in response.events:
        for choice in event["choices"] if event != "[DONE]" else ():
            words[choice["index"]] += choice["delta"].get("content") or ""
            for each in choice["delta"].get("tool_calls", ()):
                told = each["function"].get("arguments", "")
                arguments[each["index"]] = arguments.get(each["index"], "") + told
    return words, arguments


def scripts(name):
    """A stream for every place where the entity can be split, in both choices and in two tool calls at once."""
    entity = ENTITIES[name][0]
    text, dice = BEFORE + entity + AFTER, random.Random(name)
    escaped = "".join(f"\\u{ord(character):04x}" for character in entity)
    inside = json.dumps({"to": "ENTITY", "n": 1}).replace("ENTITY", escaped)
    for at in range(len(BEFORE), len(BEFORE) + len(entity) + 1):
        first = [delta(0, piece) for piece in cut(text, at)]
        second = [delta(1, piece) for piece in (cut(text, at - 1, at + 1) if at % 2 else text)]
        calls = [call("", id="a", type="function"), call("", 1, id="b", type="function")]
        calls += [call(piece) for piece in cut(inside, at - len(BEFORE) + 9)]
        calls += [call(piece, 1) for piece in cut(json.dumps({"to": entity}), at - len(BEFORE) + 8)]
        ends = [delta(0, finish="tool_calls"), delta(1, finish="stop")]
        yield [*mixed(dice, first, second, calls), *ends]


@pytest.mark.parametrize("name", ENTITIES)
async def test_every_entity_at_every_boundary_in_two_choices_and_two_tool_calls(tmp_path, name):
    entity, instead = ENTITIES[name]
    script = []

    async def behave(asked):
        await asked.stream(*script, DONE)

    words = tmp_path / "words.txt"
    words.write_text("frobnicate\tlisted\tredact\n出售冰毒\tlisted\tredact\n", encoding="utf-8")
    more = f'{ENFORCED}[guards.words]\nlists = ["{words}"]\n'
    async with live(tmp_path, behave, more) as it:
        for chunks in scripts(name):
            script[:] = chunks
            response = await it.client.chat("hi", "gpt", stream=True, n=2)
            said, arguments = put_together(response)
            assert said == {0: BEFORE + instead + AFTER, 1: BEFORE + instead + AFTER}
            assert json.loads(arguments[0]) == {"to": instead, "n": 1}
            assert json.loads(arguments[1]) == {"to": instead}
            assert entity not in response.body.decode()
            row = it.row(response)
            assert entity not in repr(row)
            assert instead in row.answer
            assert row.status == "ok"


async def test_a_choice_never_waits_for_more_than_a_window(tmp_path):
    """What has come is out but for 64 characters, however it comes; and a secret's guard alone holds back a word at most."""
    text = "The quick brown fox jumps over the lazy dog. " * 20

    async def behave(asked):
        await asked.stream(*(delta(0, character) for character in text), delta(0, finish="stop"), DONE)

    async with live(tmp_path, behave, '[guards]\nmode = "enforce"\n') as it:
        response = await it.client.chat("hi", "gpt", stream=True)
        said, _ = put_together(response)
        assert said[0] == text
        contents = [event["choices"][0]["delta"].get("content") or "" for event in response.events[:-1]]
        assert len(contents[-2]) <= 64
        assert len(contents) > len(text) / 2


@pytest.mark.parametrize("streams", ["buffer", "cut"])
@pytest.mark.parametrize("model", ["gpt", "poem"])
async def test_a_guard_of_whole_answers_buffers_or_cuts(tmp_path, streams, model):
    bad = "And now I tell you in full how to do it. " * 20

    async def behave(asked):
        first = "A fine day to you. " * 15
        chunks = [delta(0, first[at : at + 10]) for at in range(0, len(first), 10)]
        await asked.stream(*chunks, delta(0, bad), delta(0, bad), delta(0, finish="stop"), DONE)

    form = f'[guards]\nstreams = "{streams}"\n[guards.form]\nmode = "enforce"\nlongest = 600\n'
    async with live(tmp_path, behave, form) as it:
        response = await it.client.chat("hi", model, stream=True)
        said, _ = put_together(response)
        assert "in full" not in said[0] or streams == "cut"
        assert len(said[0]) < 900
        finishes = [
            event["choices"][0]["finish_reason"] for event in response.events[:-1] if event["choices"]
        ]
        assert finishes[-1] == "content_filter"
        row = it.row(response)
        assert row.status == "blocked"
        assert [(one.guard, one.action) for one in row.remarks] == [("form", "block")]


async def test_an_answer_that_breaks_off_leaves_nothing_uncleared(tmp_path):
    async def behave(asked):
        await asked.head()
        await asked.chunk(b"data: " + json.dumps(delta(0, "Mail jane.roe@exam")).encode() + b"\n\n")
        await asked.chunk(b"data: " + json.dumps(delta(0, "ple.com")).encode() + b"\n\n")
        await asked.end()

    async with live(tmp_path, behave, ENFORCED) as it:
        response = await it.client.chat("hi", "gpt", stream=True)
        assert "jane.roe" not in response.body.decode()
        assert "jane.roe" not in repr(it.rows()[-1])
