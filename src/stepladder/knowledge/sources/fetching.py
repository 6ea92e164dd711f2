"""Pages over HTTP, politely: robots.txt is kept, one request at a time, never faster than told, nothing fetched twice."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from typing import TYPE_CHECKING, Any
from urllib.parse import urldefrag, urljoin, urlsplit

from stepladder.core import MissingExtra

if TYPE_CHECKING:
    import aiohttp

AGENT = "stepladder"
_MOST_BYTES = 32 << 20
_MOST_ROBOTS = 512 << 10
_SECONDS = {"total": 60, "sock_connect": 10, "sock_read": 20}
_MOST_REDIRECTS = 5
_FOR_NOW = (408, 425, 429)  # refusals that pass
_LONGEST_DELAY = 30.0
_ROBOTS_SECONDS = 3600.0


class Unreachable(Exception):
    """A page that cannot be had, and why. `gone`: the server says that there is none any more.

    `settled`: it is not for us, and asking again will not help.
    """

    def __init__(self, reason: str, *, gone: bool = False, settled: bool = False) -> None:
        super().__init__(reason)
        self.gone = gone
        self.settled = settled


@dataclass(frozen=True, slots=True)
class Page:
    """A page: where it was found in the end, its bytes, its kind (text/html) and character set, and what it is known by."""

    url: str
    data: bytes
    kind: str
    charset: str
    state: str


class Fetcher:
    """One client for the pages of one source. Use as `async with`."""

    def __init__(self, rate: float = 1.0) -> None:
        """At most `rate` requests a second; a site's own Crawl-delay counts where it is longer."""
        self._pause = 1 / rate
        self._session: aiohttp.ClientSession | None = None
        self._robots: dict[str, tuple[float, Any]] = {}
        self._next = 0.0

    async def __aenter__(self) -> "Fetcher":
        import aiohttp

        timeout = aiohttp.ClientTimeout(**_SECONDS)
        self._session = aiohttp.ClientSession(
            timeout=timeout, headers={"User-Agent": AGENT}, cookie_jar=aiohttp.DummyCookieJar()
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def fetch(self, url: str, state: str = "", *, anywhere: bool = False) -> Page | None:
        """The page, or None where it is as it was when it was known by `state`. Raises Unreachable saying why.

        A redirect leads to the same site, or `anywhere`.
        """
        home = site_of(url)
        for _ in range(_MOST_REDIRECTS + 1):
            robots = await self._rules(url)
            if not robots.can_fetch(url, AGENT):
                raise Unreachable("robots.txt forbids it", settled=True)
            await self._wait(robots.crawl_delay(AGENT) or 0.0)
            found = await self._get(url, state)
            if not isinstance(found, str):
                return found
            try:
                url = urldefrag(urljoin(url, found)).url
            except ValueError as error:
                raise Unreachable("it leads to what is no address", settled=True) from error
            if not url.startswith(("http://", "https://")) or (site_of(url) != home and not anywhere):
                raise Unreachable(f"it leads away, to {url[:200]}", settled=True)
        raise Unreachable(f"over {_MOST_REDIRECTS} redirects")

    async def sitemaps(self, url: str) -> list[str]:
        """The sitemaps that a site's robots.txt names."""
        return list((await self._rules(url)).sitemaps)

    async def _get(self, url: str, state: str) -> "Page | str | None":
        """The page, where it leads to, or None where nothing has changed."""
        import aiohttp

        assert self._session is not None, "use it as a context manager"
        tag, _, date = state.partition("\n")
        headers = {"If-None-Match": tag} if tag else {"If-Modified-Since": date} if date else {}
        try:
            async with self._session.get(url, headers=headers, allow_redirects=False) as response:
                if response.status == 304:
                    return None
                if response.status in (301, 302, 303, 307, 308):
                    return response.headers.get("Location", "")
                if response.status != 200:
                    status = response.status
                    gone, settled = status in (404, 410), 400 <= status < 500 and status not in _FOR_NOW
                    raise Unreachable(f"HTTP {status}", gone=gone, settled=settled)
                data = await _body(response, _MOST_BYTES)
                tags = f"{response.headers.get('ETag', '')}\n{response.headers.get('Last-Modified', '')}"
                return Page(url, data, *_kind(response.headers.get("Content-Type", "")), tags)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Unreachable(str(error) or type(error).__name__) from error

    async def _rules(self, url: str) -> Any:
        """The site's robots.txt. Without one, or while the site is ill (RFC 9309, 2.3.1), all or nothing is allowed."""
        try:
            from protego import Protego
        except ImportError as error:
            raise MissingExtra("Fetching pages", "documents") from error
        home = site_of(url)
        known = self._robots.get(home)
        if known is None or known[0] < time.monotonic():
            await self._wait(0.0)
            text = await self._robots_text(f"{home}/robots.txt")
            known = self._robots[home] = (time.monotonic() + _ROBOTS_SECONDS, Protego.parse(text))
        return known[1]

    async def _robots_text(self, url: str) -> str:
        import aiohttp

        assert self._session is not None
        try:
            async with self._session.get(url, max_redirects=_MOST_REDIRECTS) as response:
                if response.status >= 500:
                    return "User-agent: *\nDisallow: /"
                if response.status != 200:
                    return ""
                return (await _body(response, _MOST_ROBOTS)).decode("utf-8", "replace")
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Unreachable(f"robots.txt: {str(error) or type(error).__name__}") from error

    async def _wait(self, delay: float) -> None:
        pause = max(self._pause, min(delay, _LONGEST_DELAY))
        now = time.monotonic()
        due = max(self._next, now)
        self._next = due + pause
        await asyncio.sleep(due - now)


def site_of(url: str) -> str:
    """Scheme, host and port: what one robots.txt speaks for; "" where an address is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}"


async def _body(response: "aiohttp.ClientResponse", most: int) -> bytes:
    """What was sent, unpacked, up to a bound. Raises Unreachable beyond it."""
    data = bytearray()
    async for chunk in response.content.iter_chunked(1 << 16):
        data += chunk
        if len(data) > most:
            raise Unreachable(f"over {most >> 20} MB", settled=True)
    return bytes(data)


def _kind(header: str) -> tuple[str, str]:
    message = Message()
    charset = ""
    with suppress(ValueError):
        message["Content-Type"] = header or "application/octet-stream"
        charset = message.get_content_charset() or ""
    return message.get_content_type(), charset
