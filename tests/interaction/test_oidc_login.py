"""Logging in at an issuer with a browser: a provider beside the test, over HTTP, and everything that may go wrong."""

import base64
import hashlib
import time
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from stepladder.core import ConfigError, config
from tests.interaction.conftest import opened
from tests.interaction.test_entering import Issuer, serving
from tests.product import mood, recorded, write_config

pytest.importorskip("jwt", reason="stepladder[access] is not installed")

BACK = "http://localhost:8460/admin/oidc/callback"
OIDC = """
[oidc]
issuer = "{url}"
audience = "stepladder"
roles = {{ root = "owner", ops = "operator" }}
client_id = "ladder"
client_secret = "env:OIDC_SECRET"
redirect_url = "{back}"
"""


class Provider(Issuer):
    """An issuer with its two endpoints: each code is good once, for its client, its verifier and its address."""

    def __init__(self):
        super().__init__()
        self.codes = {}
        self.claims = {}
        self.key = ...
        self.exchanged = []

    def page(self, path):
        found = super().page(path)
        if path.startswith("/.well-known"):
            found |= {
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
            }
        return found

    def agree(self, url):
        """What the browser would bring back after the person has agreed."""
        parts = urlsplit(url)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{self.url}/authorize"
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": self.url}

    def post(self, path, body, headers):
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        self.exchanged.append((form, headers.get("authorization")))
        asked = self.codes.pop(form["code"], None)
        if asked is None or path != "/token":
            return 400, {"error": "invalid_grant"}
        digest = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
        right = (
            asked["code_challenge_method"] == "S256"
            and digest.decode().rstrip("=") == asked["code_challenge"]
            and form["redirect_uri"] == asked["redirect_uri"]
            and form["client_id"] == asked["client_id"]
        )
        if not right:
            return 400, {"error": "invalid_grant"}
        claims = {"aud": form["client_id"], "nonce": asked["nonce"]} | self.claims
        return 200, {"id_token": self.sign(key=self.key, **claims), "token_type": "Bearer"}


class Browser:
    """Keeps cookies as a browser does, and says where its requests come from."""

    def __init__(self, client):
        self._client = client
        self.cookies = {}
        self.last = None

    async def send(self, method, path, body=None, **headers):
        if self.cookies:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        path, _, query = path.partition("?")
        self.last = await self._client.send(method, path, body, key=None, headers=headers, query=query)
        for line in self.last.cookies:
            name, _, rest = line.partition("=")
            value = rest.partition(";")[0]
            if "Max-Age=0" in line:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value.strip('"')
        return self.last


@pytest.fixture
def house(tmp_path, monkeypatch):
    monkeypatch.setenv("OIDC_SECRET", "s p&cial")

    @asynccontextmanager
    async def make(back=BACK):
        with serving(Provider()) as provider:
            table = OIDC.format(url=provider.url, back=back)
            path = write_config(tmp_path, recorded(tmp_path, {"hi": "good"}), mood(), table)
            async with opened(path) as home:
                yield provider, Browser(home.client), home

    return make


async def back(provider, browser, **changed):
    """Go to the issuer and come back; `changed` is what comes back otherwise."""
    off = await browser.send("GET", "/admin/oidc/login?next=/admin/tasks")
    assert off.status == 302, off.body
    query = provider.agree(off.headers["location"]) | changed
    query = {name: value for name, value in query.items() if value is not None}
    return await browser.send("GET", f"/admin/oidc/callback?{urlencode(query)}")


async def test_a_person_logs_in_works_and_logs_out(house):
    async with house() as (provider, browser, home):
        done = await back(provider, browser)
        assert (done.status, done.headers["location"]) == (303, "/admin/tasks")
        session = next(line for line in done.cookies if line.startswith("stepladder_session="))
        assert "HttpOnly" in session and "SameSite=lax" in session and "Secure" not in session
        assert set(browser.cookies) == {"stepladder_session"}
        me = await browser.send("GET", "/admin/me")
        assert (me.json["who"], me.json["role"]) == ("oidc:u-1", "operator")
        assert me.json["expires_at"] == pytest.approx(time.time() + 12 * 3600, abs=60)
        assert (await browser.send("GET", "/admin/journal")).status == 403
        form, authorization = provider.exchanged[0]
        assert base64.b64decode(authorization.split()[1]) == b"ladder:s%20p%26cial"
        assert "client_secret" not in form
        line = home.house.store.journal.newest(1, "log in")[0]
        assert (line.who, line.detail) == ("oidc:u-1", "as operator from test")
        raw = (home.config.parent / "stepladder-data" / "stepladder.db").read_bytes()
        assert browser.cookies["stepladder_session"].encode() not in raw
        token = browser.cookies["stepladder_session"]
        out = await browser.send("POST", "/admin/logout", origin="http://test", host="test")
        assert out.status == 200 and browser.cookies == {}
        assert (await home.client.get("/admin/me", key=token)).status == 401, "it is over, not only forgotten"


async def test_with_tls_the_cookies_are_for_tls_only(house):
    async with house("https://ladder.example/admin/oidc/callback") as (provider, browser, _):
        done = await back(provider, browser)
        assert done.status == 303
        assert all("Secure" in line and "HttpOnly" in line for line in done.cookies)


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"state": "another"}, 401),
        ({"state": None}, 401),
        ({"code": None}, 401),
        ({"code": "code-of-another"}, 401),
        ({"code": None, "error": "access_denied"}, 401),
        ({"iss": "https://evil.example"}, 401),
        ({"iss": None}, 303),
    ],
)
async def test_what_comes_back_must_be_what_was_asked_for(house, changed, status):
    async with house() as (provider, browser, _):
        assert (await back(provider, browser, **changed)).status == status
        assert ("stepladder_session" in browser.cookies) == (status == 303)


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"nonce": "another"}, 401),
        ({"nonce": None}, 401),
        ({"aud": "another"}, 401),
        ({"aud": ["ladder", "another"]}, 401),
        ({"aud": ["ladder", "another"], "azp": "ladder"}, 303),
        ({"azp": "another"}, 401),
        ({"exp": 1000.0}, 401),
        ({"iss": "https://evil.example"}, 401),
        ({"roles": ["guests"]}, 403),
        ({"roles": "root"}, 303),
    ],
)
async def test_the_token_must_be_for_us_for_this_log_in_and_for_now(house, claims, status):
    async with house() as (provider, browser, _):
        provider.claims = claims
        assert (await back(provider, browser)).status == status
        assert ("stepladder_session" in browser.cookies) == (status == 303)


async def test_a_strangers_signature_opens_nothing(house):
    from cryptography.hazmat.primitives.asymmetric import ec

    async with house() as (provider, browser, _):
        provider.key = ec.generate_private_key(ec.SECP256R1())
        assert (await back(provider, browser)).status == 401


async def test_a_log_in_is_finished_by_the_browser_that_began_it_once_and_in_time(house, monkeypatch):
    async with house() as (provider, browser, home):
        off = await browser.send("GET", "/admin/oidc/login")
        query = urlencode(provider.agree(off.headers["location"]))
        other = Browser(home.client)
        assert (await other.send("GET", f"/admin/oidc/callback?{query}")).status == 401
        forged = Browser(home.client)
        forged.cookies = {"stepladder_login": browser.cookies["stepladder_login"][:-4] + "AAAA"}
        assert (await forged.send("GET", f"/admin/oidc/callback?{query}")).status == 401
        kept = dict(browser.cookies)
        assert (await browser.send("GET", f"/admin/oidc/callback?{query}")).status == 303
        again = Browser(home.client)
        again.cookies = kept
        assert (await again.send("GET", f"/admin/oidc/callback?{query}")).status == 401, "the code is used up"
        late = Browser(home.client)
        off = await late.send("GET", "/admin/oidc/login")
        query = urlencode(provider.agree(off.headers["location"]))
        now = time.time()
        monkeypatch.setattr(type(home.house.clock), "time", lambda self: now + 601)
        assert (await late.send("GET", f"/admin/oidc/callback?{query}")).status == 401


@pytest.mark.parametrize(
    "onward", ["//evil.example", "https://evil.example", "/\\evil.example", "x", "/a\nb"]
)
async def test_nobody_is_sent_elsewhere(house, onward):
    async with house() as (provider, browser, _):
        off = await browser.send("GET", f"/admin/oidc/login?{urlencode({'next': onward})}")
        query = urlencode(provider.agree(off.headers["location"]))
        done = await browser.send("GET", f"/admin/oidc/callback?{query}")
        assert done.headers["location"] == "/admin/me"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"origin": "http://ladder.test", "host": "ladder.test"}, 200),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "http://evil.test", "host": "ladder.test"}, 403),
        ({"host": "ladder.test"}, 403),
    ],
)
async def test_another_sites_page_changes_nothing_with_the_browsers_cookie(house, headers, status):
    async with house() as (provider, browser, _):
        await back(provider, browser)
        done = await browser.send("POST", "/admin/tasks/mood/mode", {"mode": "top"}, **headers)
        assert done.status == status
        assert (await browser.send("GET", "/v1/models")).status == 401, "a session is for the admin API"


async def test_where_nobody_logs_in_so_the_pages_are_not_there(home):
    for path in ("/admin/oidc/login", "/admin/oidc/callback"):
        assert (await home.client.get(path, key=None)).status == 404


async def test_an_issuer_that_is_away_is_a_503(house):
    async with house() as (provider, browser, _):
        off = await browser.send("GET", "/admin/oidc/login")
        query = urlencode(provider.agree(off.headers["location"]))
        provider.broken = True
        away = await browser.send("GET", f"/admin/oidc/callback?{query}")
        assert (away.status, away.error["code"]) == (503, "issuer_unreachable")


@pytest.mark.parametrize(
    ("line", "param"),
    [
        ('client_id = "x"', "oidc.redirect_url"),
        ('client_id = "x"\nredirect_url = "https://x.test/elsewhere"', "oidc.redirect_url"),
        ('client_id = "x"\nredirect_url = "http://x.test/admin/oidc/callback"', "oidc.redirect_url"),
        ('client_id = "x"\nredirect_url = "https://x.test/admin/oidc/callback"\nscopes = []', "oidc.scopes"),
    ],
)
def test_a_log_in_that_could_not_work_is_refused(line, param):
    with pytest.raises(ConfigError) as caught:
        config.parse(
            f'[oidc]\nissuer = "https://x.test"\naudience = "a"\nroles = {{ a = "owner" }}\n{line}\n'
        )
    assert caught.value.param == param
