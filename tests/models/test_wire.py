"""What is looked at in a completion, and what models of our own write."""

import json

import pytest

from stepladder.core import ChatCall, Usage
from stepladder.models.wire import UNREADABLE, completion_body, peek, stream_pieces, text_of


def choice(index, text, finish=None, key="message"):
    return {"index": index, key: {"content": text}, "finish_reason": finish}


def look(body):
    return peek(json.dumps(body).encode())


def test_the_first_choice_is_the_one_of_index_0_wherever_it_stands():
    seen = look({"choices": [choice(1, "b", "stop"), choice(0, "a")]})
    assert (seen.text, seen.finish_reason) == ("a", None)
    seen = look({"choices": [choice(1, "b", "stop")]})
    assert (seen.text, seen.finish_reason) == ("", None)


@pytest.mark.parametrize("key", ["message", "delta"])
def test_messages_and_deltas_are_read_alike(key):
    assert look({"choices": [choice(0, "a", "length", key)]}).text == "a"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"choices": []},
        {"choices": [{}]},
        {"choices": [{"delta": {}}]},
        {"choices": [{"delta": {"content": None}}]},
        {"choices": [{"delta": None, "message": None}]},
        {"choices": [{"delta": {"content": {"odd": 1}}}]},
        {"object": "chat.completion.chunk", "choices": [], "prompt_filter_results": [1]},
    ],
)
def test_what_says_nothing_says_nothing(body):
    assert (look(body).text, look(body).finish_reason, look(body).used) == ("", None, None)


def test_usage_is_counted_where_it_is_told():
    assert look({"usage": {"prompt_tokens": 3, "completion_tokens": 4, "x": {}}}).used == Usage(3, 4)
    assert look({"usage": {}}).used == Usage(0, 0)
    assert look({"usage": None}).used is None


@pytest.mark.parametrize("data", [b"", b"[]", b"1", b"{", b'{"choices":1}', b'{"choices":[{"delta":{"content":"\xff"}}]}',
                                  b'{"x":' + b"[" * 100_000])  # fmt: skip
def test_what_cannot_be_read_raises_one_of_the_known(data):
    with pytest.raises(UNREADABLE):
        peek(data)


def test_the_text_of_content():
    assert text_of("a") == "a"
    assert (
        text_of([{"type": "text", "text": "a"}, {"type": "image_url"}, "b", {"text": 3}, {"text": "c"}])
        == "ac"
    )
    assert text_of(None) == ""


def test_what_is_written_is_read_back():
    body = completion_body("q1", "mood", "好", Usage(2, 1), finish_reason="length")
    seen = look(body)
    assert (seen.text, seen.finish_reason, seen.used) == ("好", "length", Usage(2, 1))
    assert body["id"] == "chatcmpl-q1"
    pieces = list(stream_pieces(ChatCall("q1", {}, True, wants_usage=True), "mood", "a\nb", Usage(2, 1)))
    chunks = [peek(line[6:]) for piece in pieces for line in piece.data.split(b"\n") if line]
    assert "".join(chunk.text for chunk in chunks) == "a\nb" == "".join(piece.text for piece in pieces)
    assert [chunk.used for chunk in chunks if chunk.usage] == [Usage(2, 1)]
    assert [piece.last for piece in pieces] == [False, True]
