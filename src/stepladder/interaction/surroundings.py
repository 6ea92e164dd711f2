"""What an installation has around it: the servers that its models ask, and the server that it is, if it runs."""

import json
import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from stepladder.core import Config
from stepladder.interaction.layout import veiled

_SECONDS = 3.0
_PORTS = {"http": 80, "https": 443}


def unreachable(config: Config) -> Iterator[tuple[str, str]]:
    """Each address of a model, and why nobody can be reached there, "" where somebody can. No key is sent, nothing asked."""
    asked = [
        (name, url)
        for name, model in config.models.items()
        for url in dict.fromkeys(_addresses(model.settings))
    ]
    with ThreadPoolExecutor(8) as pool:
        for (name, url), why in zip(asked, pool.map(_knock, [url for _, url in asked]), strict=True):
            yield veiled(f"Model {name}: {url}"), why


def running(config: Config) -> tuple[str, str]:
    """Whether a server runs where the configuration says, and what it says is wrong with it."""
    server = config.server
    where = f"{server.host}:{server.port}"
    if not server.port or server.tls_cert:
        return "Server: not looked for", ""
    try:
        status, said = _ready(server.host, server.port)
    except ConnectionRefusedError:
        return f"Server: none runs at {where}", ""
    except (OSError, HTTPException, ValueError) as error:
        return f"Server at {where}", f"Something else seems to be there: {_said(error)}."
    troubles = said.get("troubles", []) if isinstance(said, Mapping) else []
    return f"Server at {where}: runs, {status}", " ".join(map(str, troubles))


def _addresses(settings: Mapping[str, Any]) -> Iterator[str]:
    replicas = settings.get("replicas", ())
    for table in (settings, *(replicas if isinstance(replicas, list) else ())):
        url = table.get("base_url") if isinstance(table, Mapping) else None
        if isinstance(url, str) and url:
            yield url


def _knock(url: str) -> str:
    try:
        parts = urlsplit(url)
        address = (parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0))
        with socket.create_connection(address, _SECONDS):
            return ""
    except (OSError, ValueError) as error:
        return f"Nobody answers: {_said(error)}."


def _ready(host: str, port: int) -> tuple[int, Any]:
    connection = HTTPConnection(host, port, timeout=_SECONDS)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
