"""Multinomial logistic regression on dense features, by limited-memory BFGS (Liu and Nocedal 1989) in numpy.

It knows nothing of texts. The objective is smooth and strictly convex, so the optimum is one point and the path to it
does not matter.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Array = NDArray[np.float64]
Objective = Callable[[Array], tuple[float, Array]]


@dataclass(frozen=True, slots=True)
class Head:
    """Scores are rows @ weights (features, classes) + bias (classes,)."""

    weights: Floats
    bias: Floats

    def scores(self, rows: Floats) -> Array:
        """Scores of rows (rows, features), shape (rows, classes)."""
        return np.asarray(rows @ self.weights + self.bias, np.float64)


def fit_head(
    rows: Floats, labels: NDArray[np.int64], classes: int, ridge: float, *, rounds: int = 150
) -> Head:
    """Minimise the mean log loss + ridge / 2 * |weights|^2 over rows (rows, features); the bias is free.

    `labels` (rows,) are class numbers below `classes`; a class without rows gets a low bias.
    """
    width = rows.shape[1]
    wanted = np.zeros((len(rows), classes), np.float32)
    wanted[np.arange(len(rows)), labels] = 1

    def objective(theta: Array) -> tuple[float, Array]:
        table = theta.reshape(width + 1, classes)
        weights = table[:-1].astype(np.float32)
        logits = rows @ weights + table[-1].astype(np.float32)
        logits -= logits.max(axis=1, keepdims=True)
        odds = np.exp(logits)
        total = odds.sum(axis=1, keepdims=True)
        loss = float((np.log(total[:, 0]) - logits[np.arange(len(rows)), labels]).mean(dtype=np.float64))
        error = (odds / total - wanted) / np.float32(len(rows))
        slope = np.vstack((rows.T @ error, error.sum(axis=0))).astype(np.float64)
        slope[:-1] += ridge * table[:-1]
        slope[-1] += 1e-4 * table[-1]
        value = loss + ridge / 2 * float((table[:-1] ** 2).sum()) + 5e-5 * float((table[-1] ** 2).sum())
        return value, slope.ravel()

    best = minimise(objective, np.zeros((width + 1) * classes), rounds=rounds)
    found = best.reshape(width + 1, classes).astype(np.float32)
    return Head(found[:-1], found[-1])


def minimise(objective: Objective, start: Array, *, rounds: int, memory: int = 10) -> Array:
    """The point where `objective` (value and gradient) is least, by L-BFGS with a backtracking line search."""
    point = start
    value, slope = objective(point)
    pairs: deque[tuple[Array, Array]] = deque(maxlen=memory)
    for _ in range(rounds):
        direction = -_two_loops(slope, pairs)
        fall = float(slope @ direction)
        size = 1.0 if pairs else 1.0 / max(float(np.abs(slope).sum()), 1.0)
        moved, new_value, new_slope = point, value, slope
        while size > 1e-10:
            moved = point + size * direction
            new_value, new_slope = objective(moved)
            if new_value <= value + 1e-4 * size * fall:
                break
            size /= 2
        step, turn = moved - point, new_slope - slope
        if float(step @ turn) > 1e-12:
            pairs.append((step, turn))
        done = value - new_value <= 1e-6 * max(abs(value), 1e-3)
        if new_value <= value:
            point, value, slope = moved, new_value, new_slope
        if done:
            break
    return point


def _two_loops(slope: Array, pairs: deque[tuple[Array, Array]]) -> Array:
    """The gradient times the inverse Hessian that the last steps suggest."""
    turned, kept = slope.copy(), []
    for step, turn in reversed(pairs):
        share = float(step @ turned) / float(step @ turn)
        turned -= share * turn
        kept.append(share)
    if pairs:
        step, turn = pairs[-1]
        turned *= float(step @ turn) / float(turn @ turn)
    for (step, turn), share in zip(pairs, reversed(kept), strict=True):
        turned += (share - float(turn @ turned) / float(step @ turn)) * step
    return turned
