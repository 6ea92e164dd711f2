"""Server-sent events: wherever the bytes were cut and whatever ends the lines, the events are the same."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepladder.models import DONE, EventReader, EventTooLong, write_event

ENDS = (b"\n", b"\r", b"\r\n")


def read(*chunks, limit=1 << 20):
    reader = EventReader(limit)
    return [event for chunk in chunks for event in reader.feed(chunk)], reader


def cut(stream, places):
    places = sorted({place % (len(stream) + 1) for place in places})
    return [stream[a:b] for a, b in zip([0, *places], [*places, len(stream)], strict=True)]


words = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=12)
lines = st.one_of(
    words.map(lambda text: ("data", text)),
    words.map(lambda text: (None, text)),
    st.sampled_from([("event", "ping"), ("id", "7"), ("retry", "100")]),
)
blocks = st.lists(st.lists(lines, min_size=1, max_size=4), max_size=5)


@settings(max_examples=60)
@given(blocks, st.sampled_from(ENDS), st.lists(st.integers(0, 10_000), max_size=6), st.booleans())
def test_events_are_the_same_wherever_the_bytes_are_cut(blocks, end, places, bom):
    stream, expected = b"\xef\xbb\xbf" if bom else b"", []
    for block in blocks:
        written = [f"{name or ''}: {text}".encode() for name, text in block]
        stream += end.join(written) + end + end
        expected.append("\n".join(text for name, text in block if name == "data").encode())
    events, reader = read(*cut(stream, places))
    assert [event.data for event in events] == expected
    assert not reader.pending
    byte_by_byte, _ = read(*(stream[at : at + 1] for at in range(len(stream))))
    assert byte_by_byte == events


@given(st.lists(st.sampled_from(ENDS), min_size=3, max_size=3), st.integers(0, 30))
def test_line_ends_may_be_mixed(ends, place):
    one, two, three = ends
    # LF behind CR is one line end, so CR and a blank line of LF would not be blank.
    two = b"\r\n" if (one, two) == (b"\r", b"\n") else two
    stream = b"data: a" + one + two + b"data: b" + three + three
    events, _ = read(stream[:place], stream[place:])
    assert [event.data for event in events] == [b"a", b"b"]


tokens = st.sampled_from([b"\r", b"\n", b"data:", b"data: x", b":", b"\xef\xbb\xbf", b"\xef"])


@given(
    st.binary(max_size=60) | st.lists(tokens, max_size=20).map(b"".join),
    st.lists(st.integers(0, 100), max_size=5),
)
def test_any_bytes_are_read_the_same_wherever_they_are_cut(stream, places):
    assert read(*cut(stream, places))[0] == read(stream)[0]


unix = st.sampled_from([b"\n", b"\n\n", b"data:", b"data: x", b":", b"event: a"])


@given(st.lists(unix, max_size=25).map(b"".join), st.lists(st.integers(0, 100), max_size=5))
def test_the_quick_way_for_line_feeds_finds_what_the_thorough_one_finds(stream, places):
    quick, reader = read(*cut(stream, places))
    thorough, other = read(stream.replace(b"\n", b"\r\n"))
    assert [event.data for event in quick] == [event.data for event in thorough]
    assert reader.pending == other.pending


@given(st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]), min_size=1))
def test_what_is_written_is_read_back(text):
    events, reader = read(write_event(text.encode()))
    assert [event.data for event in events] == [text.encode()]
    assert not reader.pending


def test_data_lines_are_joined_and_lose_one_space_at_most():
    (event,), _ = read(b"data:  a\ndata:b\ndata\ndata: c\ndatabase: no\n\n")
    assert event.data == b" a\nb\n\nc"
    assert event.raw == b"data:  a\ndata:b\ndata\ndata: c\ndatabase: no"


def test_comments_and_fields_without_data_are_events_of_no_data():
    events, _ = read(b": keep-alive\n\nevent: ping\n\nretry: 10\n\n")
    assert [event.data for event in events] == [b"", b"", b""]
    assert events[0].raw == b": keep-alive"


def test_blank_lines_between_events_are_none():
    events, reader = read(b"\n\n\r\n\r\rdata: a\n\n\n\n\n")
    assert [event.data for event in events] == [b"a"]
    assert not reader.pending


def test_a_byte_order_mark_is_taken_away_once_and_only_at_the_start():
    events, _ = read(b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n")
    assert [event.data for event in events] == [b"a", b""]


def test_an_event_that_is_cut_off_is_pending_and_never_returned():
    events, reader = read(b"data: a\n\ndata: b\n")
    assert [event.data for event in events] == [b"a"]
    assert reader.pending
    assert [event.data for event in reader.feed(b"\n")] == [b"b"]
    assert not reader.pending


def test_a_cut_between_cr_and_lf_is_not_pending():
    events, reader = read(b"data: a\r\n\r")
    assert [event.data for event in events] == [b"a"]
    assert reader.feed(b"\n") == []
    assert not reader.pending


def test_the_start_of_a_byte_order_mark_is_waited_for():
    reader = EventReader()
    assert reader.feed(b"\xef") == []
    assert reader.pending
    assert [event.data for event in reader.feed(b"\xbb\xbfdata: a\n\n")] == [b"a"]


@pytest.mark.parametrize("chunk", [3, 64, 1000])
def test_an_event_over_the_limit_is_refused_whether_it_ends_or_not(chunk):
    exact = b"data: " + b"x" * 94
    assert len(read(exact + b"\n\n", limit=100)[0]) == 1
    for stream in (exact + b"x\n\n", exact + b"x" * 1000):
        with pytest.raises(EventTooLong, match="100 bytes"):
            read(*cut(stream, range(0, len(stream), chunk)), limit=100)


def test_many_events_may_be_longer_together_than_one_may_be():
    events, _ = read(b"data: x\n\n" * 1000, limit=20)
    assert len(events) == 1000


def test_done_is_an_event_of_its_own():
    assert write_event(DONE) == b"data: [DONE]\n\n"
