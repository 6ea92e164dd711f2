"""Configuration of a server process: where it listens, how it keeps its ledger, how much may be under way."""

from dataclasses import dataclass

from stepladder.core.toml_tables import between


@dataclass(frozen=True, slots=True)
class Server:
    """`[server]`: where to listen and what to accept. `max_body_kb` bounds a request's body, `request_seconds` its coming;
    a client that takes nothing of its answer for `stalled_seconds` is let go. A connection waits `keep_alive_seconds` for its
    next request: longer than clients and load balancers keep theirs, or one of them sends as we close, and has an error.

    `tls_cert` and `tls_key` are files in PEM; with both, connections are encrypted. `traces` go to an OpenTelemetry
    collector.
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
    keep_alive_seconds: float = 120.0
    workers: int = 1
    tls_cert: str = ""
    tls_key: str = ""
    traces: bool = False


@dataclass(frozen=True, slots=True)
class Ledger:
    """`[ledger]`: `durability` "process" survives kill -9; "power" also survives a power cut, at an fsync a batch.

    Rows are kept for `retention_days` (0: for ever); texts of more than `compress_over_kb` are kept packed (0: none).
    """

    url: str = ""
    durability: str = "process"
    queue: int = 10_000
    retention_days: float = 0.0
    compress_over_kb: float = 4.0


@dataclass(frozen=True, slots=True)
class Traffic:
    """`[traffic]`: how much may be under way in one worker, how much may wait, and what the answers kept may take up."""

    at_once: int = 4096
    queue: int = 1024
    cache_mb: float = 64.0
    ban_after: int = 30
    ban_seconds: float = 60.0


def check_server(server: Server) -> None:
    """Raises ConfigError naming the key that is wrong."""
    between(server.workers, 1, 32, "server.workers", closed=True)
    for key in ("request_seconds", "stalled_seconds", "keep_alive_seconds"):
        between(getattr(server, key), 0, float("inf"), f"server.{key}")
