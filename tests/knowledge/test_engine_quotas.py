"""Quotas of engines elsewhere: any minute and any day, over threads, processes and restarts."""

import multiprocessing
import sqlite3
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.core import RungFailed, Scope, StoreError
from stepladder.knowledge import QuotaFile
from stepladder.knowledge.engines import SearxngRetriever
from tests.knowledge.test_engines import engine

MINUTE, DAY = 60.0, 86_400.0


class Time:
    def __init__(self, now=1_800_000_000.0):
        self.now = now

    def __call__(self):
        return self.now


@given(
    st.lists(st.floats(0, 45.0), max_size=60),
    st.integers(1, 4),
    st.integers(1, 6),
)
def test_no_minute_and_no_longer_span_has_more_and_none_is_held_back_for_nothing(pauses, most, most_longer):
    time, longer = Time(), 300.0
    quota = QuotaFile(clock=time)
    taken: list[float] = []
    for pause in pauses:
        time.now += pause
        room = all(
            sum(at > time.now - seconds for at in taken) < bound
            for seconds, bound in ((MINUTE, most), (longer, most_longer))
        )
        assert quota.take("web", [(MINUTE, most), (longer, most_longer)]) is room
        if room:
            taken.append(time.now)
    quota.close()


def test_each_name_has_its_own_and_a_clock_that_is_set_back_gives_nothing_away(tmp_path):
    time = Time()
    quota = QuotaFile(tmp_path / "deep" / "quotas.db", time)
    spans = [(MINUTE, 2)]
    assert [quota.take("a", spans) for _ in range(3)] == [True, True, False]
    assert quota.take("b", spans) and quota.take("a", [])
    time.now -= 3600
    assert not quota.take("a", spans)
    time.now += 59
    assert not quota.take("a", spans)
    time.now += 2
    assert quota.take("a", spans)
    quota.close()


def test_a_day_is_not_begun_anew_by_a_restart(tmp_path):
    file = tmp_path / "quotas.db"
    for left in (True, True, False):
        quota = QuotaFile(file)
        assert quota.take("web", [(DAY, 2)]) is left
        quota.close()


def test_a_file_that_is_none_is_named(tmp_path):
    (tmp_path / "quotas.db").write_text("no database, but long enough to be taken for one" * 100)
    with pytest.raises(StoreError, match=r"quotas\.db"):
        QuotaFile(tmp_path / "quotas.db").take("web", [(DAY, 2)])


def _ask(file, url, pipe):
    web = SearxngRetriever.open("web", {"base_url": url, "per_minute": 25, "keep_seconds": 0.0})
    quota = QuotaFile(file)
    web.ration(quota)
    pipe.send("ready")
    pipe.recv()
    done = []

    def many(name):
        for number in range(10):
            try:
                web.retrieve(f"{name} {number}", "c", Scope())
                done.append(number)
            except RungFailed:
                pass

    threads = [threading.Thread(target=many, args=(f"{id(pipe)} {name}",)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    quota.close()
    pipe.send(len(done))


def test_two_workers_ask_no_more_than_one_may(tmp_path):
    asked = []

    def answer(path, given, body, headers):
        asked.append(given["q"])
        return 200, {"results": [{"url": "https://a.test", "title": "T", "content": "Text."}]}

    context = multiprocessing.get_context("spawn")
    with engine(answer) as url:
        workers = []
        for _ in range(2):
            pipe, theirs = context.Pipe()
            process = context.Process(target=_ask, args=(tmp_path / "quotas.db", url, theirs))
            process.start()
            workers.append((process, pipe, theirs))
        try:
            for _, pipe, _ in workers:
                assert pipe.recv() == "ready"
            for _, pipe, _ in workers:
                pipe.send("go")
            allowed = sum(pipe.recv() for _, pipe, _ in workers)
        finally:
            for process, pipe, theirs in workers:
                process.join()
                process.close()
                pipe.close()
                theirs.close()
    assert (allowed, len(asked)) == (25, 25)
    with sqlite3.connect(tmp_path / "quotas.db") as connection:
        assert connection.execute("SELECT what, count(*) FROM taken").fetchall() == [("retrievers.web", 25)]
    connection.close()
