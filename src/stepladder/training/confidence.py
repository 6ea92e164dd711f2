"""From scores to honest probabilities, and from what is known of a guess to the chance that it is right.

*Pooling*: one slope for each model's scores, the same for all classes, and an offset for each class, fitted by maximum
likelihood. With one model and two classes this is Platt scaling (Platt 1999), with more classes temperature scaling with
class offsets (Guo et al. 2017, arXiv 1706.04599, "vector scaling" with a shared slope); with several models it is a
log-linear pool (Hinton 2002, "products of experts"). It is smooth, so it makes no ties: ties would cost coverage when a
threshold is certified.

*Deferral*: a logistic regression on features of a guess, whose starting point is the pooled probability itself.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Labels = NDArray[np.int64]

_PRIOR = 1.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """Logits are slope * score + offsets, offsets of shape (classes,); `loss` is the mean log loss reached."""

    slope: float
    offsets: Array
    loss: float

    def probabilities(self, scores: Array) -> Array:
        """Return the softmax of the logits of `scores` (rows, classes)."""
        return _softmax(self.slope * scores + self.offsets)


@dataclass(frozen=True, slots=True)
class Pool:
    """Logits are the sum of slopes (models,) * scores + offsets (classes,); `loss` is the mean log loss reached."""

    slopes: Array
    offsets: Array
    loss: float

    def probabilities(self, scores: Array) -> Array:
        """Return the softmax of the logits of `scores` (rows, models, classes)."""
        return _softmax(np.einsum("m,rmc->rc", self.slopes, scores) + self.offsets)


def calibrate(scores: Array, labels: Labels, *, rounds: int = 50) -> Calibration:
    """Fit to out-of-fold `scores` (rows, classes) and class numbers `labels` (rows,).

    A slope of no or the wrong sign means that the scores say nothing: it stays just above 0, near the base rates.
    """
    # Scores that hardly differ are no reason for a steep slope.
    spread = max(float(scores.std()), 0.5)
    found = pool(scores[:, None, :] / spread, labels, rounds=rounds)
    slope = max(float(found.slopes[0]), 1e-3) / spread
    kept = Calibration(slope, found.offsets, 0.0)
    return Calibration(slope, found.offsets, _mean_loss(kept.probabilities(scores), labels))


def pool(scores: Array, labels: Labels, *, rounds: int = 50) -> Pool:
    """Fit to out-of-fold `scores` (rows, models, classes) of spread about 1, and class numbers `labels` (rows,).

    A weak prior (offsets near 0, slopes near 1 / models) keeps a handful of rows, or perfectly separated ones, from
    claiming certainty.
    """
    models, classes = scores.shape[1:]
    prior = np.append(np.full(models, 1 / models), np.zeros(classes))

    def loss(theta: Array) -> float:
        logits = np.einsum("m,rmc->rc", theta[:models], scores) + theta[models:]
        peak = logits.max(axis=1)
        total = np.log(np.exp(logits - peak[:, None]).sum(axis=1)) + peak
        fit = (total - logits[np.arange(labels.size), labels]).sum()
        return float(fit + _PRIOR / 2 * ((theta - prior) ** 2).sum())

    theta = _newton(loss, lambda theta: _slopes(theta, scores, labels, prior), prior, rounds)
    found = Pool(theta[:models].copy(), theta[models:].copy(), 0.0)
    return Pool(found.slopes, found.offsets, _mean_loss(found.probabilities(scores), labels))


@dataclass(frozen=True, slots=True)
class Deferral:
    """The chance that a guess is right is 1 / (1 + exp(-(weights . features + bias))), weights (features,)."""

    weights: Array
    bias: float

    def chances(self, features: Array) -> Array:
        """Return the chance that each guess is right, (rows,), from features (rows, features)."""
        return np.asarray(1 / (1 + np.exp(-np.clip(features @ self.weights + self.bias, -500, 500))))


def defer(features: Array, right: NDArray[np.bool_], *, rounds: int = 50) -> Deferral:
    """Fit to features (rows, features) of out-of-fold guesses and whether they were `right` (rows,).

    The first feature is the logit of a calibrated probability: the prior says that it is to be believed as it is and
    that the others, brought to unit spread, say nothing.
    """
    centre, spread = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-6)
    centre[0], spread[0] = 0.0, 1.0
    rows = np.column_stack(((features - centre) / spread, np.ones(len(features))))
    prior = np.zeros(rows.shape[1])
    prior[0] = 1.0

    def loss(theta: Array) -> float:
        logits = rows @ theta
        return float((np.logaddexp(0, logits) - right * logits).sum() + ((theta - prior) ** 2).sum())

    def slopes(theta: Array) -> tuple[Array, Array]:
        chance = 1 / (1 + np.exp(-np.clip(rows @ theta, -500, 500)))
        gradient = rows.T @ (chance - right) + 2 * (theta - prior)
        hessian = (rows * (chance * (1 - chance))[:, None]).T @ rows + 2 * np.eye(theta.size)
        return gradient, hessian

    theta = _newton(loss, slopes, prior, rounds)
    weights = theta[:-1] / spread
    return Deferral(weights, float(theta[-1] - weights @ centre))


def _newton(
    loss: Callable[[Array], float], slopes: Callable[[Array], tuple[Array, Array]], start: Array, rounds: int
) -> Array:
    """Damped Newton steps on a convex loss."""
    theta, value = start, loss(start)
    for _ in range(rounds):
        gradient, hessian = slopes(theta)
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while size > 1e-4 and loss(theta - size * step) > value:
            size /= 2
        if size <= 1e-4:
            break
        theta = theta - size * step
        before, value = value, loss(theta)
        if before - value < 1e-9 * max(1.0, value):
            break
    return theta


def _slopes(theta: Array, scores: Array, labels: Labels, prior: Array) -> tuple[Array, Array]:
    """Return gradient (models + classes,) and Hessian of a pool's loss."""
    models = scores.shape[1]
    chance = _softmax(np.einsum("m,rmc->rc", theta[:models], scores) + theta[models:])
    mean = np.einsum("rc,rmc->rm", chance, scores)[:, :, None]
    error = chance.copy()
    error[np.arange(labels.size), labels] -= 1
    gradient = np.append(np.einsum("rc,rmc->m", error, scores), error.sum(axis=0))
    gradient += _PRIOR * (theta - prior)
    pulled = chance[:, None, :] * (scores - mean)
    hessian = np.empty((theta.size, theta.size))
    hessian[:models, :models] = np.einsum("rmc,rnc->mn", pulled, scores - mean)
    hessian[:models, models:] = pulled.sum(axis=0)
    hessian[models:, :models] = hessian[:models, models:].T
    hessian[models:, models:] = np.diag(chance.sum(axis=0)) - chance.T @ chance
    hessian[np.diag_indices(theta.size)] += _PRIOR
    return gradient, hessian


def _softmax(logits: Array) -> Array:
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def _mean_loss(chances: Array, labels: Labels) -> float:
    picked = chances[np.arange(labels.size), labels]
    return float(-np.log(np.maximum(picked, 1e-300)).mean())
