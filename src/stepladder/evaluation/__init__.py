"""How good a candidate is and what a run has shown: judgements before money is spent, reports as one HTML file.

It judges from numbers that exist (out-of-fold guesses, outcomes in the ledger, a finished set of figures) and decides
nothing about service; it knows nothing of HTTP or the command line.
"""

from stepladder.evaluation.board import Entry, board_page, keep, read_board
from stepladder.evaluation.calibrated import Calibrated, calibrated
from stepladder.evaluation.compare import Comparison, compare_macro_f1, compare_ratios, compare_scores
from stepladder.evaluation.duel import PROMPT, VERDICTS, Duels, judged, kappa, questions
from stepladder.evaluation.exported import to_inspect, to_lm_eval
from stepladder.evaluation.judge import Judgement, Outlook, judge, stream, worth_more
from stepladder.evaluation.metrics import Answers, ClassScore, Scores, kind_of, rouge, score
from stepladder.evaluation.prose import bleu, likeness, with_prose, word_f1
from stepladder.evaluation.report import Chart, Figure, Report, Table
from stepladder.evaluation.routing import RoutingCurve, routing_curve
from stepladder.evaluation.spoil import WAYS, spoil

__all__ = [
    "PROMPT",
    "VERDICTS",
    "WAYS",
    "Answers",
    "Calibrated",
    "Chart",
    "ClassScore",
    "Comparison",
    "Duels",
    "Entry",
    "Figure",
    "Judgement",
    "Outlook",
    "Report",
    "RoutingCurve",
    "Scores",
    "Table",
    "bleu",
    "board_page",
    "calibrated",
    "compare_macro_f1",
    "compare_ratios",
    "compare_scores",
    "judge",
    "judged",
    "kappa",
    "keep",
    "kind_of",
    "likeness",
    "questions",
    "read_board",
    "rouge",
    "routing_curve",
    "score",
    "spoil",
    "stream",
    "to_inspect",
    "to_lm_eval",
    "with_prose",
    "word_f1",
    "worth_more",
]
