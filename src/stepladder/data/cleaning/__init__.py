"""Cleaning a file of rows: rules that mend, mask or take out, each counted, sampled and reversible."""

from stepladder.data.cleaning.language import Language, language_of
from stepladder.data.cleaning.repair import repair
from stepladder.data.cleaning.report import Cleaned, Counts, Sample, Tally
from stepladder.data.cleaning.rules import (
    Act,
    Boilerplate,
    Copies,
    Encoding,
    Guarded,
    Languages,
    Length,
    Markup,
    Outcome,
    Perplexity,
    Personal,
    Repetition,
    Rule,
)
from stepladder.data.cleaning.run import Job, clean_file, sample_of
from stepladder.data.cleaning.side import Aside, restore
from stepladder.data.cleaning.surprise import Surprise, outlying

__all__ = [
    "Act",
    "Aside",
    "Boilerplate",
    "Cleaned",
    "Copies",
    "Counts",
    "Encoding",
    "Guarded",
    "Job",
    "Language",
    "Languages",
    "Length",
    "Markup",
    "Outcome",
    "Perplexity",
    "Personal",
    "Repetition",
    "Rule",
    "Sample",
    "Surprise",
    "Tally",
    "clean_file",
    "language_of",
    "outlying",
    "repair",
    "restore",
    "sample_of",
]
