"""The connection to an MCP server on the network: to no address that it may not have."""

import asyncio
import socket
from collections.abc import Mapping

import httpx2

from stepladder.core import ToolConfig
from stepladder.service.tools.addresses import outside, refused


def http_client(name: str, given: ToolConfig, headers: Mapping[str, str]) -> httpx2.AsyncClient:
    """A session with these headers. Without `local_addresses` it connects to addresses of the internet only."""
    timeout = httpx2.Timeout(given.seconds, read=max(given.seconds, 300.0))
    transport = None if given.local_addresses else _OutsideTransport(name)
    return httpx2.AsyncClient(
        headers=dict(headers), timeout=timeout, transport=transport, trust_env=False, follow_redirects=False
    )


class _OutsideTransport(httpx2.AsyncHTTPTransport):
    """Looks the name up once, looks at its addresses, and connects to one of these."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises ToolFailed for an address of the local network."""
        url = request.url
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(url.host, url.port or 0, type=socket.SOCK_STREAM)
        addresses = [str(one[4][0]) for one in found]
        if not all(map(outside, addresses)):
            raise refused(self._name)
        request.extensions = {**request.extensions, "sni_hostname": url.host}
        request.url = url.copy_with(host=addresses[0])
        return await super().handle_async_request(request)
