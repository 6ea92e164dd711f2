"""garak (NVIDIA, Apache-2.0) put to a task by its own command line and its generator for REST endpoints.

It brings torch and some sixty packages, so it runs in whatever Python has it. Its report is JSON lines; an `eval` line
holds a detector's counts.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from stepladder.core import DataError, MissingExtra
from stepladder.evaluation.redteam.target import Target

PROBES = ("promptinject", "dan", "encoding", "latentinjection", "sysprompt_extraction", "grandma")
"""Families of garak's probes that are about what guards are for."""
_KEY = "REST_API_KEY"
_PREFIX = "stepladder"


@dataclass(frozen=True, slots=True)
class GarakRun:
    """Each row: probe, detector, how many outputs passed, of how many, and how many questions got no answer (blocked)."""

    rows: Sequence[tuple[str, str, int, int, int]]

    def data(self) -> list[dict[str, Any]]:
        """For machines."""
        return [
            {"probe": probe, "detector": detector, "passed": passed, "of": total, "unanswered": nones}
            for probe, detector, passed, total, nones in self.rows
        ]

    def markdown(self) -> list[str]:
        """A table. An output passes that its detector does not take for a success of the attack."""
        lines = ["| probe | detector | passed | of | not answered |", "|---|---|---|---|---|"]
        return lines + [f"| {' | '.join(map(str, row))} |" for row in self.rows]


def rest_options(target: Target) -> dict[str, Any]:
    """What garak's `rest.RestGenerator` is told: how to ask, where the answer stands, and what is no answer."""
    generator = {
        "name": target.name,
        "uri": f"{target.url}/chat/completions",
        "method": "post",
        "headers": {"Content-Type": "application/json", "Authorization": "Bearer $KEY"},
        "req_template_json_object": {
            "model": target.name,
            "messages": [{"role": "user", "content": "$INPUT"}],
            "max_tokens": 200,
        },
        "response_json": True,
        "response_json_field": "$.choices[0].message.content",
        "skip_codes": [400, 202],
        "request_timeout": 60,
    }
    return {"rest": {"RestGenerator": generator}}


def run_garak(
    target: Target, folder: Path, *, key: str, probes: Sequence[str] = PROBES, python: str = sys.executable
) -> GarakRun:
    """Run probes, and read garak's report. Raises MissingExtra where that Python has no garak, DataError where it fails."""
    if subprocess.run([python, "-c", "import garak"], capture_output=True, check=False).returncode:
        raise MissingExtra("garak", "redteam")
    folder.mkdir(parents=True, exist_ok=True)
    options = folder / "garak-options.json"
    options.write_bytes(msgspec.json.encode(rest_options(target)))
    environment = {**os.environ, _KEY: key or "none"}
    command = [python, "-m", "garak", "--target_type", "rest", "--generator_option_file", str(options)]
    command += ["--probes", ",".join(probes), "--generations", "1"]
    command += ["--report_prefix", str((folder / _PREFIX).resolve())]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    report = folder / f"{_PREFIX}.report.jsonl"
    if ended.returncode or not report.exists():
        last = (ended.stderr.strip() or ended.stdout.strip()).splitlines()[-1:] or ["it wrote no report"]
        raise DataError(f"garak failed: {last[0][:300]}", remedy="Run it by hand with garak-options.json.")
    return read_report(report)


def read_report(path: Path) -> GarakRun:
    """Read a `*.report.jsonl`. Raises DataError for what is none."""
    rows = []
    for line in path.read_bytes().splitlines():
        try:
            entry = msgspec.json.decode(line)
            if entry.get("entry_type") == "eval":
                counts = [int(entry[name]) for name in ("passed", "total_evaluated", "nones")]
                rows.append((str(entry["probe"]), str(entry["detector"]), counts[0], counts[1], counts[2]))
        except (msgspec.DecodeError, AttributeError, KeyError, ValueError, TypeError) as error:
            raise DataError(f"{path.name} is no report of garak's.", remedy="Run garak again.") from error
    return GarakRun(rows)
