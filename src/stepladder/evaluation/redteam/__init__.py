"""Attacks on a task over HTTP: our own suites and garak's, and a report of what came through.

It knows the wire (OpenAI's) and what a refusal looks like, and nothing of guards or of how the task answers.
"""

from stepladder.evaluation.redteam.garak import PROBES, GarakRun, run_garak
from stepladder.evaluation.redteam.report import RedTeamReport, wilson
from stepladder.evaluation.redteam.suite import KINDS, Case, suite
from stepladder.evaluation.redteam.target import Outcome, Target, refuses

__all__ = [
    "KINDS",
    "PROBES",
    "Case",
    "GarakRun",
    "Outcome",
    "RedTeamReport",
    "Target",
    "refuses",
    "run_garak",
    "suite",
    "wilson",
]
