"""A chat stream is the same answer however its bytes are cut, whatever ends its lines and whatever stands between."""

import asyncio
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from stepladder.core import ChatCall, UpstreamFailed, Usage
from stepladder.models.chat_stream import ChunkStream
from stepladder.models.tool_calls import assembled
from tests.models.upstream_double import counted, said

MESSAGES = {"messages": b'[{"role":"user","content":"hi"}]'}


class Exchange:
    """Reads that were prepared."""

    class upstream:  # noqa: N801
        name = "big"

        @staticmethod
        def failed(what, remedy=""):
            return UpstreamFailed("big", what, remedy=remedy)

    def __init__(self, reads):
        self.reads = list(reads)

    async def read(self, due):
        return self.reads.pop(0) if self.reads else b""

    def quoted(self, error):
        return f"It said: {error}"


def answered(reads, *, wants_usage=True, n=None):
    """The pieces that these reads make, and the error they end with."""

    async def run():
        body = MESSAGES | ({"n": str(n).encode()} if n else {})
        stream = ChunkStream(Exchange(reads), ChatCall("q", body, True, wants_usage), None)
        got = []
        try:
            while not stream.done:
                piece = await stream.piece(0.0)
                if piece is not None:
                    got.append(piece)
            got += stream.end()
        except UpstreamFailed as error:
            return got, str(error)
        return got, None

    return asyncio.run(run())


def call_delta(index, text, **more):
    call = {"index": index, "function": {"arguments": text}, **more}
    return {"choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}]}


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
events = st.one_of(
    words.map(said),
    st.tuples(st.integers(0, 2), words).map(lambda it: call_delta(*it)),
    st.sampled_from([b": keep-alive", b"event: ping", b"id: 7", {"choices": []}]),
)


def written(event, end, lines):
    """An event's bytes; JSON may be spread over several data lines."""
    if isinstance(event, bytes):
        return event + end * 2
    text = json.dumps(event, ensure_ascii=False, indent=1 if lines else None)
    return b"".join(b"data: " + line.encode() + end for line in text.split("\n")) + end


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(events, st.booleans()), max_size=8),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    st.lists(st.integers(0, 5000), max_size=8),
    st.booleans(),
)
def test_the_answer_is_the_same_wherever_it_is_cut(told, end, places, wants_usage):
    told = [*told, (said("", "stop"), False), (counted(), False), (b"data: [DONE]", False)]
    stream = b"".join(written(event, end, lines) for event, lines in told)
    places = sorted({place % (len(stream) + 1) for place in places} - {0})
    cuts = [stream[a:b] for a, b in zip([0, *places], [*places, len(stream)], strict=True) if a != b]
    got, error = answered(cuts, wants_usage=wants_usage)
    assert error is None
    chunks = [event for event, _ in told if isinstance(event, dict) and event["choices"]]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert "".join(piece.text for piece in got) == "".join(delta.get("content", "") for delta in deltas)
    raw = [json.dumps(delta["tool_calls"]).encode() for delta in deltas if "tool_calls" in delta]
    assert assembled(call for piece in got for call in piece.calls) == assembled(raw)
    assert [piece.usage for piece in got if piece.usage] == [Usage(7, 2)]
    firsts = [piece.last for piece in got if not piece.idle]
    assert firsts == sorted(firsts) and any(firsts)
    data = b"".join(piece.data for piece in got)
    assert b"[DONE]" not in data
    assert (b'"total_tokens"' in data) is wants_usage
    assert all(
        json.dumps(event, ensure_ascii=False).encode() in data
        for event, lines in told
        if _shown(event, lines)
    )


def _shown(event, lines):
    return isinstance(event, dict) and bool(event["choices"]) and not lines


one_line = st.one_of(
    words.map(lambda text: json.dumps(said(text)).encode()),
    st.tuples(st.integers(0, 2), words).map(lambda it: json.dumps(call_delta(*it)).encode()),
    st.sampled_from(
        [
            *(
                json.dumps(one).encode()
                for one in (said("", "stop"), counted(), {"error": {"message": "fire"}})
            ),
            *(b'{"choices":[]}', b'{"choices":[],"usage":null}', b"[DONE]", b"no JSON", b"{} {}", b"", b"[]"),
        ]
    ),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(one_line, min_size=1, max_size=6), st.lists(one_line, max_size=6), st.booleans())
def test_whole_reads_of_one_line_events_are_taken_at_once_and_mean_what_they_mean_one_by_one(
    first, second, wants
):
    reads = [b"".join(b"data: " + line + b"\n\n" for line in lines) for lines in (first, second) if lines]

    async def taken(mend):
        stream, found = ChunkStream(Exchange(reads), ChatCall("q", MESSAGES, True, wants), mend), []
        try:
            while not stream.done:
                found.append(await stream.piece(0.0))
        except UpstreamFailed as error:
            return found, str(error)
        return found, (stream.usage, stream.model, stream.finished)

    assert asyncio.run(taken(None)) == asyncio.run(taken(lambda data: [data])), (
        "mended ones are looked at one by one"
    )


@given(st.lists(words.map(said), min_size=1, max_size=6), st.integers(0, 6))
def test_an_error_among_the_events_ends_it_and_what_came_before_it_in_the_same_read_is_kept(told, at):
    told.insert(min(at, len(told)), {"error": {"message": "fire"}})
    first = json.dumps(said("begun")).encode()
    rest = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in told)
    got, error = answered([b"data: " + first + b"\n\n", rest])
    assert error is not None and "fire" in error
    before = [event["choices"][0]["delta"]["content"] for event in told[: min(at, len(told) - 1)]]
    assert "".join(piece.text for piece in got) == "begun" + "".join(before)
    assert not any(piece.last for piece in got)


def test_several_choices_are_whole_when_the_last_of_them_is():
    def of(index, text, finish=None):
        return {"choices": [{"index": index, "delta": {"content": text}, "finish_reason": finish}]}

    told = [of(0, "a"), of(1, "b"), of(0, "", "stop"), of(1, "c"), of(1, "", "stop"), counted()]
    reads = [b"data: " + json.dumps(event).encode() + b"\n\n" for event in told] + [b"data: [DONE]\n\n"]
    got, error = answered(reads, n=2)
    assert error is None
    assert [piece.last for piece in got] == [False, False, False, False, True, True]
    fewer, error = answered([reads[0], reads[2], b"data: [DONE]\n\n"], n=2)
    assert error is None, "a server may give fewer than were asked for"
    assert [piece.last for piece in fewer if not piece.usage] == [False, False, True]
    _, error = answered([reads[0], reads[1], reads[2], b"data: [DONE]\n\n"], n=2)
    assert error is not None
