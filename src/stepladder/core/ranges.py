"""Numbers of a configuration that must lie between others."""

from stepladder.core.errors import ConfigError


def between(value: float, low: float, high: float, where: str, *, closed: bool = False) -> None:
    """Raise ConfigError naming `where` for a value outside; `closed`: the ends are inside."""
    if (low <= value <= high) if closed else (low < value < high):
        return
    span = f"{low:g} to {high:g}" + ("" if closed else ", both excluded")
    raise ConfigError(f"{where} is {value}.", param=where, remedy=f"Give a value from {span}.")
