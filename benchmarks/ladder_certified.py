"""Certified batches against BARGAIN (arXiv 2509.02896), which is run in the same process with the same student."""

from pathlib import Path
from typing import Any


def cells() -> dict[str, int]:
    """The cells, and how many seeds each may have."""
    return {}


def run(cell: str, seed: int, data: Path) -> dict[str, Any]:
    """One batch."""
    raise NotImplementedError


def report(rows: list[dict[str, Any]], folder: Path) -> list[str]:
    """The table."""
    return []
