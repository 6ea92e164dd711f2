"""Linear support vector machines with squared hinge loss, many at once, by dual coordinate descent in numpy.

The method is Hsieh et al. 2008, "A dual coordinate descent method for large-scale linear SVM" (LIBLINEAR's solver 1).
All machines see the same sparse rows, so one visit of a row updates all of them: folds, strengths of regularisation
and classes are columns of one array, and the cost of a Python loop over rows is paid once. It knows nothing of text.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stepladder.training.points import Points

Floats = NDArray[np.float32]
_LOOK = 4  # passes between two looks at how good the optimum is


@dataclass(frozen=True, slots=True)
class Rows:
    """Sparse rows: row i has `values[ends[i-1]:ends[i]]` in the columns `columns[...]`, no column twice."""

    columns: NDArray[np.int64]
    values: Floats
    ends: NDArray[np.int64]
    width: int

    def __len__(self) -> int:
        return self.ends.size

    def split(self) -> list[tuple[NDArray[np.int64], Floats]]:
        """Return (columns, values) of each row, as views."""
        cuts = self.ends[:-1].tolist()
        return list(zip(np.split(self.columns, cuts), np.split(self.values, cuts), strict=True))


@dataclass(frozen=True, slots=True)
class Solution:
    """Weights (width, machines), scores of all rows (rows, machines), and how good the optimum is.

    `gap` is the largest relative duality gap, (primal - dual) / primal, of any machine: a proof of convergence that
    needs no trust in the solver. `epochs` is the number of passes.
    """

    weights: Floats
    scores: Floats
    gap: float
    epochs: int


@dataclass(frozen=True, slots=True)
class Machines:
    """What each machine learns: `signs` (rows, machines) is +1, -1, or 0 where it must not see the row.

    `cost` is C, of shape (machines,), or (rows, machines) where some rows count more than others. `scale`
    (width, machines) multiplies the features of each machine, None for all ones.
    """

    signs: Floats
    cost: Floats
    scale: Floats | None = None


def solve(
    rows: Rows,
    machines: Machines,
    rng: np.random.Generator,
    *,
    gap: float = 0.02,
    epochs: int = 60,
    points: Points | None = None,
) -> Solution:
    """Minimise |w|^2 / 2 + C * sum max(0, 1 - sign * w.x)^2 for every machine, until its duality gap is at most `gap`.

    Weights come back multiplied by the machine's scale, so that they apply to the unscaled rows. With `points` it goes on
    where it was stopped.
    """
    signs, squares = machines.signs, None if machines.scale is None else machines.scale**2
    seen = np.abs(signs)
    ridge = (seen / (2 * machines.cost)).astype(np.float32)
    step = (seen / (_diagonal(rows, squares) + 0.5 / machines.cost)).astype(np.float32)
    weights = np.zeros((rows.width, signs.shape[1]), np.float32)
    dual = np.zeros_like(signs)
    parts = rows.split()
    done = 0
    state = None if points is None else points.state(rng)
    if state is not None:
        weights, dual, done = state["weights"], state["dual"], int(state["done"])
    while True:
        if done and done % _LOOK == 0:
            scores = _scores(parts, weights)
            found = _relative_gap(scores, dual, machines)
            if done >= epochs or found <= gap:
                return Solution(weights, scores, found, done)
        _sweep(parts, rng.permutation(len(rows)), (weights, dual), (signs, ridge, step), squares)
        done += 1
        if points is not None:
            points.keep(rng, {"weights": weights, "dual": dual, "done": done})


def _sweep(
    parts: list[tuple[NDArray[np.int64], Floats]],
    order: NDArray[np.int64],
    state: tuple[Floats, Floats],
    problem: tuple[Floats, Floats, Floats],
    squares: Floats | None,
) -> None:
    """Visit every row once and move its dual variables to their optimum, the others held."""
    (weights, dual), (signs, ridge, step) = state, problem
    flat = weights.reshape(-1)
    for i in order.tolist():
        columns, values = parts[i]
        near, sign, old = weights.take(columns, axis=0), signs[i], dual[i]
        new = np.maximum(old - (sign * (values @ near) - 1 + old * ridge[i]) * step[i], 0)
        change = (new - old) * sign
        moved = np.flatnonzero(change)
        if 4 * moved.size < change.size:  # with many classes nearly all machines agree already: touch few
            place = (columns * change.size)[:, None] + moved
            move = values[:, None] * change[moved]
            flat[place] += move if squares is None else move * squares.take(place)
        else:
            move = values[:, None] * change
            near += move if squares is None else move * squares.take(columns, axis=0)
            weights[columns] = near
        dual[i] = new


def _scores(parts: list[tuple[NDArray[np.int64], Floats]], weights: Floats) -> Floats:
    return np.stack([values @ weights.take(columns, axis=0) for columns, values in parts])


def _diagonal(rows: Rows, squares: Floats | None) -> Floats:
    """Return |x|^2 of every row as each machine sees it, shape (rows, machines) or (rows, 1)."""
    parts = rows.split()
    if squares is None:
        return np.array([[values @ values] for _, values in parts], np.float32)
    return np.stack([(values**2) @ squares.take(columns, axis=0) for columns, values in parts])


def _relative_gap(scores: Floats, dual: Floats, machines: Machines) -> float:
    """Return the largest (primal - dual) / primal; |w|^2 is sum of dual * sign * score at any dual point."""
    margins = machines.signs * scores
    norm = (dual * margins).sum(axis=0, dtype=np.float64)
    misses = machines.cost * np.abs(machines.signs) * np.maximum(1 - margins, 0) ** 2
    loss = misses.sum(axis=0, dtype=np.float64)
    primal = norm / 2 + loss
    value = dual.sum(axis=0, dtype=np.float64) - norm / 2
    value -= (dual.astype(np.float64) ** 2 / (4 * machines.cost)).sum(axis=0)
    return float(((primal - value) / np.maximum(primal, 1e-12)).max())
