"""Lists of names, places and words, ours, from general knowledge: the files in `lists/`, one line or one word an entry."""

from importlib.resources import files


def lines(name: str) -> list[str]:
    """Return the lines of a list, without comments."""
    text = (files("stepladder.privacy") / "lists" / f"{name}.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def words(name: str) -> list[str]:
    """Return the words of a list."""
    return " ".join(lines(name)).split()


def characters(name: str) -> str:
    """Return the characters of a list."""
    return "".join(lines(name))
