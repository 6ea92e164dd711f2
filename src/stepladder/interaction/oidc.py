"""Tokens of an OpenID Connect issuer: JWTs against the issuer's published keys (RFC 7519, 7517; OIDC Discovery 1.0)."""

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from stepladder.core import Clock, Grant, MissingExtra, NotAllowed, Oidc, StepladderError, Tenant, is_safe

if TYPE_CHECKING:
    import aiohttp

# Signatures alone: a shared secret ("HS256") or none at all would let whoever reads our configuration write tokens.
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
_FETCH_SECONDS = 10.0
_KEEP_SECONDS = 3600.0
_AGAIN_SECONDS = 30.0
_MOST_BYTES = 1 << 20


class IssuerUnreachable(StepladderError):
    """The issuer's keys cannot be had right now."""

    status = 503
    code = "issuer_unreachable"
    retryable = True


class Issuer:
    """One issuer. Its keys are kept for an hour, and looked for again (at most twice a minute) for one that is unknown."""

    def __init__(self, config: Oidc, clock: Clock) -> None:
        self.config = config
        self._clock = clock
        self._keys: Any = None
        self._fetched = float("-inf")
        self._fetching = asyncio.Lock()

    async def bearer(self, token: str) -> Tenant:
        """Whose token it is, with the role that it gives. Raises NotAllowed, IssuerUnreachable or MissingExtra."""
        claims = await self.claims(token, self.config.audience)
        name = self.name(claims)
        return Tenant(name, f"oidc:{name}", float(claims["exp"]), grant=self.grant(claims), person=name)

    async def claims(self, token: str, audience: str) -> dict[str, Any]:
        """What a token says that was made for `audience` and holds. Raises as `bearer` does."""
        jwt = _library()
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            claims: dict[str, Any] = jwt.decode(
                token,
                await self._key(kid),
                algorithms=_ALGORITHMS,
                audience=audience,
                issuer=self.config.issuer,
                leeway=self.config.leeway_seconds,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise NotAllowed(
                f"This token does not hold: {error}.", remedy="Get a new one from the issuer."
            ) from error
        return claims

    def name(self, claims: dict[str, Any]) -> str:
        """What the person is called in the journal; what is not printable would forge its lines, and is U+FFFD."""
        said = str(claims.get(self.config.name_claim) or claims["sub"])[:200]
        return "".join(one if one.isprintable() else "\ufffd" for one in said)

    def grant(self, claims: dict[str, Any]) -> Grant:
        """The role that the claims give. Raises NotAllowed where they give none."""
        said: Any = claims
        for part in self.config.role_claim.split("."):
            said = said.get(part) if isinstance(said, dict) else None
        listed = said if isinstance(said, list) else [said]
        given = {one for one in listed if isinstance(one, str)}
        for word, role in self.config.roles.items():
            if word in given:
                return Grant(role)
        raise NotAllowed(
            f"The token's {self.config.role_claim} give no role here.",
            remedy="An owner maps them in [oidc] roles.",
            forbidden=True,
        )

    async def _key(self, kid: str | None) -> Any:
        """The key of that name; where the token names none, the only one there is."""
        jwt = _library()
        for age in (_KEEP_SECONDS, _AGAIN_SECONDS):
            await self._fetch(age)
            keys = self._keys.keys
            found = [key for key in keys if key.key_id == kid] if kid is not None else keys
            if len(found) == 1:
                return found[0]
        raise jwt.InvalidTokenError(f"the issuer has no key {kid!r}")

    async def _fetch(self, age: float) -> None:
        async with self._fetching:
            now = self._clock.monotonic()
            if self._keys is not None and now - self._fetched < age:
                return
            import aiohttp

            jwt = _library()
            try:
                self._keys = jwt.PyJWKSet.from_dict(await self._published())
            except (aiohttp.ClientError, TimeoutError, ValueError, AttributeError, jwt.PyJWTError) as error:
                if self._keys is None:
                    raise IssuerUnreachable(
                        f"The issuer's keys cannot be had: {error or type(error).__name__}.",
                        remedy="Check oidc.issuer and oidc.jwks_url.",
                    ) from error
            self._fetched = now

    async def _published(self) -> dict[str, Any]:
        async with calling() as session:
            where = self.config.jwks_url or str((await self._described(session)).get("jwks_uri"))
            async with session.get(where, allow_redirects=False) as response:
                return await answered(response)

    async def endpoint(self, name: str) -> str:
        """An address out of the issuer's discovery document. Raises IssuerUnreachable."""
        import aiohttp

        try:
            async with calling() as session:
                found = str((await self._described(session))[name])
            if not is_safe(found):
                raise ValueError(f"{name} is no https:// address")
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
            raise IssuerUnreachable(
                f"The issuer does not say where to log in: {error}.",
                remedy="Check oidc.issuer.",
            ) from error
        return found

    async def _described(self, session: "aiohttp.ClientSession") -> dict[str, Any]:
        root = self.config.issuer.rstrip("/")
        url = f"{root}/.well-known/openid-configuration"
        async with session.get(url, allow_redirects=False) as response:
            document = await answered(response)
        if document.get("issuer") != self.config.issuer:
            raise ValueError(f"its discovery document is of {document.get('issuer')!r}")
        return document


def calling() -> "aiohttp.ClientSession":
    """A session to the issuer that gives up in time."""
    import aiohttp

    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_FETCH_SECONDS))


async def answered(response: "aiohttp.ClientResponse") -> dict[str, Any]:
    """The JSON object in a response. Raises aiohttp.ClientError or ValueError."""
    response.raise_for_status()
    body = await response.content.read(_MOST_BYTES)
    return msgspec.json.decode(body, type=dict[str, Any])


def _library() -> Any:
    try:
        import jwt
        import jwt.algorithms
    except ImportError as error:
        raise MissingExtra("Logging in with an OpenID issuer's token", "access") from error
    if not jwt.algorithms.has_crypto:
        raise MissingExtra("Checking an issuer's signatures", "access")
    return jwt
