"""An MCP server in a process of its own: `python mcp_server.py stdio`, or `... http FILE`, which is told the URL."""

import os
import socket
import sys
import time
from pathlib import Path

import anyio
import uvicorn
from mcp.server.mcpserver import MCPServer

server = MCPServer("shop")


@server.tool()
def order(number: str, detailed: bool = False) -> str:
    """Where an order is."""
    return f"Order {number} is on its way{', by train' * detailed}. {os.environ.get('SHOP_PLACE', '')}"


@server.tool()
def fail() -> str:
    """Always fails."""
    raise ValueError("no such thing")


@server.tool()
def slow() -> str:
    """Takes its time."""
    time.sleep(5)
    return "late"


@server.tool()
def big() -> str:
    """Says much."""
    return "x" * 200_000


@server.tool()
def end() -> str:
    """Ends the server."""
    os._exit(3)


if __name__ == "__main__":
    if sys.argv[1] == "stdio":
        server.run("stdio")
    else:
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        listening.listen()  # whoever reads the address may connect, before uvicorn accepts
        app = server.streamable_http_app()
        Path(sys.argv[2]).write_text(f"http://127.0.0.1:{listening.getsockname()[1]}/mcp")
        anyio.run(uvicorn.Server(uvicorn.Config(app, log_level="error")).serve, [listening])
