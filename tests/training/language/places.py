"""Where the tests' tiny models come from: made in a process of its own, since libraries warn when they are imported."""

import os
import subprocess
import sys
from pathlib import Path


def tiny_base(folder: Path, *, seed: int = 0, hidden: int = 64) -> Path:
    """A tiny model in `folder`."""
    make = f"make_tiny(Path({str(folder)!r}), seed={seed}, hidden={hidden})"
    code = f"from pathlib import Path; from tests.training.language.tiny import make_tiny; {make}"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=environment())
    return folder


def environment() -> dict[str, str]:
    """What a process needs to find the tests and the sources, on one thread."""
    root = Path(__file__).parents[3]
    paths = [str(root), str(root / "src"), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
