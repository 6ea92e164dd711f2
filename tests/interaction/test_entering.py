"""Passwords, sessions and locks; tokens of an OpenID issuer that runs beside the test; TLS."""

import asyncio
import json
import ssl
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from stepladder.core import BadRequest, ConfigError, Role, config
from stepladder.interaction.app import App
from stepladder.interaction.compose import House
from stepladder.interaction.passwords import fits, hashed
from stepladder.interaction.settings import Settings
from tests.interaction.asgi import Client
from tests.product import Product, mood, recorded, write_config

pytest.importorskip("argon2", reason="stepladder[access] is not installed")
jwt = pytest.importorskip("jwt", reason="stepladder[access] is not installed")

RIGHT = "correct horse battery"


async def log_in(home, name="ann", password=RIGHT):
    return await home.client.send("POST", "/admin/login", {"name": name, "password": password}, key=None)


@pytest.fixture
async def ann(home):
    """A house with an account; the hash is the real one."""
    kept = await asyncio.to_thread(hashed, RIGHT)
    home.house.store.accounts.create("ann", Role.OPERATOR, kept, "test")
    return home


def test_a_password_is_kept_as_argon2id_and_a_short_one_refused():
    kept = hashed(RIGHT)
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$") and RIGHT not in kept
    assert fits(RIGHT, kept) and not fits(RIGHT + "x", kept) and not fits(RIGHT, None)
    assert hashed(RIGHT) != kept, "salted"
    with pytest.raises(BadRequest, match="12 to 1024"):
        hashed("short")


async def test_a_session_does_what_its_role_may_until_it_is_over(ann):
    entered = await log_in(ann)
    token = entered.json["token"]
    assert entered.json["expires_at"] == pytest.approx(ann.house.clock.time() + 12 * 3600, abs=60)
    me = await ann.client.get("/admin/me", key=token)
    assert (me.json["who"], me.json["role"]) == ("account:ann", "operator")
    assert (await ann.client.get("/admin/journal", key=token)).status == 403
    assert (await ann.client.send("POST", "/admin/tasks/mood/mode", {"mode": "top"}, key=token)).status == 200
    assert (await ann.client.get("/v1/models", key=token)).status == 401, "a session is for the admin API"
    assert ann.house.store.journal.newest(1, "mode")[0].who == "account:ann"
    assert (await ann.client.send("POST", "/admin/logout", None, key=token)).status == 200
    assert (await ann.client.get("/admin/me", key=token)).status == 401
    assert (await ann.client.send("POST", "/admin/logout", None, key=token)).status == 400
    raw = ann.house.store.check(), (ann.config.parent / "stepladder-data" / "stepladder.db").read_bytes()
    assert token.encode() not in raw[1] and RIGHT.encode() not in raw[1]


async def test_a_changed_or_disabled_account_loses_its_sessions(ann):
    accounts = ann.house.store.accounts
    token = (await log_in(ann)).json["token"]
    accounts.change("ann", "test", disabled=True)
    assert (await ann.client.get("/admin/me", key=token)).status == 401
    assert (await log_in(ann)).status == 401
    accounts.change("ann", "test", disabled=False)
    token = (await log_in(ann)).json["token"]
    accounts.change("ann", "test", role=Role.VIEWER)
    assert (await ann.client.get("/admin/me", key=token)).status == 401
    assert (await ann.client.get("/admin/me", key=(await log_in(ann)).json["token"])).json["role"] == "viewer"


async def test_wrong_passwords_lock_the_account_and_say_nothing(ann, monkeypatch):
    monkeypatch.setattr(
        "stepladder.interaction.people.fits", lambda given, kept: given == RIGHT and bool(kept)
    )
    said = {(await log_in(ann, "nobody")).body}
    for _ in range(5):
        wrong = await log_in(ann, password="guess")
        said.add(wrong.body)
        assert wrong.status == 401
    locked = await log_in(ann)
    said.add(locked.body)
    assert locked.status == 401 and len(said) == 1, (
        "nobody learns whether there is such an account, or its lock"
    )
    account = ann.house.store.accounts.get("ann")
    assert account.failures == 5 and account.locked_until > ann.house.clock.time() + 800
    assert "for 900 s after 5 wrong passwords" in ann.house.store.journal.newest(1, "account lock")[0].detail
    ann.house.store.accounts.change("ann", "test")
    assert (await log_in(ann)).status == 200


def test_each_lock_lasts_longer_and_tries_meanwhile_count_for_nothing(tmp_path):
    from stepladder.store import Store

    class Turned:
        now = 1000.0

        def time(self):
            return self.now

        monotonic = time

    clock = Turned()
    store = Store.open("sqlite://", clock=clock)
    store.accounts.create("ann", Role.VIEWER, "x", "test")

    def wrong():
        return store.accounts.failed("ann", "1.2.3.4", lock_after=2, lock_seconds=60)

    lengths = []
    for _ in range(12):
        lengths += [wrong(), wrong(), wrong()]
        clock.now = store.accounts.get("ann").locked_until + 1
    assert lengths[:6] == [0, 60, 0, 0, 120, 0]
    assert max(lengths) == 86_400
    assert store.accounts.failed("nobody", "", lock_after=1, lock_seconds=60) == 0
    store.close()


async def test_an_address_that_guesses_gets_no_hearing(ann, monkeypatch):
    monkeypatch.setattr("stepladder.interaction.people.fits", lambda given, kept: False)
    ends = [(await log_in(ann, f"name {number}")).status for number in range(32)]
    assert ends[:30] == [401] * 30 and ends[-1] == 429


def test_accounts_on_the_command_line(shell, monkeypatch):
    import io

    def typed(*words, password=RIGHT):
        monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))
        return shell(*words)

    assert typed("account", "create", "ann", "--role", "auditor") == 0
    assert typed("account", "create", "ann") == 2
    assert typed("account", "create", "bob", password="short") == 2
    assert "12 to 1024" in shell.err and "short" not in shell.err
    for words in (("role", "ann", "owner"), ("disable", "ann"), ("enable", "ann"), ("unlock", "ann")):
        assert shell("account", *words) == 0
    assert typed("account", "password", "ann") == 0
    assert shell("account", "unlock", "nobody") == 2
    assert shell("account", "list") == 0 and "owner" in shell.out and "active" in shell.out
    assert shell("audit", "list") == 0 and "ann: role owner" in shell.out and RIGHT not in shell.out


# ---- an OpenID issuer


class Issuer:
    """Publishes keys as an issuer does, and signs what it is told to."""

    def __init__(self):
        self.keys, self.fetched, self.url, self.broken = {}, 0, "", False
        self.turn("k1")

    def turn(self, kid):
        from cryptography.hazmat.primitives.asymmetric import ec

        self.kid = kid
        self.keys = {kid: ec.generate_private_key(ec.SECP256R1())}

    def sign(self, *, key=..., algorithm="ES256", **claims):
        now = time.time()
        said = {"iss": self.url, "aud": "stepladder", "sub": "u-1", "exp": now + 300, "roles": ["ops"]}
        kept = {name: value for name, value in (said | claims).items() if value is not None}
        return jwt.encode(
            kept, self.keys[self.kid] if key is ... else key, algorithm=algorithm, headers={"kid": self.kid}
        )

    def page(self, path):
        if path.startswith("/.well-known"):
            return {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        self.fetched += 1
        algorithm = jwt.algorithms.ECAlgorithm
        return {
            "keys": [
                json.loads(algorithm.to_jwk(key.public_key())) | {"kid": kid, "alg": "ES256", "use": "sig"}
                for kid, key in self.keys.items()
            ]
        }


@contextmanager
def serving(issuer):
    """The issuer over HTTP."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self):
            self.say(200, issuer.page(self.path))

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            self.say(*issuer.post(self.path, body, self.headers))

        def say(self, status, found):
            body = json.dumps(found).encode()
            self.send_response(500 if issuer.broken else status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        issuer.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()


def issuing():
    return serving(Issuer())


OIDC = '[oidc]\nissuer = "{url}"\naudience = "stepladder"\nroles = {{ root = "owner", ops = "operator" }}\n'


@pytest.fixture
async def signed(tmp_path):
    with issuing() as issuer:
        path = write_config(tmp_path, recorded(tmp_path, {"hi": "good"}), mood(), OIDC.format(url=issuer.url))
        house = await House.open(Settings(path))
        try:
            yield issuer, Client(App(house), ""), house
        finally:
            await house.close()


async def test_a_token_of_the_issuer_opens_what_its_role_may(signed):
    issuer, client, _ = signed
    token = issuer.sign()
    me = await client.get("/admin/me", key=token)
    assert (me.json["who"], me.json["role"]) == ("oidc:u-1", "operator")
    assert (await client.send("POST", "/admin/tasks/mood/mode", {"mode": "top"}, key=token)).status == 200
    assert (await client.get("/admin/journal", key=token)).status == 403
    assert (await client.get("/admin/journal", key=issuer.sign(roles="root"))).status == 200


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"exp": 1000.0}, 401),
        ({"exp": None}, 401),
        ({"aud": "another"}, 401),
        ({"iss": "https://evil.example"}, 401),
        ({"nbf": 9e9}, 401),
        ({"sub": None}, 401),
        ({"roles": ["guests"]}, 403),
        ({"roles": None}, 403),
        ({"roles": {"ops": True}}, 403),
        ({"key": "x" * 64, "algorithm": "HS256"}, 401),
        ({"key": None, "algorithm": "none"}, 401),
    ],
)
async def test_any_other_token_is_refused(signed, claims, status):
    issuer, client, _ = signed
    assert (await client.get("/admin/tasks", key=issuer.sign(**claims))).status == status


async def test_a_strangers_signature_is_refused_and_a_turned_key_is_looked_for(signed):
    issuer, client, house = signed
    assert (await client.get("/admin/me", key=issuer.sign())).status == 200
    old = issuer.keys["k1"]
    issuer.turn("k2")
    house.people._issuer._fetched -= 31
    assert (await client.get("/admin/me", key=issuer.sign())).status == 200
    assert issuer.fetched == 2
    assert (await client.get("/admin/me", key=issuer.sign(key=old))).status == 401, (
        "the right name, another key"
    )
    issuer.kid = "k9"
    issuer.keys["k9"] = old
    assert (await client.get("/admin/me", key=issuer.sign())).status == 401
    assert issuer.fetched == 2, "an unknown key is looked for at most twice a minute"


async def test_an_issuer_that_is_away_is_a_503_and_keys_still_work(tmp_path):
    with issuing() as issuer:
        away = issuer.url
        token = issuer.sign()
    path = write_config(tmp_path, recorded(tmp_path, {"hi": "good"}), mood(), OIDC.format(url=away))
    house = await House.open(Settings(path))
    try:
        client = Client(App(house), await house.first_admin_key() or "")
        assert (await client.get("/admin/me", key=token)).error["code"] == "issuer_unreachable"
        assert (await client.get("/admin/me")).json["role"] == "owner"
    finally:
        await house.close()


@pytest.mark.parametrize(
    ("table", "param"),
    [
        ('[oidc]\nissuer = "http://idp.example"\naudience = "a"\nroles = { a = "owner" }', "oidc.issuer"),
        ('[oidc]\nissuer = "https://idp.example"\nroles = { a = "owner" }', "oidc.audience"),
        ('[oidc]\nissuer = "https://idp.example"\naudience = "a"', "oidc.roles"),
        ('[oidc]\nroles = { a = "boss" }', "oidc.roles"),
        ("[accounts]\nlock_after = 0", "accounts.lock_after"),
        ("[accounts]\nlock_afer = 3", "accounts.lock_afer"),
        ('[server]\ntls_cert = "a.pem"', "server.tls_key"),
    ],
)
def test_a_wrong_configuration_names_the_key(table, param):
    with pytest.raises(ConfigError) as caught:
        config.parse(table)
    assert caught.value.param.startswith(param)


# ---- TLS


def certificate(folder):
    """A certificate for 127.0.0.1 of its own making, and its key, in PEM files."""
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "stepladder")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "key.pem").write_bytes(pem)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_server_with_a_certificate_speaks_tls_and_nothing_else(tmp_path, workers):
    import http.client
    import urllib.request

    certificate(tmp_path)
    server = f'flywheel = false\nworkers = {workers}\ntls_cert = "cert.pem"\ntls_key = "key.pem"'
    path = write_config(tmp_path, recorded(tmp_path, {"hi": "good"}), mood(), server=server)
    product = Product(path)
    with product:
        assert any("https://127.0.0.1" in line for line in product.lines)
        where = next(line for line in product.lines if "https://" in line).split()[-1].removesuffix("/v1")
        trusting = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        with urllib.request.urlopen(f"{where}/healthz", context=trusting, timeout=30) as response:
            assert json.load(response) == {"status": "ok"}
        plain = http.client.HTTPConnection("127.0.0.1", int(where.rpartition(":")[2]), timeout=30)
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            plain.request("GET", "/healthz")
            plain.getresponse()
        plain.close()
