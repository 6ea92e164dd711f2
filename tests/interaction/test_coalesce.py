"""Writes of one turn of the event loop go out as one, in order, and nothing is left behind."""

import asyncio

from stepladder.interaction.coalesce import Coalescing


class Transport:
    def __init__(self):
        self.did = []
        self.closing = False

    def write(self, data):
        self.did.append(data)

    def close(self):
        self.did.append("close")
        self.closing = True

    def is_closing(self):
        return self.closing

    def get_extra_info(self, name):
        return f"its {name}"


async def test_what_is_written_in_one_turn_goes_out_as_one():
    inner = Transport()
    outer = Coalescing(inner, asyncio.get_running_loop())
    for data in (b"head", b"", b"body"):
        outer.write(data)
    assert inner.did == []
    await asyncio.sleep(0)
    assert inner.did == [b"headbody"]
    outer.write(b"next")
    await asyncio.sleep(0)
    assert inner.did == [b"headbody", b"next"]


async def test_closing_writes_what_waits_first_and_later_writes_are_lost_quietly():
    inner = Transport()
    outer = Coalescing(inner, asyncio.get_running_loop())
    outer.write(b"last")
    outer.close()
    outer.write(b"too late")
    await asyncio.sleep(0)
    assert inner.did == [b"last", "close"]


async def test_everything_else_is_the_transports_own():
    outer = Coalescing(Transport(), asyncio.get_running_loop())
    assert outer.get_extra_info("sockname") == "its sockname"
    assert not outer.is_closing()
