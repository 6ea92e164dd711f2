"""From scores to honest probabilities: one slope for all classes and an offset for each, fitted by maximum likelihood.

With two classes this is Platt scaling (Platt 1999), with more it is temperature scaling with class offsets (Guo et al.
2017, arXiv 1706.04599, "vector scaling" with a shared slope). It is smooth and strictly monotone, so it makes no ties:
ties would cost coverage when a threshold is certified.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Logits are slope * score + offsets, offsets of shape (classes,); `loss` is the mean log loss reached."""

    slope: float
    offsets: Array
    loss: float

    def probabilities(self, scores: Array) -> Array:
        """Return the softmax of the logits of `scores` (rows, classes)."""
        logits = self.slope * scores + self.offsets
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def calibrate(scores: Array, labels: NDArray[np.int64], *, rounds: int = 50) -> Calibration:
    """Fit to out-of-fold `scores` (rows, classes) and class numbers `labels` (rows,), by damped Newton steps.

    A weak prior (offsets near 0, slope near 1 / spread) keeps a handful of rows, or perfectly separated ones, from
    claiming certainty.
    """
    spread = max(float(scores.std()), 0.5)  # scores that hardly differ are no reason for a steep slope
    scaled = scores / spread
    theta = np.concatenate(([1.0], np.zeros(scores.shape[1])))
    loss = _loss(theta, scaled, labels)
    for _ in range(rounds):
        gradient, hessian = _slopes(theta, scaled, labels)
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while size > 1e-4 and _loss(theta - size * step, scaled, labels) > loss:
            size /= 2
        if size <= 1e-4:
            break
        theta = theta - size * step
        before, loss = loss, _loss(theta, scaled, labels)
        if before - loss < 1e-9 * max(1.0, loss):
            break
    # A slope of no or the wrong sign means that the scores say nothing: stay (just) monotone, near the base rates.
    slope = max(float(theta[0]), 1e-3) / spread
    found = Calibration(slope, theta[1:].copy(), 0.0)
    picked = found.probabilities(scores)[np.arange(labels.size), labels]
    return Calibration(slope, found.offsets, float(-np.log(np.maximum(picked, 1e-300)).mean()))


_PRIOR = 1.0


def _loss(theta: Array, scores: Array, labels: NDArray[np.int64]) -> float:
    logits = theta[0] * scores + theta[1:]
    peak = logits.max(axis=1)
    total = np.log(np.exp(logits - peak[:, None]).sum(axis=1)) + peak
    fit = (total - logits[np.arange(labels.size), labels]).sum()
    return float(fit + _PRIOR / 2 * ((theta[0] - 1) ** 2 + (theta[1:] ** 2).sum()))


def _slopes(theta: Array, scores: Array, labels: NDArray[np.int64]) -> tuple[Array, Array]:
    """Return gradient (1 + classes,) and Hessian of `_loss`."""
    logits = theta[0] * scores + theta[1:]
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    chance = odds / odds.sum(axis=1, keepdims=True)
    mean = (chance * scores).sum(axis=1, keepdims=True)
    error = chance.copy()
    error[np.arange(labels.size), labels] -= 1
    gradient = np.concatenate(([(error * scores).sum()], error.sum(axis=0)))
    gradient += _PRIOR * (theta - np.eye(1, theta.size)[0])
    hessian = np.empty((theta.size, theta.size))
    hessian[0, 0] = (chance * (scores - mean) ** 2).sum()
    hessian[0, 1:] = hessian[1:, 0] = (chance * (scores - mean)).sum(axis=0)
    hessian[1:, 1:] = np.diag(chance.sum(axis=0)) - chance.T @ chance
    hessian[np.diag_indices(theta.size)] += _PRIOR
    return gradient, hessian
