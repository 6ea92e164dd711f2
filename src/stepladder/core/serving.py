"""Configuration of the server itself: `[server]`."""

from dataclasses import dataclass

from stepladder.core.toml_tables import between


@dataclass(frozen=True, slots=True)
class Server:
    """`[server]`: where to listen and what to accept. `max_body_kb` bounds a request's body, `request_seconds` its coming;
    a client that takes nothing of its answer for `stalled_seconds` is let go.

    `tls_cert` and `tls_key` are files in PEM; with both, connections are encrypted.
    """

    host: str = "127.0.0.1"
    port: int = 8460
    data: str = "stepladder-data"
    max_body_kb: int = 4096
    max_text_chars: int = 200_000
    flywheel: bool = True
    drain_seconds: float = 10.0
    request_seconds: float = 60.0
    stalled_seconds: float = 120.0
    workers: int = 1
    tls_cert: str = ""
    tls_key: str = ""


def check_server(server: Server) -> None:
    """Raises ConfigError naming the key that is wrong."""
    between(server.workers, 1, 32, "server.workers", closed=True)
    for key in ("request_seconds", "stalled_seconds"):
        between(getattr(server, key), 0, float("inf"), f"server.{key}")
