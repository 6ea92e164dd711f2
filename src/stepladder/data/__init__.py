"""Examples for training: gathered from the ledger, cleaned, and frozen into a dataset named by its hash.

Also reads logs that others wrote (`read_log`). It knows nothing of recipes, thresholds or rollouts, and never decides
when to fit: it turns rows into examples, the same ones for the same rows.
"""

from stepladder.data.gather import clean, freeze, gather
from stepladder.data.log import FieldNames, Log, LogRow, Skipped, iterate_log, read_log

__all__ = ["FieldNames", "Log", "LogRow", "Skipped", "clean", "freeze", "gather", "iterate_log", "read_log"]
