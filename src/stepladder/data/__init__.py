"""Examples for training: gathered from the ledger, cleaned, and frozen into a dataset named by its hash.

Also reads logs that others wrote (`read_log`), and finds the tasks in plain traffic (`discover`). It knows nothing of
recipes, thresholds or rollouts, and never decides when to fit: it turns rows into examples, the same ones for the same rows.
"""

from stepladder.data.advice import Advice, Fit, Problem, Traits, advise, traits_described, traits_of
from stepladder.data.answers import AnswerKind, Kind, recognise, recognise_answer
from stepladder.data.cleaning import (
    Act,
    Boilerplate,
    Cleaned,
    Copies,
    Encoding,
    Guarded,
    Job,
    Language,
    Languages,
    Length,
    Markup,
    Perplexity,
    Personal,
    Repetition,
    Rule,
    clean_file,
    language_of,
    repair,
    restore,
    sample_of,
)
from stepladder.data.discover import Discovery, Found, discover
from stepladder.data.duplicates import Duplicates, find_contamination, find_duplicates, near_groups
from stepladder.data.errors import Suspect, find_label_errors
from stepladder.data.exchange import Exchange, Exchanges, read_exchanges, span_days
from stepladder.data.frozen import About, Difference, compare, freeze_folder, read_card
from stepladder.data.gather import clean, freeze, gather
from stepladder.data.gathering import (
    Gathered,
    Reading,
    Shape,
    Source,
    database_source,
    file_sources,
    gather_rows,
)
from stepladder.data.labelling import Asked, BulkLabelling, Estimate, Journal, Labelled, Teacher, Terms
from stepladder.data.log import FieldNames, Log, LogRow, Skipped, iterate_log, read_log
from stepladder.data.mix import Mixed, Mixture, mix
from stepladder.data.partition import By, Cut, split_rows, write_splits
from stepladder.data.rowfile import RowFile, write_rows
from stepladder.data.templates import Template
from stepladder.data.validate import Drift, Fault, Validity, validate

__all__ = [
    "About",
    "Act",
    "Advice",
    "AnswerKind",
    "Asked",
    "Boilerplate",
    "BulkLabelling",
    "By",
    "Cleaned",
    "Copies",
    "Cut",
    "Difference",
    "Discovery",
    "Drift",
    "Duplicates",
    "Encoding",
    "Estimate",
    "Exchange",
    "Exchanges",
    "Fault",
    "FieldNames",
    "Fit",
    "Found",
    "Gathered",
    "Guarded",
    "Job",
    "Journal",
    "Kind",
    "Labelled",
    "Language",
    "Languages",
    "Length",
    "Log",
    "LogRow",
    "Markup",
    "Mixed",
    "Mixture",
    "Perplexity",
    "Personal",
    "Problem",
    "Reading",
    "Repetition",
    "RowFile",
    "Rule",
    "Shape",
    "Skipped",
    "Source",
    "Suspect",
    "Teacher",
    "Template",
    "Terms",
    "Traits",
    "Validity",
    "advise",
    "clean",
    "clean_file",
    "compare",
    "database_source",
    "discover",
    "file_sources",
    "find_contamination",
    "find_duplicates",
    "find_label_errors",
    "freeze",
    "freeze_folder",
    "gather",
    "gather_rows",
    "iterate_log",
    "language_of",
    "mix",
    "near_groups",
    "read_card",
    "read_exchanges",
    "read_log",
    "recognise",
    "recognise_answer",
    "repair",
    "restore",
    "sample_of",
    "span_days",
    "split_rows",
    "traits_described",
    "traits_of",
    "validate",
    "write_rows",
    "write_splits",
]
