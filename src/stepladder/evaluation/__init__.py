"""How good a candidate is and what a run has shown: judgements before money is spent, reports as one HTML file.

It judges from numbers that exist (out-of-fold guesses, outcomes in the ledger, a finished set of figures) and decides
nothing about service; it knows nothing of HTTP or the command line.
"""

from stepladder.evaluation.compare import Comparison, compare_macro_f1, compare_scores
from stepladder.evaluation.judge import Judgement, Outlook, judge, stream, worth_more
from stepladder.evaluation.metrics import Answers, ClassScore, Scores, kind_of, rouge, score
from stepladder.evaluation.report import Chart, Figure, Report, Table
from stepladder.evaluation.routing import RoutingCurve, routing_curve
from stepladder.evaluation.spoil import WAYS, spoil

__all__ = [
    "WAYS",
    "Answers",
    "Chart",
    "ClassScore",
    "Comparison",
    "Figure",
    "Judgement",
    "Outlook",
    "Report",
    "RoutingCurve",
    "Scores",
    "Table",
    "compare_macro_f1",
    "compare_scores",
    "judge",
    "kind_of",
    "rouge",
    "routing_curve",
    "score",
    "spoil",
    "stream",
    "worth_more",
]
