"""HTTP to a tool: bounded in time and size, to no address it may not have, and following nobody's redirects."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from yarl import URL

from stepladder.core import ConfigError, ToolConfig, ToolFailed, config
from stepladder.service.tools.addresses import OutsideResolver, check_literal

_QUOTED = 500
_TEXT = ("json", "text/", "xml", "javascript", "x-www-form-urlencoded")


@dataclass(frozen=True, slots=True)
class Request:
    """One call: `query` as pairs, since a name may come twice; `body` is JSON, None for none."""

    method: str
    url: URL
    query: list[tuple[str, str]] = field(default_factory=list)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


@dataclass(frozen=True, slots=True)
class Auth:
    """`key` is a reference to the secret, which goes out in `key_header` after `key_prefix`."""

    key: str = ""
    key_header: str = "Authorization"
    key_prefix: str = "Bearer "

    def headers(self, where: str) -> dict[str, str]:
        """The header. Raises ConfigError for a secret that is not there."""
        if not self.key:
            return {}
        return {self.key_header: self.key_prefix + config.secret(self.key, f"{where}.key")}


class Caller:
    """One tool's session, opened by its first call. What it raises holds no secret: neither headers nor queries."""

    def __init__(self, name: str, given: ToolConfig, headers: Mapping[str, str]) -> None:
        self._name = name
        self._given = given
        self._headers = dict(headers)
        self._session: aiohttp.ClientSession | None = None

    async def text(self, request: Request, most: int = 0) -> str:
        """What was answered, cut to `most` bytes (0: what the tool may say). Raises ToolFailed."""
        if not self._given.local_addresses:
            check_literal(self._name, request.url.host or "")
        try:
            async with asyncio.timeout(self._given.seconds):
                return await self._asked(request, most or self._given.most_kb << 10)
        except TimeoutError as error:
            raise self._failed(f"did not answer in {self._given.seconds:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self._failed(f"cannot be reached ({type(error).__name__})") from error

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _asked(self, request: Request, most: int) -> str:
        headers = {**request.headers, **self._headers}
        async with self._opened().request(
            request.method,
            request.url,
            params=request.query or None,
            json=request.body,
            headers=headers,
            allow_redirects=False,
        ) as response:
            kind = response.headers.get("content-type", "").lower()
            data = await _read(response, most)
            if 300 <= response.status < 400:
                raise self._failed("wants to send us elsewhere, which is not followed")
            if data and kind and not any(known in kind for known in _TEXT):
                raise self._failed(f"answered with {kind.partition(';')[0]}, which is no text")
            said = data[:most].decode(response.charset or "utf-8", "replace")
            if response.status >= 400:
                raise self._failed(f"answered {response.status}: {said[:_QUOTED]}")
            return said + ("\n[cut: the answer is longer]" if len(data) > most else "")

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            resolver = None if self._given.local_addresses else OutsideResolver()
            connector = aiohttp.TCPConnector(resolver=resolver, limit=32)
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
            )
        return self._session

    def _failed(self, what: str) -> ToolFailed:
        return ToolFailed(f"The tool {self._name} {what}.")


async def _read(response: aiohttp.ClientResponse, most: int) -> bytes:
    data = bytearray()
    async for chunk in response.content.iter_chunked(1 << 14):
        data += chunk
        if len(data) > most:
            break
    return bytes(data)


def web_url(text: str, where: str) -> URL:
    """An absolute URL. Raises ConfigError."""
    try:
        found = URL(text)
    except ValueError:
        found = URL("")
    if found.scheme not in ("http", "https") or not found.host or found.user or found.password:
        raise ConfigError(
            f"{where} is no URL of a server: {text!r}."
            if "@" not in text
            else f"{where} holds a name or a password.",
            param=where,
            remedy="Write https://HOST/..., and secrets in `key`.",
        )
    return found
