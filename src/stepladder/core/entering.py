"""Configuration of how people come in: `[accounts]` with passwords, and `[oidc]` with an issuer's tokens."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from stepladder.core.access import Role
from stepladder.core.errors import ConfigError

CALLBACK = "/admin/oidc/callback"


@dataclass(frozen=True, slots=True)
class Accounts:
    """`[accounts]`: how long a session lasts, and after how many wrong passwords an account is locked for how long.

    Each lock lasts twice as long as the one before, up to a day.
    """

    session_hours: float = 12.0
    lock_after: int = 5
    lock_minutes: float = 15.0


@dataclass(frozen=True, slots=True)
class Oidc:
    """`[oidc]`: whose tokens (JWTs) open the admin API. Without an `issuer`, nobody's.

    `audience` is what the tokens must be made for. `roles` maps what a token's `role_claim` says (a text, or several) to
    roles of ours; of several the first in the order of the table counts. The issuer's keys are at `jwks_url`, else where
    its discovery document says.

    With a `client_id` people log in there with a browser (authorization code and PKCE): `redirect_url` is where the browser
    finds us, our host and `/admin/oidc/callback`; `client_secret` is "env:NAME" or "file:PATH", where the issuer gave one.
    """

    issuer: str = ""
    audience: str = ""
    jwks_url: str = ""
    role_claim: str = "roles"
    name_claim: str = "sub"
    roles: Mapping[str, Role] = field(default_factory=dict)
    leeway_seconds: float = 60.0
    client_id: str = ""
    client_secret: str = ""
    redirect_url: str = ""
    scopes: tuple[str, ...] = ("openid", "profile", "email")


def is_safe(url: str) -> bool:
    """Whether nobody on the way can read or forge what goes there: HTTPS, or this machine."""
    local = ("127.0.0.1", "localhost", "::1")
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in local)


def check_tls(cert: str, key: str) -> None:
    """Raises ConfigError where one of the two files is named without the other."""
    if bool(cert) != bool(key):
        missing = "server.tls_key" if cert else "server.tls_cert"
        raise ConfigError(f"{missing} is missing.", param=missing, remedy="Name both files, or neither.")


def _check_log_in(oidc: Oidc) -> None:
    if not oidc.client_id:
        return
    if not oidc.redirect_url.endswith(CALLBACK):
        raise ConfigError(
            f"oidc.redirect_url is {oidc.redirect_url!r}.",
            param="oidc.redirect_url",
            remedy=f"Give the address at which browsers reach this server, and {CALLBACK}.",
        )
    if "openid" not in oidc.scopes:
        raise ConfigError('oidc.scopes lacks "openid".', param="oidc.scopes", remedy="Add it.")


def check_entering(accounts: Accounts, oidc: Oidc) -> None:
    """Raises ConfigError naming the key that is wrong."""
    for key, least, most in (
        ("session_hours", 0.0, 24 * 31),
        ("lock_after", 0, 1000),
        ("lock_minutes", 0.0, 1440),
    ):
        if not least < getattr(accounts, key) <= most:
            where = f"accounts.{key}"
            raise ConfigError(
                f"{where} is {getattr(accounts, key)}.",
                param=where,
                remedy=f"Above {least:g}, at most {most:g}.",
            )
    if not oidc.issuer:
        return
    for key in ("issuer", "jwks_url", "redirect_url"):
        url = getattr(oidc, key)
        if url and not is_safe(url):
            raise ConfigError(
                f"oidc.{key} is {url!r}: what goes that way could be read and forged.",
                param=f"oidc.{key}",
                remedy="Give an https:// address.",
            )
    for key in ("audience", "roles"):
        if not getattr(oidc, key):
            raise ConfigError(
                f"oidc.{key} is missing.",
                param=f"oidc.{key}",
                remedy='Write audience = "stepladder" and roles = { "llm-admins" = "owner" }, for example.',
            )
    _check_log_in(oidc)
