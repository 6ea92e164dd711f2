"""Labelling in bulk by big models: journalled, within a budget, gone on with after any end, several teachers and a vote."""

from stepladder.data.labelling.ask import Asked, Questions, Teacher, Terms, ask_all
from stepladder.data.labelling.bulk import BulkLabelling, Estimate, Labelled
from stepladder.data.labelling.journal import Journal, Known, Line
from stepladder.data.labelling.vote import Consistency, Trust, Vote, votes

__all__ = [
    "Asked",
    "BulkLabelling",
    "Consistency",
    "Estimate",
    "Journal",
    "Known",
    "Labelled",
    "Line",
    "Questions",
    "Teacher",
    "Terms",
    "Trust",
    "Vote",
    "ask_all",
    "votes",
]
