"""What guards hold waits for a person, whose word then counts; pseudonyms of a conversation outlive its questions."""

import asyncio
import json
import secrets

import pytest
from sqlalchemy import insert

from stepladder.core import Grant, Role
from stepladder.store import DecisionRow, HeldRow
from stepladder.store.review_tables import decisions
from tests.interaction.test_guarded import MAIL, answering, heard, words_file
from tests.interaction.upstreams import live

pytest.importorskip("cryptography")
KEYS: dict[str, str] = {}


def holding(folder, **general):
    """The word `frobnicate` is held, on both sides."""
    told = "".join(f"{key} = {value!r}\n" for key, value in general.items()).replace("'", '"')
    words = words_file(folder, "frobnicate\tdevice\thold").replace("[guards]\n", f"[guards]\n{told}", 1)
    return f'{words}[guards.attacks]\nmode = "off"\n[guards.personal]\naction = "pseudonym"\n'


async def admin(it, path, body=None, method="POST", who=""):
    """As the owner, or as a reviewer of that name, whose key says so."""
    if who and who not in KEYS:
        KEYS[who] = it.house.store.keys.create(who, grant=Grant(Role.REVIEWER))
        it.house.store.keys.belong(who, who)
        await it.house.refresh()
    return await it.client.send(method, f"/admin/reviews{path}", body, key=KEYS.get(who, ""))


@pytest.fixture(autouse=True)
def no_keys():
    KEYS.clear()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["gpt", "poem"])
async def test_a_held_question_is_asked_once_a_person_has_approved_it(tmp_path, model, stream):
    async with live(tmp_path, answering("Here you are."), holding(tmp_path)) as it:
        response = await it.client.chat("How do I frobnicate?", model, stream=stream)
        assert response.status == 202
        id = response.json["id"]
        assert response.json["url"] == f"/v1/held/{id}"
        assert it.server.asked == []
        assert (await it.client.get(f"/v1/held/{id}")).status == 202
        (waiting,) = (await admin(it, "", method="GET")).json["reviews"]
        assert (waiting["id"], waiting["side"], waiting["text"]) == (id, "in", "How do I frobnicate?")
        assert it.row(response).status == "held"
        taken = await admin(it, f"/{id}/take", {}, who="ann")
        assert taken.json["review"]["reviewer"] == "ann"
        assert (await admin(it, f"/{id}/take", {}, who="bob")).status == 400
        assert (await admin(it, f"/{id}/approve", {}, who="ann")).json["review"]["state"] == "approved"
        for _ in range(2):
            told = await it.client.get(f"/v1/held/{id}")
            assert told.json["choices"][0]["message"]["content"] == "Here you are."
        assert len(it.server.asked) == 1
        assert (await admin(it, f"/{id}/reject", {})).status == 400


async def test_a_held_answer_is_let_go_or_corrected_and_teaches_the_task(tmp_path):
    async with live(tmp_path, answering("You frobnicate it."), holding(tmp_path)) as it:
        first, second, third = [await it.client.chat(f"How? {n}", "poem") for n in range(3)]
        assert [each.status for each in (first, second, third)] == [202] * 3
        assert "frob" not in first.body.decode()
        row = it.row(first)
        assert (row.status, row.cost > 0, "frob" in row.answer) == ("held", True, False)
        ids = [each.json["id"] for each in (first, second, third)]
        await admin(it, f"/{ids[0]}/approve", {})
        await admin(it, f"/{ids[1]}/correct", {"answer": "You polish it."})
        await admin(it, f"/{ids[2]}/reject", {})
        assert "You frobnicate it." in heard(await it.client.get(f"/v1/held/{ids[0]}"))
        assert "You polish it." in heard(await it.client.get(f"/v1/held/{ids[1]}"))
        refused = await it.client.get(f"/v1/held/{ids[2]}")
        assert (refused.status, refused.error["code"]) == (400, "content_filter")
        learnt = it.house.store.ledger.labelled("poem")
        assert [(one.id, one.correction) for one in learnt] == [
            (ids[0], "You frobnicate it."),
            (ids[1], "You polish it."),
        ]


async def test_nobody_elses_and_nothing_at_all_is_a_404(tmp_path):
    async with live(tmp_path, answering("x"), holding(tmp_path)) as it:
        id = (await it.client.chat("frobnicate", "gpt")).json["id"]
        stranger = it.house.store.keys.create("stranger")
        await it.house.refresh()
        assert (await it.client.get(f"/v1/held/{id}", key=stranger)).status == 404
        assert (await it.client.get("/v1/held/slnothing")).status == 404
        assert (await it.client.get("/admin/reviews", key=stranger)).status == 403


@pytest.mark.parametrize(("default", "status"), [("reject", 400), ("approve", 200)])
async def test_after_the_deadline_the_default_counts(tmp_path, default, status):
    async with live(
        tmp_path, answering("ok"), holding(tmp_path, hold_seconds=0.001, hold_default=default)
    ) as it:
        id = (await it.client.chat("frobnicate", "gpt")).json["id"]
        assert (await it.client.get(f"/v1/held/{id}")).status == status
        assert (await admin(it, "", method="GET")).json["reviews"] == []


async def test_two_reviewers_must_agree(tmp_path):
    async with live(tmp_path, answering("ok"), holding(tmp_path, reviewers=2)) as it:
        ids = [(await it.client.chat(f"frobnicate {n}", "gpt")).json["id"] for n in range(2)]
        await admin(it, f"/{ids[0]}/approve", {}, who="ann")
        assert (await admin(it, f"/{ids[0]}/approve", {}, who="ann")).status == 400
        assert (await it.client.get(f"/v1/held/{ids[0]}")).status == 202
        await admin(it, f"/{ids[0]}/reject", {}, who="bob")
        assert (await it.client.get(f"/v1/held/{ids[0]}")).status == 202
        await admin(it, f"/{ids[0]}/reject", {}, who="cleo")
        assert (await it.client.get(f"/v1/held/{ids[0]}")).status == 400
        for who in ("ann", "bob"):
            await admin(it, f"/{ids[1]}/reject", {}, who=who)
        found = (await admin(it, "/agreement", method="GET")).json
        assert found == {"pairs": 2, "agreed": 0.5, "kappa": 0.0}


async def test_one_person_s_key_and_account_are_one_reviewer(tmp_path):
    async with live(tmp_path, answering("ok"), holding(tmp_path, reviewers=2)) as it:
        store = it.house.store
        ids = [(await it.client.chat(f"frobnicate {n}", "gpt")).json["id"] for n in range(2)]
        for name in ("Ann", "bob"):
            store.accounts.create(name, Role.REVIEWER, "", "test")
            KEYS[f"account of {name}"] = store.accounts.enter(name, "here", 60)[0]
        assert (await admin(it, f"/{ids[0]}/approve", {}, who="ann")).status == 200
        again = await admin(it, f"/{ids[0]}/approve", {}, who="account of Ann")
        assert again.status == 400 and "decided already, as ann" in again.error["message"]
        assert (await it.client.get(f"/v1/held/{ids[0]}")).status == 202
        shown = (await admin(it, f"/{ids[0]}", method="GET", who="account of bob")).json
        assert [(one["reviewer"], one["person"]) for one in shown["decisions"]] == [("ann", "ann")]
        assert (await admin(it, f"/{ids[0]}/approve", {}, who="account of bob")).status == 200
        assert (await it.client.get(f"/v1/held/{ids[0]}")).status == 200

        store.keys.belong("ann", "")
        await it.house.refresh()
        nobody = await admin(it, f"/{ids[1]}/approve", {}, who="ann")
        assert nobody.status == 400 and "key person" in nobody.error["message"]
        assert store.reviews.decisions(ids[1]) == []


async def test_where_one_is_enough_a_key_need_be_nobody_s(tmp_path):
    async with live(tmp_path, answering("ok"), holding(tmp_path)) as it:
        id = (await it.client.chat("frobnicate", "gpt")).json["id"]
        assert (await admin(it, f"/{id}/approve", {})).json["review"]["state"] == "approved"


def test_a_decision_from_before_persons_were_known_does_not_count_as_a_second(shell):
    store = shell.store()
    store.reviews.put(HeldRow("r1", 1.0, 9e9, "acme", "", "gpt", "in", "Fine", "{}", wanted=2))
    with store._database.write() as connection:
        connection.execute(
            insert(decisions).values(
                held="r1", reviewer="rita", at=1.0, decision="approve", correction="", comment=""
            )
        )
    assert (
        store.reviews.decide(DecisionRow("r1", 2.0, "account:ann", "approve", person="ann")).state
        == "waiting"
    )
    assert store.reviews.decide(DecisionRow("r1", 3.0, "bob", "approve", person="bob")).state == "approved"
    store.close()


async def test_the_command_line_says_who_the_second_is(tmp_path, shell):
    async with live(tmp_path, answering("ok"), holding(tmp_path, reviewers=2)) as it:
        id = (await it.client.chat("frobnicate", "gpt")).json["id"]
        config = ["--config", str(tmp_path / "stepladder.toml")]
        decide = ("review", "approve", id, *config)
        assert await asyncio.to_thread(shell, *decide) == 2
        assert "--reviewer" in shell.err
        key = ("key", "create", "rita", "--role", "reviewer", "--person", "ann", *config)
        assert await asyncio.to_thread(shell, *key, "-q") == 0
        KEYS["rita"] = shell.out.strip()
        await it.house.refresh()
        assert (await admin(it, f"/{id}/approve", {}, who="rita")).status == 200
        assert await asyncio.to_thread(shell, *decide, "--reviewer", "account:ann") == 2
        assert await asyncio.to_thread(shell, *decide, "--reviewer", "bob") == 0 and "approved" in shell.out


def test_whose_a_key_is_stays_when_it_is_rotated_and_is_in_the_journal(shell):
    assert shell("key", "create", "rita", "--role", "reviewer", "-q", "--person", "\n") == 2
    assert shell("key", "create", "rita", "--role", "reviewer", "-q") == 0
    assert shell("key", "person", "rita", "ann") == 0
    assert shell("key", "rotate", "rita", "-q") == 0
    secret = shell.out.strip()
    store = shell.store()
    assert store.keys.find(secret).person == "ann"
    store.close()
    assert shell("key", "list") == 0 and "ann" in shell.out
    assert shell("key", "person", "rita") == 0 and "nobody's" in shell.out
    assert shell("key", "person", "nora", "ann") == 2
    assert shell("journal") == 0 and "rita: ann" in shell.out and "rita: nobody" in shell.out


async def test_a_substitute_instead_of_a_wait(tmp_path):
    async with live(tmp_path, answering("ok"), holding(tmp_path, hold="answer")) as it:
        response = await it.client.chat("请问怎么 frobnicate？", "gpt")
        assert response.status == 200
        assert response.json["choices"][0]["finish_reason"] == "content_filter"
        assert "人工审核" in heard(response)
        assert len(it.house.store.reviews.queue()) == 1


async def test_what_was_held_is_kept_with_placeholders_and_told_with_the_askers_data(tmp_path, monkeypatch):
    monkeypatch.setenv("VAULT_KEY", secrets.token_hex(32))
    async with live(
        tmp_path, answering("Sent to <EMAIL_1>."), holding(tmp_path, vault_key="env:VAULT_KEY")
    ) as it:
        id = (await it.client.chat(f"frobnicate and mail {MAIL}", "gpt")).json["id"]
        assert MAIL not in repr(it.house.store.reviews.get(id))
        await admin(it, f"/{id}/approve", {})
        for _ in range(2):
            assert f"Sent to {MAIL}." in heard(await it.client.get(f"/v1/held/{id}"))
        with it.house.store._database.read() as connection:
            assert MAIL.encode() not in b"".join(
                connection.exec_driver_sql("select sealed from vaults").scalars()
            )


async def test_a_conversation_keeps_its_placeholders(tmp_path, monkeypatch):
    monkeypatch.setenv("VAULT_KEY", secrets.token_hex(32))
    async with live(
        tmp_path, answering("Noted, <EMAIL_1>."), holding(tmp_path, vault_key="env:VAULT_KEY")
    ) as it:
        more = {"stepladder": {"conversation": "c-1"}}
        await it.client.chat(f"I am {MAIL}", "poem", **more)
        response = await it.client.chat("Who am I?", "poem", **more)
        sent = it.server.asked[-1].raw.decode()
        assert "<EMAIL_1>" in sent
        assert "<TEXT_1>" not in sent
        assert f"Noted, {MAIL}." in heard(response)
        assert MAIL not in repr(it.rows())


async def test_the_command_line_decides_too(tmp_path, shell, monkeypatch):
    async with live(tmp_path, answering("You frobnicate it."), holding(tmp_path)) as it:
        ids = [(await it.client.chat(f"How? {n}", "poem")).json["id"] for n in range(3)]
        config = ["--config", str(tmp_path / "stepladder.toml")]

        async def run(*words):
            assert await asyncio.to_thread(shell, "review", *words, *config) == 0
            return shell.out

        assert ids[0] in await run("list")
        assert "You frobnicate it." in await run("take", ids[0], "--reviewer", "ann")
        assert "approved" in await run("approve", ids[0], "--reviewer", "ann")
        assert "corrected" in await run("correct", ids[1], "You polish it.")
        assert "rejected" in await run("reject", ids[2], "--comment", "no")
        assert "You polish it." in heard(await it.client.get(f"/v1/held/{ids[1]}"))
        lines = [json.loads(line) for line in (await run("examples", "--purpose", "guards")).splitlines()]
        assert [(line["id"], line["label"]) for line in lines] == [(ids[0], 0), (ids[2], 1)]
        assert json.loads(await run("agreement"))["pairs"] == 0
        assert len(it.house.store.ledger.labelled("poem")) == 2
