"""Examples for training: gathered from the ledger, cleaned, and frozen into a dataset named by its hash.

Also reads logs that others wrote (`read_log`), and finds the tasks in plain traffic (`discover`). It knows nothing of
recipes, thresholds or rollouts, and never decides when to fit: it turns rows into examples, the same ones for the same rows.
"""

from stepladder.data.advice import Advice, Fit, Problem, Traits, advise, traits_described, traits_of
from stepladder.data.answers import AnswerKind, Kind, recognise, recognise_answer
from stepladder.data.discover import Discovery, Found, discover
from stepladder.data.duplicates import Duplicates, find_contamination, find_duplicates
from stepladder.data.errors import Suspect, find_label_errors
from stepladder.data.exchange import Exchange, Exchanges, read_exchanges, span_days
from stepladder.data.gather import clean, freeze, gather
from stepladder.data.log import FieldNames, Log, LogRow, Skipped, iterate_log, read_log
from stepladder.data.rowfile import RowFile, write_rows
from stepladder.data.templates import Template

__all__ = [
    "Advice",
    "AnswerKind",
    "Discovery",
    "Duplicates",
    "Exchange",
    "Exchanges",
    "FieldNames",
    "Fit",
    "Found",
    "Kind",
    "Log",
    "LogRow",
    "Problem",
    "RowFile",
    "Skipped",
    "Suspect",
    "Template",
    "Traits",
    "advise",
    "clean",
    "discover",
    "find_contamination",
    "find_duplicates",
    "find_label_errors",
    "freeze",
    "gather",
    "iterate_log",
    "read_exchanges",
    "read_log",
    "recognise",
    "recognise_answer",
    "span_days",
    "traits_described",
    "traits_of",
    "write_rows",
]
