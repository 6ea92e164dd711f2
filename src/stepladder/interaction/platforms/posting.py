"""Calls to a platform's own API. Errors say what failed and never where to or with what: addresses hold tokens."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import msgspec

from stepladder.core import ConfigError, UpstreamFailed

_SECONDS = 10.0
_TRIES = 3
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_MOST_BYTES = 1 << 20
_AGAIN = (429, 500, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class Call:
    """One call; with `body` a POST of JSON. It is repeated where the platform surely has not taken it."""

    url: str = field(repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Mapping[str, Any] | None = field(default=None, repr=False)


async def called(name: str, call: Call) -> dict[str, Any]:
    """The JSON object that the platform of the chat `name` answers with. Raises UpstreamFailed."""
    for left in range(_TRIES - 1, -1, -1):
        status, pause, data = await _once(name, call)
        if status in _AGAIN and left:
            await asyncio.sleep(min(pause or _FIRST_PAUSE * 2 ** (_TRIES - 1 - left), _LONGEST_PAUSE))
        elif status != 200:
            raise UpstreamFailed(name, f"{name}'s platform answered with status {status}.")
        else:
            return _object(name, data)
    raise AssertionError("the last try returns or raises")


async def _once(name: str, call: Call) -> tuple[int, float, bytes]:
    import aiohttp

    method = "GET" if call.body is None else "POST"
    data = None if call.body is None else msgspec.json.encode(call.body)
    headers = {
        **call.headers,
        **({} if data is None else {"Content-Type": "application/json; charset=utf-8"}),
    }
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS)) as session,
            session.request(
                method, call.url, params=call.query, headers=headers, data=data, allow_redirects=False
            ) as response,
        ):
            return response.status, _pause(response.headers), await response.content.read(_MOST_BYTES)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        # An error of the library holds the address, and so does its chain.
        raise UpstreamFailed(name, f"{name}'s platform cannot be reached: {type(error).__name__}.") from None


def _pause(headers: Mapping[str, str]) -> float:
    said = headers.get("Retry-After", "")
    return float(said) if said.isdigit() else 0.0


def _object(name: str, data: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise UpstreamFailed(name, f"{name}'s platform did not answer with JSON.") from None


def check_url(url: str, where: str) -> str:
    """An address to send secrets to: https, or this machine. Raises ConfigError."""
    parts = urlsplit(url)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise ConfigError(f"{where} is {url!r}.", param=where, remedy="Give an https:// address.")
    return url.rstrip("/")
