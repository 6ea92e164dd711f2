"""How good a candidate is and what a run has shown: judgements before money is spent, reports as one HTML file.

It judges from numbers that exist (out-of-fold guesses, outcomes in the ledger, a finished set of figures) and decides
nothing about service; it knows nothing of HTTP or the command line.
"""

from stepladder.evaluation.judge import Judgement, Outlook, judge, stream, worth_more
from stepladder.evaluation.report import Chart, Figure, Report, Table
from stepladder.evaluation.routing import RoutingCurve, routing_curve

__all__ = [
    "Chart",
    "Figure",
    "Judgement",
    "Outlook",
    "Report",
    "RoutingCurve",
    "Table",
    "judge",
    "routing_curve",
    "stream",
    "worth_more",
]
