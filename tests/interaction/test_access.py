"""Who may do what: every endpoint of the admin API against every role, scoped keys, and what the journal says of it."""

import pytest

from stepladder.core import ROLES, BadRequest, Grant, Right, Role, granted
from stepladder.interaction.doors import PURPOSE, AdminRoute
from stepladder.store import Anchor, Store

OPEN = {
    ("POST", "/admin/login"),
    ("POST", "/admin/logout"),
    ("GET", "/admin/me"),
    ("GET", "/admin/oidc/login"),
    ("GET", "/admin/oidc/callback"),
}
"""What asks for no right: these give one, take it back, or say which one holds."""


def admin_routes(home):
    return [
        (method, route.path, route)
        for route in home.client.app.routes
        if route.path.startswith("/admin")
        for method in sorted(route.methods - {"HEAD"})
    ]


async def test_every_admin_endpoint_names_its_right(home):
    without = {
        (method, path) for method, path, route in admin_routes(home) if not isinstance(route, AdminRoute)
    }
    assert without == OPEN, (
        "give a new endpoint its right: AdminRoute(house, Right.…, method, path, endpoint)"
    )


@pytest.mark.parametrize("role", [*Role, None])
async def test_every_endpoint_opens_for_the_roles_that_hold_its_right_and_no_other(home, role):
    key = home.house.store.keys.create("one", grant=Grant(role))
    await home.house.refresh()
    held = ROLES[role] if role else {Right.ASK}
    for method, path, route in admin_routes(home):
        if (method, path) in OPEN:
            continue
        # No such task, collection or person: who is let in gets no further than that.
        where = (
            path.replace("{name}", "no-such").replace("{collection}", "no-such").replace("{id}", "no-such")
        )
        response = await home.client.send(method, where, {}, key=key, headers={PURPOSE: "a test"})
        if route.right in held:
            assert response.status in (200, 400, 404), (method, path, response.body)
        else:
            assert (response.status, response.error["code"]) == (403, "forbidden"), (method, path)
    asked = await home.client.send("GET", "/v1/models", key=key)
    assert asked.status == (200 if Right.ASK in held else 403)
    who = await home.client.get("/admin/me", key=key)
    assert who.json["rights"] == sorted(held) if role else who.status == 403


async def test_a_part_of_a_role_is_only_that_and_ends_with_the_key(home):
    store: Store = home.house.store
    key = store.keys.create("script", grant=granted("operator:see"), expires_at=home.house.clock.time() + 100)
    await home.house.refresh()
    assert (await home.client.get("/admin/tasks", key=key)).status == 200
    refused = await home.client.send("POST", "/admin/tasks/mood/mode", {"mode": "top"}, key=key)
    assert (refused.status, "no right 'operate'" in refused.error["message"]) == (403, True)
    assert (await home.client.send("POST", "/v1/chat/completions", {}, key=key)).status == 403
    store.keys.expire("script", home.house.clock.time() - 1)
    await home.house.refresh()
    assert (await home.client.get("/admin/tasks", key=key)).status == 401
    assert store.keys.rotate("admin") and str(store.keys.list()[-1].grant) == "owner"


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        ("operater", "operator"),
        ("viewer:operate", "Its rights: see"),
        ("owner:sea", "'see'"),
        (":see", "There are"),
    ],
)
def test_wrong_words_for_a_grant_name_the_nearest(words, remedy):
    with pytest.raises(BadRequest) as caught:
        granted(words)
    assert remedy in caught.value.remedy


async def test_what_is_done_and_by_whom_is_in_the_journal(home):
    store: Store = home.house.store
    key = store.keys.create("deploy", grant=Grant(Role.OPERATOR))
    await home.house.refresh()
    for _ in range(3):
        await home.client.get("/admin/tasks", key=key)
    await home.client.send("POST", "/admin/tasks/mood/mode", {"mode": "top"}, key=key)
    said = [(link.who, link.what, link.detail) for link in store.journal.links()]
    assert ("server", "key create", "admin (owner)") in said
    assert said.count(("deploy", "key use", "operator from test")) == 1, "once a day from an address"
    assert ("deploy", "mode", "mood: top") in said
    assert ("deploy", "admin", "POST /admin/tasks/{name}/mode (name=mood)") in said
    assert store.journal.verify() is None


def test_the_journal_on_the_command_line(shell, tmp_path):
    assert shell("key", "create", "app", "--role", "operator:see") == 0
    assert shell("key", "create", "app2", "--role", "boss") == 2
    assert shell("task", "mode", "mood", "top") == 0
    assert shell("audit", "verify") == 0
    anchor = shell.out.split()[-1]
    assert Anchor.parse(anchor).number == 2
    assert shell("audit", "list", "--what", "mode") == 0
    assert "mood: top" in shell.out and "operator" not in shell.out
    assert shell("audit", "export", "--to", "journal.jsonl") == 0
    assert shell("audit", "verify", "--file", "journal.jsonl", "--anchor", anchor) == 0
    lines = (tmp_path / "journal.jsonl").read_text()
    (tmp_path / "journal.jsonl").write_text(lines.replace("mood: top", "mood: observe"))
    assert shell("audit", "verify", "--file", "journal.jsonl") == 1
    assert "Line 2 was changed" in shell.err
    assert shell("audit", "verify", "--anchor", "9:" + "a" * 64) == 1
    assert "is missing" in shell.err
