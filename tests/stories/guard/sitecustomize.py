"""Loaded by every Python process of the guarded product: whatever leaves this machine is written down and fails.

Python's sockets tell an audit hook; uvloop's own connections never pass through Python's, so its loop is guarded too.
"""

import ipaddress
import os
import socket
import sys

import uvloop


class OutsideError(OSError):
    """Somebody wanted out."""


def check(what: str, host: object) -> None:
    """Let this machine's own addresses pass."""
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return
    try:
        if ipaddress.ip_address(str(name)).is_loopback:
            return
    except ValueError:
        pass
    with open(os.environ["STEPLADDER_GUARD"], "a", encoding="utf-8") as file:
        file.write(f"{what} {name}\n")
    raise OutsideError(f"{what} to {name} is not allowed here")


def hook(event: str, arguments: tuple) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        made, address = arguments
        if made.family in (socket.AF_INET, socket.AF_INET6) and address:
            check(event, address[0])
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        check(event, arguments[0])


class GuardedLoop(uvloop.Loop):
    async def create_connection(self, factory, host=None, port=None, **more):
        check("create_connection", host)
        return await super().create_connection(factory, host, port, **more)

    async def create_datagram_endpoint(self, factory, local_addr=None, remote_addr=None, **more):
        check("create_datagram_endpoint", remote_addr and remote_addr[0])
        return await super().create_datagram_endpoint(factory, local_addr, remote_addr, **more)

    async def getaddrinfo(self, host, port, **more):
        check("getaddrinfo", host)
        return await super().getaddrinfo(host, port, **more)


sys.addaudithook(hook)
uvloop.new_event_loop = GuardedLoop
