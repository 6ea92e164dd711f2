"""The board between processes: what a killed one had under way is struck, what it had committed stays."""

import multiprocessing
import os
import signal
import sys

import pytest

from stepladder.store import Spent
from stepladder.traffic import Bans
from stepladder.traffic.board import SLOTS, WANTED, Board, Bounds, Claim, scopes
from tests.traffic.times import Time

TODAY = 20261121
ANY = Bounds(None, None, None, None, None)
DAY_OF_ONE = Bounds(None, None, 1_000_000_000, None, None)
SCOPE = scopes("ann", "app")[0]


def claim(nanos=0, day=TODAY):
    return Claim(1, day, 0, nanos)


def _hold(file, committed, pipe):
    board = Board(file, lambda slot: (), TODAY)
    asked = [(board.place(SCOPE), ANY)]
    for _ in range(3):
        board.reserve(claim(100), asked)
    board.settle(claim(100), asked, 0, 70)  # committed, or so it thinks
    pipe.send(board.slot)
    pipe.recv()


@pytest.mark.skipif(sys.platform == "win32", reason="workers share a board on POSIX systems")
def test_a_killed_workers_cells_become_what_the_store_says(tmp_path):
    file = tmp_path / "board"
    committed: list[Spent] = []
    ours = Board(file, lambda slot: [row for row in committed if slot in (None, row.slot)], TODAY)
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    process = context.Process(target=_hold, args=(file, committed, theirs))
    process.start()
    try:
        slot = pipe.recv()
        assert slot != ours.slot
        standing = ours.standing(SCOPE, TODAY)
        assert (standing.spent_day, standing.reserved, standing.active) == (70, 200, 2)
        assert ours.recover() == 0
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        committed.append(Spent(TODAY, "ann", "app", slot, 55, 1, 9))
        assert ours.recover() == 1
        standing = ours.standing(SCOPE, TODAY)
        assert (standing.spent_day, standing.spent_month, standing.reserved, standing.active) == (
            55,
            55,
            0,
            0,
        )
        assert ours.recover() == 0
    finally:
        process.kill()
        process.join()
        process.close()
        pipe.close()
        theirs.close()
        ours.close()


def _serve_alone(file, pipe):
    board = Board(file, lambda slot: (), TODAY, eager=True)
    pipe.send(board.slot)
    while pipe.recv():
        pipe.send(board.reserve(claim(1), [(board.place(SCOPE), ANY)]))
    board.close()


@pytest.mark.skipif(sys.platform == "win32", reason="workers share a board on POSIX systems")
@pytest.mark.parametrize("stays", [True, False])
def test_servers_that_start_at_once_keep_nobody_waiting(tmp_path, stays):
    file = tmp_path / "board"
    ours = Board(file, lambda slot: (), TODAY)
    context, began = multiprocessing.get_context("spawn"), ours._cells[WANTED]
    pipes = [context.Pipe() for _ in range(2)]
    processes = [context.Process(target=_serve_alone, args=(file, theirs)) for _, theirs in pipes]
    ours._lock()
    try:
        for process in processes:
            process.start()
        while ours._cells[WANTED] < began + 2:
            processes[0].join(0.02)
            assert all(process.is_alive() for process in processes)
        if stays:
            ours._unlock()
        else:
            ours.close()
        for pipe, _ in pipes:
            assert pipe.poll(30), "it waits for a lock that another one keeps"
            pipe.recv()
        for pipe, _ in pipes * 2:
            pipe.send(True)
            assert pipe.poll(30) and pipe.recv() is None
    finally:
        for process in processes:
            process.kill()
            process.join()
        ours.close()


def test_who_comes_first_begins_with_what_the_store_says(tmp_path):
    spent = [
        Spent(20261103, "ann", "app", 3, 5, 1, 1),
        Spent(TODAY, "ann", "app", 0, 7, 1, 1),
        Spent(TODAY, "ann", "other", 1, 11, 1, 1),
    ]
    for file in (tmp_path / "board", tmp_path / "board", None):
        board = Board(file, lambda slot: spent, TODAY)
        tenant, key = (board.standing(scope, TODAY) for scope in scopes("ann", "app"))
        board.reserve(claim(1), [(board.place(SCOPE), ANY)])
        board.close()
        assert (tenant.spent_day, tenant.spent_month, tenant.reserved) == (18, 23, 0)
        assert (key.spent_day, key.spent_month) == (7, 12)


def test_the_day_turns_and_never_back():
    board = Board(None, lambda slot: (), TODAY)
    asked = [(board.place(SCOPE), DAY_OF_ONE)]
    assert board.reserve(claim(10**9), asked) is None
    board.settle(claim(10**9), asked, 0, 10**9)
    refusal = board.reserve(claim(1), asked)
    assert refusal is not None and refusal.bound == "day"
    tomorrow = claim(1, board.day(TODAY + 1))
    assert board.reserve(tomorrow, asked) is None
    assert board.day(TODAY) == TODAY + 1
    assert board.standing(SCOPE, TODAY).spent_month == 10**9
    assert board.standing(SCOPE, 20261201).spent_month == 0
    board.close()


def test_what_was_reserved_before_midnight_counts_for_the_day_before():
    board = Board(None, lambda slot: (), TODAY)
    asked = [(board.place(SCOPE), ANY)]
    board.reserve(claim(100), asked)
    board.reserve(claim(0, board.day(TODAY + 1)), asked)
    board.settle(claim(100), asked, 0, 40)
    standing = board.standing(SCOPE, TODAY + 1)
    assert (standing.spent_day, standing.spent_month, standing.reserved) == (0, 40, 0)
    board.close()


def test_many_scopes_are_told_apart():
    board = Board(None, lambda slot: (), TODAY)
    places = {board.place(f"t\0tenant {number}") for number in range(500)}
    assert len(places) == 500
    assert board.place("t\0tenant 7") in places and SLOTS >= 16
    board.close()


def _guess(file, pipe):
    board = Board(file, lambda slot: (), TODAY)
    bans = Bans(Time(), after=3, seconds=10.0, strikes=board.strikes)
    pipe.send([bans.wrong("1.2.3.4") for _ in range(2)])
    pipe.recv()
    board.close()


@pytest.mark.skipif(sys.platform == "win32", reason="workers share a board on POSIX systems")
def test_who_guesses_here_and_there_is_banned_here_and_there(tmp_path):
    file = tmp_path / "board"
    ours = Board(file, lambda slot: (), TODAY, eager=True)
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    process = context.Process(target=_guess, args=(file, theirs))
    process.start()
    try:
        while not pipe.poll(0.05):
            ours.recover()  # gives up the lock that it keeps
        assert pipe.recv() == [0.0, 0.0]
        bans = Bans(Time(), after=3, seconds=10.0, strikes=ours.strikes)
        assert [bans.wrong("1.2.3.4") for _ in range(3)] == [0.0, 10.0, 10.0]
        pipe.send("go")
        process.join()
        assert process.exitcode == 0
    finally:
        process.kill()
        process.join()
        process.close()
        pipe.close()
        theirs.close()
        ours.close()
