"""Rows made up by big models: other words, more of a kind, questions about documents, hard negatives, preferences.

Requests are put to models as in labelling; what comes back is filtered for form, for being new, for what its kind
promises, and for not being the test set. Every row says that it is synthetic, and which rows it was made from.
"""

from stepladder.data.synthesis.making import write_synthetic
from stepladder.data.synthesis.requests import synthesis_requests, synthesis_task
from stepladder.data.synthesis.wish import How, Material, Synthesised, Wish

__all__ = [
    "How",
    "Material",
    "Synthesised",
    "Wish",
    "synthesis_requests",
    "synthesis_task",
    "write_synthetic",
]
