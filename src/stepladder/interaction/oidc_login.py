"""Logging in at an OpenID issuer with a browser: authorization code with PKCE (OpenID Connect Core 3.1, RFC 7636).

What one log-in must remember between its two requests travels in a signed cookie of ten minutes, so that whichever worker
gets the second one knows it, and nobody can start a log-in that another person's browser finishes.
"""

import base64
import hashlib
import hmac
import secrets
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from stepladder.core import Clock, Grant, NotAllowed, config
from stepladder.interaction.oidc import Issuer, IssuerUnreachable, answered, calling

MINUTES = 10
_HOME = "/admin/me"


class _Begun(msgspec.Struct, forbid_unknown_fields=True):
    state: str
    nonce: str
    verifier: str
    onward: str
    until: float


class CodeFlow:
    """One issuer's log-in. `secret` signs the cookie: the same in every worker."""

    def __init__(self, issuer: Issuer, secret: bytes, clock: Clock) -> None:
        self._issuer = issuer
        self._config = issuer.config
        self._secret = secret
        self._clock = clock

    async def begin(self, onward: str) -> tuple[str, str]:
        """Where to send the browser, and the cookie to send with it; `onward` is the path that it comes to in the end."""
        begun = _Begun(
            secrets.token_urlsafe(32),
            secrets.token_urlsafe(32),
            secrets.token_urlsafe(48),
            onward if _is_path(onward) else _HOME,
            self._clock.time() + MINUTES * 60,
        )
        digest = hashlib.sha256(begun.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self._config.client_id,
            "redirect_uri": self._config.redirect_url,
            "scope": " ".join(self._config.scopes),
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": _plain(digest),
            "code_challenge_method": "S256",
        }
        where = await self._issuer.endpoint("authorization_endpoint")
        url = f"{where}{'&' if '?' in where else '?'}{urlencode(asked)}"
        data = msgspec.json.encode(begun)
        return url, f"{_plain(data)}.{_plain(self._sign(data))}"

    async def finish(self, query: dict[str, str], cookie: str) -> tuple[str, Grant, str]:
        """Who has logged in, with what role, and where to go on. Raises NotAllowed, IssuerUnreachable or MissingExtra."""
        begun = self._begun(cookie)
        if begun is None or not hmac.compare_digest(query.get("state", "").encode(), begun.state.encode()):
            raise _refused("it was not begun in this browser, or longer than ten minutes ago")
        if "error" in query or not query.get("code"):
            raise _refused(f"the issuer says {query.get('error', 'nothing')[:100]!r}")
        if query.get("iss", self._config.issuer) != self._config.issuer:
            raise _refused("another issuer answered")
        token = await self._exchanged(query["code"], begun.verifier)
        claims = await self._issuer.claims(token, self._config.client_id)
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), begun.nonce.encode()):
            raise _refused("the token was made for another log-in")
        audience = claims["aud"]
        several = isinstance(audience, list) and len(audience) > 1
        if claims.get("azp", None if several else self._config.client_id) != self._config.client_id:
            raise _refused("the token was made for another client")
        return self._issuer.name(claims), self._issuer.grant(claims), begun.onward

    async def _exchanged(self, code: str, verifier: str) -> str:
        """The identity token for a code."""
        import aiohttp

        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._config.redirect_url,
            "client_id": self._config.client_id,
            "code_verifier": verifier,
        }
        where, headers = await self._issuer.endpoint("token_endpoint"), {}
        if self._config.client_secret:
            secret = config.secret(self._config.client_secret, "oidc.client_secret")
            both = f"{quote(self._config.client_id, safe='')}:{quote(secret, safe='')}"
            headers["authorization"] = f"Basic {base64.b64encode(both.encode()).decode()}"
        try:
            async with calling() as session:
                sent = session.post(where, data=form, headers=headers, allow_redirects=False)
                async with sent as response:
                    if 400 <= response.status < 500:
                        raise _refused("the issuer does not take the code")
                    found: Any = (await answered(response)).get("id_token")
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise IssuerUnreachable(
                f"The issuer does not answer: {type(error).__name__}.", remedy="Log in again later."
            ) from error
        if not isinstance(found, str):
            raise _refused("the issuer sent no identity token")
        return found

    def _begun(self, cookie: str) -> _Begun | None:
        data, _, signature = cookie.partition(".")
        try:
            raw = base64.urlsafe_b64decode(data + "=" * (-len(data) % 4))
            begun = msgspec.json.decode(raw, type=_Begun)
        except (ValueError, msgspec.DecodeError):
            return None
        right = hmac.compare_digest(signature.encode(), _plain(self._sign(raw)).encode())
        return begun if right and begun.until > self._clock.time() else None

    def _sign(self, data: bytes) -> bytes:
        return hmac.digest(self._secret, data, "sha256")


def _is_path(onward: str) -> bool:
    """Whether it is a path of ours: nobody may use us to send people elsewhere."""
    return (
        onward.startswith("/")
        and onward[1:2] not in ("/", "\\")
        and onward.isprintable()
        and onward.isascii()
    )


def _plain(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _refused(why: str) -> NotAllowed:
    return NotAllowed(f"The log-in does not hold: {why}.", remedy="Begin anew at /admin/oidc/login.")
