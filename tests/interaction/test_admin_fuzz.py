"""Whatever is sent to the admin API, no answer is a 5xx: bodies of any shape, near misses of good ones, odd names."""

import json
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepladder.interaction.doors import PURPOSE, AdminRoute

KEYS = [
    "mode",
    "key",
    "answer",
    "kind",
    "id",
    "ids",
    "tenant",
    "name",
    "password",
    "documents",
    "text",
    "top",
    "embed",
]
WORDS = [
    "mood",
    "top",
    "exact",
    "phrase",
    "pattern",
    "normalised",
    "hybrid",
    "*",
    "",
    "\ud83d",
    "\0",
    "x" * 3000,
]
leaves = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(WORDS)
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=8,
)
shaped = st.dictionaries(st.sampled_from(KEYS), values, max_size=4)
bodies = st.one_of(st.binary(max_size=40), (values | shaped).map(lambda body: json.dumps(body).encode()))
names = st.sampled_from(["mood", "no-such", "a b", "..", "%00", "\ud83d"]) | st.text(min_size=1, max_size=12)


@pytest.fixture
async def targets(home):
    """Every endpoint of the admin API, as (method, path)."""
    found = []
    for route in home.client.app.routes:
        if isinstance(route, AdminRoute):
            found += [(method, route.path) for method in sorted(route.methods - {"HEAD"})]
    return [*found, ("POST", "/admin/login"), ("POST", "/admin/logout"), ("GET", "/admin/me")]


async def test_no_request_makes_the_admin_api_fail(home, targets):
    loop_runs = []

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.sampled_from(targets), names, bodies)
    def collect(target, name, body):
        loop_runs.append((target, name, body))

    collect()
    for (method, path), name, body in loop_runs:
        said = quote(name.encode("utf-8", "surrogatepass"), safe="")
        where = path
        for part in ("{name}", "{collection}", "{id}", "{id:path}"):
            where = where.replace(part, name if name.isprintable() and "/" not in name else said)
        response = await home.client.send(method, where, body, headers={PURPOSE: "a test"})
        assert response.status < 500, (method, where, body, response.body)
        assert response.json, "and every answer is JSON"
    assert home.house.store.journal.verify() is None
