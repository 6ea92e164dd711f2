"""The line at the gate: bounded, the more important first, nobody lost and no place either."""

import asyncio

import pytest

from stepladder.core import TooMany
from stepladder.traffic import Gate


async def waiting(gate, *priorities, seconds=30.0):
    """Questions in line, in this order."""
    order: list[int] = []

    async def ask(priority):
        await gate.enter(priority, seconds)
        order.append(priority)

    tasks = [asyncio.create_task(ask(priority)) for priority in priorities]
    await asyncio.sleep(0)
    assert gate.waiting == len(priorities)
    return tasks, order


async def test_the_more_important_goes_first_and_of_equals_the_earlier():
    gate = Gate(1, 10)
    await gate.enter(0, 1)
    tasks, order = await waiting(gate, 0, 5, 1, 5)
    for _ in range(4):
        gate.leave()
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert order == [5, 5, 1, 0]
    assert gate.inside == 1


async def test_who_waited_long_enough_is_told_to_come_back():
    gate = Gate(1, 10)
    await gate.enter(0, 1)
    with pytest.raises(TooMany) as refused:
        await gate.enter(0, 0.01)
    assert (refused.value.status, refused.value.code) == (503, "overloaded")
    assert refused.value.retry_after > 0
    gate.leave()
    assert (gate.inside, gate.waiting) == (0, 0)


async def test_a_full_line_sheds_its_least_important():
    gate = Gate(1, 2)
    await gate.enter(0, 1)
    tasks, order = await waiting(gate, 1, 1)
    with pytest.raises(TooMany):
        await gate.enter(1, 1)
    important = asyncio.create_task(gate.enter(2, 30))
    await asyncio.sleep(0)
    with pytest.raises(TooMany):
        await tasks[1]
    gate.leave()
    await important
    assert order == []
    gate.leave()
    await tasks[0]


async def test_who_leaves_the_line_takes_no_place():
    gate = Gate(1, 10)
    await gate.enter(0, 1)
    tasks, order = await waiting(gate, 3, 0)
    tasks[0].cancel()
    gate.leave()
    await asyncio.wait(tasks)
    assert order == [0]
    gate.leave()
    assert gate.inside == 0


async def test_a_place_given_to_somebody_who_is_just_leaving_is_not_lost():
    gate = Gate(1, 10)
    await gate.enter(0, 1)
    tasks, _ = await waiting(gate, 0)
    gate.leave()
    tasks[0].cancel()
    await asyncio.wait(tasks)
    assert gate.inside == 0
