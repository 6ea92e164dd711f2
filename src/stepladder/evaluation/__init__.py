"""Judging candidates, and showing what was found: reports that are one HTML file with plots.

It judges from numbers that exist (out-of-fold guesses, outcomes in the ledger), is given finished figures to show,
and decides nothing about service. It knows nothing of HTTP, the command line or how a rung was made.
"""

from stepladder.evaluation.judge import Judgement, Outlook, judge, stream, worth_more
from stepladder.evaluation.report import Chart, Figure, Report, Table

__all__ = [
    "Chart",
    "Figure",
    "Judgement",
    "Outlook",
    "Report",
    "Table",
    "judge",
    "stream",
    "worth_more",
]
