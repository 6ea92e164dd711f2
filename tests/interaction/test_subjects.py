"""A person's words are found, handed out and erased wherever they went, and the journal proves it."""

import gzip
import secrets

import pytest

from stepladder.core import Dataset, Example, StoreError
from stepladder.interaction.compose import open_registry
from stepladder.interaction.doors import PURPOSE
from stepladder.registry import Registry
from stepladder.store import (
    FEEDBACK,
    DecisionRow,
    FeedbackRow,
    HeldRow,
    LedgerRow,
    Source,
    conversation_name,
)
from tests.interaction.conftest import ANSWERS, opened
from tests.interaction.test_guarded import MAIL, answering
from tests.interaction.test_reviews import holding
from tests.interaction.upstreams import live
from tests.product import mood, recorded, write_config

WHY = {PURPOSE: "Anfrage der Person %E6%9F%A5%E8%AF%A2"}
ASKED = ("--purpose", "asked for")


async def ask(home, text, **more):
    response = await home.client.chat(text, **more)
    assert response.status == 200, response.body
    return home.row(response)


async def test_the_ledger_knows_a_pseudonym_and_never_the_id(home):
    plain = await ask(home, "Fine day", stepladder={"subject": "ann@example.org"})
    openai = await ask(home, "Rain", safety_identifier="ann@example.org", user="older")
    older = await ask(home, "hi", model="big", user="ann@example.org")
    other = await ask(home, "Rain", stepladder={"subject": "bob"})
    nobody = await ask(home, "Rain")
    assert plain.subject == openai.subject == older.subject != other.subject
    assert len(plain.subject) == 32 and nobody.subject == ""
    assert plain.subject == home.house.store.subjects.pseudonym(plain.tenant, "ann@example.org")
    assert plain.subject != home.house.store.subjects.pseudonym("another tenant", "ann@example.org")
    file = home.config.parent / "stepladder-data" / "stepladder.db"
    stored = file.read_bytes() + file.with_name(file.name + "-wal").read_bytes()
    assert b"ann@example.org" not in stored


async def test_finding_exporting_and_erasing_ask_for_a_purpose_and_prove_what_went(home):
    row = await ask(home, "Fine day", stepladder={"subject": "ann", "conversation": "c1"})
    kept = await ask(home, "Rain", stepladder={"subject": "bob"})
    store = home.house.store
    await store.ledger.commit_feedback(FeedbackRow(row.id, 1.0, "admin", "bad", comment="I am Ann Example"))
    body = {"id": "ann"}
    refused = await home.client.send("POST", "/admin/subjects/export", body)
    assert (refused.status, refused.error["param"]) == (400, PURPOSE)
    found = await home.client.send("POST", "/admin/subjects/find", body, headers=WHY)
    assert found.json["requests"] == 1 and "Fine day" not in found.body.decode()
    exported = await home.client.send("POST", "/admin/subjects/export", body, headers=WHY)
    (request,) = exported.json["kept"]
    assert (request["text"], request["feedback"][0]["comment"]) == ("Fine day", "I am Ann Example")
    erased = await home.client.send("POST", "/admin/subjects/erase", body, headers=WHY)
    assert erased.json["digest"] == exported.json["digest"], "what was handed out is what went"
    assert erased.json["digest"] in erased.json["proof"]["detail"]
    again = await home.client.send("POST", "/admin/subjects/find", body, headers=WHY)
    assert (again.json["requests"], again.json["pseudonyms"]) == (0, [])
    gone = store.ledger.get(row.id)
    assert (gone.status, gone.text, gone.answer, gone.subject, gone.cost) == ("erased", "", "", "", row.cost)
    assert store.ledger.get(kept.id) == kept
    assert store.conversations.rows("admin", "c1") == []
    said = [(link.what, link.detail) for link in store.journal.links()]
    assert ("read for 'Anfrage der Person 查询'", "POST /admin/subjects/export") in said
    assert store.journal.verify() is None and "Fine day" not in str(said)


async def test_an_erased_answer_leaves_the_cache(home):
    home.house.gateway.cache._keep(b"key", "words", 5, 100.0)
    await home.house.refresh()
    assert len(home.house.gateway.cache) == 1
    home.house.store.subjects.erase("ann", None, "test")
    await home.house.refresh()
    assert len(home.house.gateway.cache) == 0 and home.house.gateway.cache.size == 0


async def test_rows_leave_datasets_and_the_releases_are_named(home, tmp_path):
    store, config = home.house.store, home.house.gateway.snapshot.config
    registry = open_registry(store, home.house.settings, config)
    row = await ask(home, "Fine day", stepladder={"subject": "ann"})
    mine = Example(row.id, "Fine day", "good")
    other = Example("other", "Rain", "bad")
    frozen = registry.freeze(Dataset("", "mood", {"train": (mine, other), "test": ()}))
    apart = registry.freeze(Dataset("", "mood", {"train": (other,)}))
    for number, dataset in enumerate((frozen, apart)):
        staged = tmp_path / f"staged {number}"
        staged.mkdir()
        (staged / "weights.json").write_text(str(number))
        registry.admit("mood", "linear", "linear", dataset.hash, staged, {})
    trained = next(one.id for one in store.catalogue.list_releases("mood") if one.dataset == frozen.hash)
    erased = await home.client.send("POST", "/admin/subjects/erase", {"id": "ann"}, headers=WHY)
    assert erased.json["examples"] == {f"mood {frozen.hash}": 1}
    assert erased.json["releases"] == [trained]
    assert trained in erased.json["proof"]["detail"]
    assert registry.dataset(frozen.hash).splits["train"] == (other,)
    file = registry.dataset_place("mood", frozen.hash) / "examples.jsonl.gz"
    lines = gzip.decompress(file.read_bytes())
    assert b"Fine day" not in lines
    file.chmod(0o644)
    file.write_bytes(gzip.compress(lines.replace(b"Rain", b"Sun!")))
    with pytest.raises(StoreError, match="has been changed"):
        registry.dataset(frozen.hash)


async def test_what_waited_for_a_person_is_handed_out_and_erased(home):
    row = await ask(home, "Fine day", stepladder={"subject": "ann"})
    store = home.house.store
    store.reviews.put(
        HeldRow(
            id=row.id, at=1.0, due=9e9, tenant="admin", task="mood", model="mood", side="in",
            text="Fine day", request='{"x": "Fine day"}', remarks=(), answer="", fallback="reject", wanted=2,
            pictures=("Ann's own sign",),
        )
    )  # fmt: skip
    store.reviews.decide(DecisionRow(row.id, 2.0, "rita", "correct", "say this", "Ann is right", "rita"))
    exported = await home.client.send("POST", "/admin/subjects/export", {"id": "ann"}, headers=WHY)
    review = exported.json["kept"][0]["review"]
    assert (review["text"], review["decisions"][0]["comment"]) == ("Fine day", "Ann is right")
    assert "Ann's own sign" in review["pictures"]
    erased = await home.client.send("POST", "/admin/subjects/erase", {"id": "ann"}, headers=WHY)
    assert erased.json["digest"] == exported.json["digest"]
    assert store.reviews.get(row.id) is None and store.reviews.decisions(row.id) == []


async def test_feedback_that_waited_for_a_person_is_erased_with_its_question(home):
    row = await ask(home, "Fine day", stepladder={"subject": "ann"})
    store = home.house.store
    said = FeedbackRow(row.id, 1.0, "admin", answer="bad", source="ann@example.com", key="app")
    await store.ledger.commit_feedback(said)
    (word,) = store.sources.words("mood")
    waits = HeldRow(
        id=f"{FEEDBACK}-{word.id}", at=1.0, due=9e9, tenant="admin", task="mood", model="mood", side=FEEDBACK,
        text="Fine day", request=row.id, remarks=(), answer="bad",
    )  # fmt: skip
    store.reviews.put(waits)
    assert store.reviews.get(waits.id).request == row.id
    await home.client.send("POST", "/admin/subjects/erase", {"id": "ann"}, headers=WHY)
    assert store.reviews.get(waits.id) is None and store.sources.words("mood") == []
    exported = await home.client.send("POST", "/admin/subjects/export", {"id": "ann"}, headers=WHY)
    assert exported.json["kept"] == []


async def test_documents_that_name_the_person_are_found_and_removed_where_wanted(tmp_path):
    config = write_config(
        tmp_path, recorded(tmp_path, ANSWERS), mood(), '[knowledge.embedder]\nkind = "none"\n'
    )
    documents = [
        {"id": "letter", "text": "A letter by Ann@Example.org of May."},
        {"id": "title", "title": "ann@example.org", "text": "Hers."},
        {"id": "manual", "text": "How to sit on a chair."},
    ]
    async with opened(config) as home:
        await home.client.send("PUT", "/admin/knowledge/manual", {"documents": documents})
        ann = {"id": "ann@example.org"}
        found = await home.client.send("POST", "/admin/subjects/find", ann, headers=WHY)
        named = [one["id"] for one in found.json["documents"]]
        assert named == ["letter", "title"]
        kept = await home.client.send("POST", "/admin/subjects/erase", ann, headers=WHY)
        assert "2 name it and stay" in kept.json["proof"]["detail"]
        gone = await home.client.send("POST", "/admin/subjects/erase", ann | {"documents": True}, headers=WHY)
        assert "documents: 2 removed" in gone.json["proof"]["detail"]
        left = await home.client.get("/admin/knowledge/manual")
        assert [one["id"] for one in left.json["documents"]] == ["manual"]
        short = await home.client.send("POST", "/admin/subjects/find", {"id": "a"}, headers=WHY)
        assert short.json["documents"] == []


def test_rows_in_datasets_of_a_task_without_releases_are_found_too(shell):
    store = shell.store()
    registry = Registry(store.catalogue, shell.folder / "data" / "releases")
    store.ledger.write_many(
        [LedgerRow("r1", 1.0, "acme", "mood", "big", "Fine", subject=store.subjects.pseudonym("acme", "ann"))]
    )
    frozen = registry.freeze(Dataset("", "mood", {"train": (Example("r1", "Fine", "good"),)}))
    store.close()
    assert shell("subject", "erase", "ann", *ASKED) == 0 and f'"mood {frozen.hash}": 1' in shell.out
    store = shell.store()
    assert Registry(store.catalogue, shell.folder / "data" / "releases").dataset(frozen.hash).splits == {
        "train": ()
    }
    store.close()


@pytest.mark.parametrize(
    "erase", [("subject", "erase", "ann", *ASKED), ("tenant", "erase", "acme", "--yes", *ASKED)]
)
def test_a_dataset_is_reached_though_retention_has_taken_the_words_of_its_rows(shell, erase):
    store = shell.store()
    registry = Registry(store.catalogue, shell.folder / "data" / "releases")
    ann = store.subjects.pseudonym("acme", "ann")
    rows = [
        LedgerRow("r1", 1.0, "acme", "mood", "big", "Fine", answer="good", subject=ann),
        LedgerRow("r2", 1.0, "acme", "mood", "big", "Rain", answer="bad", subject=ann),
    ]
    store.ledger.write_many(rows)
    examples = (Example("r1", "Fine", "good"), Example("r2", "Rain", "bad"))
    frozen = registry.freeze(Dataset("", "mood", {"train": examples}))
    assert store.expiring.payload(2.0) == 2
    store.close()
    assert shell(*erase) == 0
    store = shell.store()
    left = Registry(store.catalogue, shell.folder / "data" / "releases").dataset(frozen.hash)
    assert left.splits == {"train": ()}
    assert {store.ledger.get(id).subject for id in ("r1", "r2")} == {""}
    store.close()


@pytest.mark.parametrize("by", ["subject", "conversation"])
async def test_what_placeholders_stood_for_and_what_waited_go_with_the_words(tmp_path, monkeypatch, by):
    monkeypatch.setenv("VAULT_KEY", secrets.token_hex(32))
    pytest.importorskip("cryptography")
    guards = holding(tmp_path, vault_key="env:VAULT_KEY")
    async with live(tmp_path, answering("Noted."), guards) as it:
        about = {"stepladder": {"conversation": "c-1", "subject": "ann"}}
        await it.client.chat(f"I am {MAIL}", "gpt", **about)
        held = await it.client.chat(f"frobnicate for {MAIL}", "gpt", **about)
        other = await it.client.chat(
            f"I am {MAIL}", "gpt", stepladder={"conversation": "c-2", "subject": "bob"}
        )
        assert (held.status, other.status) == (202, 200)
        if by == "subject":
            it.house.store.subjects.erase("ann", None, "test")
        else:
            assert (await it.client.send("DELETE", "/v1/conversations/c-1")).status == 200
        assert it.house.store.reviews.get(held.json["id"]) is None
        with it.house.store._database.read() as connection:
            left = connection.exec_driver_sql("select name from vaults").scalars().all()
        assert left == [conversation_name("admin", "c-2")]


def test_a_whole_tenant_is_erased_and_the_journal_proves_it(shell):
    store = shell.store()
    store.keys.create("acme")
    store.ledger.write_many(
        [LedgerRow(f"r{tenant}", 1.0, tenant, "mood", "big", "Words", cost=1.0) for tenant in ("acme", "zen")]
    )
    for tenant in ("acme", "zen"):
        store.sources.decide("mood", Source(tenant, "k", "Ann Roe"), "trusted", "root")
    store.close()
    assert shell("tenant", "erase", "acme", "--yes", *ASKED) == 0 and '"requests": 1' in shell.out
    store = shell.store()
    assert [one.tenant for one in store.sources.trust("mood")] == ["zen"]
    assert (store.ledger.get("racme").text, store.ledger.get("racme").cost) == ("", 1.0)
    assert store.ledger.get("rzen").text == "Words"
    assert all(key.revoked_at for key in store.keys.list())
    store.close()
    assert shell("audit", "list", "--what", "tenant erase") == 0 and "acme: 1 requests" in shell.out
    assert shell("tenant", "erase", "acme", "--yes", *ASKED) == 0 and '"requests": 0' in shell.out
    assert shell("audit", "verify") == 0


async def test_what_must_not_teach_is_not_learnt_from(home):
    await ask(home, "Fine day", stepladder={"training": False})
    await ask(home, "Rain")
    await ask(home, "hi", model="big", stepladder={"training": False})
    assert [row.text for row in home.house.store.ledger.labelled("mood")] == ["Rain"]
    assert home.house.store.ledger.plain(9) == []
    wrong = await home.client.chat("Rain", stepladder={"training": "no"})
    assert (wrong.status, wrong.error["param"]) == (400, "stepladder.training")


def test_the_rights_on_the_command_line(shell):
    assert shell("subject", "find", "ann") == 0 and '"requests": 0' in shell.out
    assert shell("subject", "export", "ann") == 2, "a purpose is wanted"
    assert shell("subject", "export", "ann", "--purpose", " ") == 2
    assert shell("subject", "export", "ann", "--purpose", "her request") == 0
    assert shell("subject", "erase", "ann", *ASKED) == 0 and '"proof"' in shell.out
    assert shell("audit", "list") == 0
    assert "her request" in shell.out and "subject erase" in shell.out
    assert shell("audit", "verify") == 0


async def test_a_person_without_an_id_is_refused(home):
    refused = await home.client.send("POST", "/admin/subjects/find", {"id": ""}, headers=WHY)
    assert (refused.status, refused.error["param"]) == (400, "id")
