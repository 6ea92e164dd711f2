"""Judging rungs and ladders, and showing what was found: reports that are one HTML file with plots.

It knows nothing of HTTP, the command line or how a rung was made; it is given predictions and truths, or a
finished set of figures.
"""

from stepladder.evaluation.report import Chart, Figure, Report, Table

__all__ = ["Chart", "Figure", "Report", "Table"]
