"""What is over goes, class by class, with a line in the journal; what a promise rests on keeps its labels."""

import asyncio
from contextlib import closing

from stepladder.core import Dataset, Example, LadderRelease, Rollout, Turn
from stepladder.interaction.compose import House, open_registry
from stepladder.interaction.keeper import tidy_up
from stepladder.interaction.knowing import open_knowledge
from stepladder.interaction.settings import Settings
from stepladder.knowledge import Document
from stepladder.store import AuditRow, DecisionRow, FeedbackRow, HeldRow, LedgerRow
from tests.interaction.conftest import ANSWERS
from tests.product import mood, recorded, write_config

DAY = 86_400.0
KEPT = """
[knowledge.embedder]
kind = "none"
[retention]
payload_days = 10
feedback_days = 20
reviews_days = 5
examples_days = 10
knowledge_days = 10
"""


def fill(house, now):
    store, rows = house.store, []
    for days in (30, 12, 1):
        for kind, drawn in (("plain", False), ("drawn", True)):
            rows.append(
                LedgerRow(
                    f"{kind}{days}", now - days * DAY, "acme", "mood", "big", "Secret words", answer="good",
                    turns=(Turn("user", "Earlier words"),), rung="linear", drawn=drawn, subject="s" * 32,
                    ladder_release="mood-1" if drawn else "",
                )
            )  # fmt: skip
    audits = [AuditRow(row.id, row.at, "mood", "mood-1", "good", True) for row in rows if row.drawn]
    said = [FeedbackRow(row.id, row.at, "acme", answer="bad") for row in rows]
    store.ledger.write_many(rows, audits, said)
    store.catalogue.add_ladder_release(LadderRelease("mood-1", "mood", 1, {}, {}, None, "big", now))
    store.rollouts.put(Rollout("mood", "mood-1", None, 0.0, None), who="test", why="a test")
    for days, decide in ((7, True), (6, False), (1, True)):
        id = f"held{days}"
        store.reviews.put(
            HeldRow(
                id=id, at=now - days * DAY, due=now + DAY, tenant="acme", task="mood", model="big", side="in",
                text="Secret words", request="{}", remarks=(), answer="", fallback="reject", wanted=1,
            )
        )  # fmt: skip
        if decide:
            store.reviews.decide(DecisionRow(id, now, "ann", "reject"))


async def test_each_class_goes_when_it_is_over_and_the_journal_says_so(tmp_path, monkeypatch):
    config = write_config(tmp_path, recorded(tmp_path, ANSWERS), mood(), KEPT)
    house = await House.open(Settings(config))
    try:
        store, now = house.store, house.clock.time()
        await asyncio.to_thread(fill, house, now)
        registry = open_registry(store, house.settings, house.gateway.snapshot.config)
        frozen = registry.freeze(Dataset("", "mood", {"train": (Example("r", "Words", "good"),)}))
        with closing(open_knowledge(house.settings, house.gateway.snapshot.config)) as knowledge:
            knowledge.add("manual", [Document("d", "Some words")])
            knowledge.shelf("site", "manual").put("page", "1", [Document("shown", "A page's words")])
        await asyncio.to_thread(tidy_up, house)
        ledger = store.ledger
        for days in (30, 12):
            assert (ledger.get(f"plain{days}").status, ledger.get(f"plain{days}").text) == ("erased", "")
            kept = ledger.get(f"drawn{days}")
            assert (kept.status, kept.text, kept.turns) == ("ok", "", ())
            assert kept.subject == ledger.get(f"plain{days}").subject == "s" * 32, (
                "datasets are erased by it yet"
            )
            assert (kept.answer, kept.training) == ("good", False)
        assert ledger.get("plain1").text == ledger.get("drawn1").text == "Secret words"
        outcomes = ledger.outcomes("mood", "mood-1")
        assert [one.agreed for one in outcomes] == [True] * 3, "the evidence for the promise is whole"
        assert [one.correction for one in outcomes] == [None, "bad", "bad"]
        assert {row.text for row in ledger.labelled("mood")} == {"Secret words"}
        assert store.reviews.get("held7") is None and store.reviews.decisions("held7") == []
        assert store.reviews.get("held6").state == "waiting", "what waits still stays"
        assert store.reviews.get("held1") is not None
        assert len(registry.dataset(frozen.hash).splits["train"]) == 1
        said = {line.detail.split(":")[0]: line.detail for line in store.journal.newest(20, "retention")}
        assert said == {
            "payload": "payload: 4 older than 10 days",
            "feedback": "feedback: 2 older than 20 days",
            "reviews": "reviews: 1 older than 5 days",
        }
        monkeypatch.setattr(type(house.clock), "time", lambda self: now + 11 * DAY)
        await asyncio.to_thread(tidy_up, house)
        assert registry.dataset(frozen.hash).splits["train"] == ()
        with closing(open_knowledge(house.settings, house.gateway.snapshot.config)) as knowledge:
            assert [one.id for one in knowledge.documents("manual")] == ["shown"]
        assert store.reviews.get("held6") is None, "its time was up"
        lines = [line.detail for line in store.journal.newest(20, "retention")]
        assert "examples: 1 older than 10 days" in lines and "knowledge: 1 older than 10 days" in lines
        assert store.journal.verify() is None
    finally:
        await house.close()


async def test_a_row_that_goes_takes_along_what_waited_for_a_person(home):
    """It is found by its row alone: left behind, nobody could erase it any more."""
    await asyncio.to_thread(fill, home.house, home.house.clock.time())
    store, now = home.house.store, home.house.clock.time()
    row = LedgerRow("held7", now - 7 * DAY, "acme", "mood", "big", "Secret words", answer="")
    await asyncio.to_thread(store.ledger.write_many, [row])
    store.retention.prune(now - 5 * DAY, lambda *_: None)
    assert store.reviews.get("held7") is None and store.reviews.get("held1") is not None


def test_it_can_be_done_by_hand(shell, tmp_path):
    toml = tmp_path / "stepladder.toml"
    toml.write_text(toml.read_text() + "[retention]\npayload_days = 1\n")
    assert shell("retention") == 0 and "Nothing is over" in shell.out
    store = shell.store()
    store.ledger.write_many([LedgerRow("old", 1.0, "a", "mood", "big", "words", answer="good")])
    store.close()
    assert shell("retention") == 0 and "payload 1" in shell.out
    assert shell("audit", "list", "--what", "retention") == 0 and "payload: 1" in shell.out
    assert "cli" in shell.out and "server" not in shell.out


def test_a_wrong_number_of_days_is_refused(shell, tmp_path):
    toml = tmp_path / "stepladder.toml"
    toml.write_text(toml.read_text() + "[retention]\npayload_day = 1\n")
    assert shell("retention") == 2 and "payload_days" in shell.err
