"""Texts are read for a purpose that is written down, and learnt from only with consent."""

import pytest

from stepladder.core import Grant, Role
from stepladder.interaction.doors import PURPOSE
from stepladder.store import DecisionRow, HeldRow
from tests.interaction.conftest import ANSWERS, opened
from tests.product import mood, recorded, write_config

ONLY = '[privacy]\npurposes = ["legal", "quality"]\n[tenants.shy]\ntraining = false\n'


@pytest.fixture
def strict(tmp_path):
    return write_config(tmp_path, recorded(tmp_path, ANSWERS), mood(), ONLY)


async def test_a_request_is_read_by_whoever_may_and_says_why(home):
    asked = await home.client.chat("Fine day")
    id = asked.headers["x-stepladder-request-id"]
    reviewer = home.house.store.keys.create("rita", grant=Grant(Role.REVIEWER))
    await home.house.refresh()
    where = f"/admin/requests/{id}"
    refused = await home.client.send("GET", where, key=reviewer)
    assert (refused.status, refused.error["param"]) == (400, PURPOSE)
    read = await home.client.send("GET", where, key=reviewer, headers={PURPOSE: "quality"})
    assert read.json["request"]["text"] == "Fine day"
    (line,) = home.house.store.journal.newest(1)
    assert (line.who, line.what) == ("rita", "read for 'quality'") and id in line.detail
    gone = await home.client.send("GET", "/admin/requests/none", headers={PURPOSE: "quality"})
    assert gone.status == 404


async def test_only_the_purposes_that_are_allowed_open_texts(strict):
    async with opened(strict) as home:
        asked = await home.client.chat("Fine day")
        where = f"/admin/requests/{asked.headers['x-stepladder-request-id']}"
        for said, status in (("curiosity", 400), ("legally", 400), ("legal", 200), ("quality: May", 200)):
            found = await home.client.send("GET", where, headers={PURPOSE: said})
            assert found.status == status, said
        assert (
            "legal, quality" in (await home.client.send("GET", where, headers={PURPOSE: "x"})).body.decode()
        )


@pytest.mark.parametrize(
    ("body", "header", "tenant", "learnt"),
    [
        (None, None, "open", True),
        (None, None, "shy", False),
        (None, "yes", "shy", True),
        (None, "no", "open", False),
        (False, "yes", "open", False),
        (True, "no", "shy", True),
    ],
)
async def test_the_question_says_whether_it_may_be_learnt_from_else_its_header_else_its_tenant(
    strict, body, header, tenant, learnt
):
    async with opened(strict) as home:
        key = home.house.store.keys.create("app", tenant=tenant)
        await home.house.refresh()
        extra = {"stepladder": {"training": body}} if body is not None else {}
        said = {"x-stepladder-training": header} if header else {}
        for model in ("mood", "big"):
            asked = {"model": model, "messages": [{"role": "user", "content": "Fine day"}]} | extra
            response = await home.client.send("POST", "/v1/chat/completions", asked, key=key, headers=said)
            assert response.status == 200, response.body
        store = home.house.store
        assert len(store.ledger.labelled("mood")) == len(store.ledger.plain(10)) == int(learnt)


async def test_a_header_that_says_neither_is_refused(home):
    asked = {"model": "mood", "messages": [{"role": "user", "content": "Fine day"}]}
    said = {"x-stepladder-training": "maybe"}
    wrong = await home.client.send("POST", "/v1/chat/completions", asked, headers=said)
    assert (wrong.status, wrong.error["param"]) == (400, "x-stepladder-training")


async def test_decisions_about_what_may_not_be_learnt_from_are_no_examples(home):
    reviews = home.house.store.reviews
    ids = []
    for training in (True, False):
        asked = await home.client.chat("Fine day", stepladder={"training": training})
        ids.append(asked.headers["x-stepladder-request-id"])
        reviews.put(
            HeldRow(
                id=ids[-1], at=1.0, due=9e9, tenant="admin", task="mood", model="mood", side="in",
                text="Fine day", request="{}", remarks=(), answer="", fallback="reject", wanted=1,
            )
        )  # fmt: skip
        reviews.decide(DecisionRow(ids[-1], 2.0, "ann", "reject"))
    assert [row.id for row in reviews.learnable()] == ids[:1]


@pytest.mark.parametrize(
    "words",
    [
        ("ledger", "export", "out.jsonl"),
        ("ledger", "show", "r1"),
        ("conversation", "show", "acme", "c1"),
        ("review", "examples"),
        ("review", "list", "--decided"),
        ("guard", "examples"),
        ("knowledge", "unanswered"),
        ("data", "gather", "--task", "mood"),
        ("data", "pairs", "--task", "mood"),
        ("release", "export", "mood-1", "--out", "x.tar.gz"),
        ("release", "archive", "mood-1"),
        ("release", "share"),
        ("backup", "saved.tar.gz"),
        ("subject", "export", "ann"),
        ("subject", "erase", "ann"),
        ("tenant", "erase", "acme", "--yes"),
    ],
)
def test_no_command_shows_texts_or_weights_without_a_purpose(shell, words):
    assert shell("status") == 0, "a backup wants a database"
    assert shell(*words) == 2 and "--purpose does not say why" in shell.err
    shell(*words, "--purpose", "a check")
    assert shell("journal") == 0 and "read for 'a check'" in shell.out


def test_the_command_line_keeps_to_the_purposes_too(shell, tmp_path):
    toml = tmp_path / "stepladder.toml"
    toml.write_text(toml.read_text() + '[privacy]\npurposes = ["legal"]\n')
    assert shell("ledger", "export", "out.jsonl", "--purpose", "fun") == 2 and "legal" in shell.err
    assert shell("ledger", "export", "out.jsonl", "--purpose", "legal: a claim") == 0
    assert shell("backup", "saved.tar.gz", "--purpose", "fun") == 2 and "legal" in shell.err
