"""Everything that can answer a question and say how sure it is.

Each rung answers from what it was given: an artefact's folder, a table of entries, an upstream's address. It knows
nothing of who asks, of promises, or of how it was trained.
"""

from stepladder.models.linear import Evidence, LinearModel, LinearRung

__all__ = ["Evidence", "LinearModel", "LinearRung"]
