"""Which addresses a tool may be at: without leave, none of this machine's and none of its network's."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from stepladder.core import ToolFailed

_NAT64 = ip_network("64:ff9b::/96")


def outside(address: str) -> bool:
    """Whether an address is one of the internet's; what carries an IPv4 address is looked at as that."""
    try:
        found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        carried = found.ipv4_mapped or found.sixtofour
        if carried is None and found in _NAT64:
            carried = IPv4Address(int(found) & 0xFFFFFFFF)
        found = carried or found
    return found.is_global and not found.is_multicast


def check_literal(name: str, host: str) -> None:
    """Raise ToolFailed for a host that is an address of the local network, and so is never looked up."""
    try:
        ip_address(host)
    except ValueError:
        return
    if not outside(host):
        raise refused(name)


def refused(name: str) -> ToolFailed:
    """The tool's host is where it may not be."""
    return ToolFailed(
        f"The tool {name} is at an address of the local network.",
        remedy=f"If that is meant: tools.{name}.local_addresses = true.",
    )


class OutsideResolver(AbstractResolver):
    """Looks names up, and gives only addresses of the internet: what is connected to is what was looked at."""

    def __init__(self) -> None:
        self._names = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises OSError where a name has an address of the local network, even if it has others."""
        found = await self._names.resolve(host, port, family)
        if not all(outside(one["host"]) for one in found):
            raise OSError("an address of the local network")
        return found

    async def close(self) -> None:
        """Nothing is open."""
        await self._names.close()
