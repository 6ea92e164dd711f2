"""Are confidences what they say? Those of answers that were right or wrong, by three figures and a curve.

The expected calibration error is over bins of equal size (Naeini et al. 2015, "Obtaining well calibrated probabilities using
Bayesian binning"; equal size after Nguyen and O'Connor 2015, arXiv 1508.05154); the Brier score is the mean squared distance
of confidence and being right (Brier 1950).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_BINS = 10


@dataclass(frozen=True, slots=True)
class Calibrated:
    """`error` is the mean distance of confidence and accuracy over bins of equal size, `over` how much surer the answers are
    than right on the whole, `brier` the squared distance; `curve` has (confidence, accuracy) of each bin."""

    error: float
    over: float
    brier: float
    curve: tuple[tuple[float, float], ...]


def calibrated(confidences: Sequence[float], right: Sequence[bool | float]) -> Calibrated:
    """Weigh the confidences of answers by whether each was right. Raises ValueError where there are not as many of both."""
    sure, true = np.asarray(confidences, np.float64), np.asarray(right, np.float64)
    if not len(sure) or sure.shape != true.shape:
        raise ValueError("each answer needs a confidence")
    order = np.argsort(sure, kind="stable")
    parts = np.array_split(order, min(_BINS, len(order)))
    curve = tuple((float(sure[part].mean()), float(true[part].mean())) for part in parts)
    error = sum(len(part) * abs(one - other) for part, (one, other) in zip(parts, curve, strict=True)) / len(
        sure
    )
    return Calibrated(
        float(error), float(sure.mean() - true.mean()), float(((sure - true) ** 2).mean()), curve
    )
