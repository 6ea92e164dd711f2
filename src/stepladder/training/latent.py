"""Directions in which seen texts vary most: what words have in common, learnt without any label.

Latent semantic analysis (Deerwester et al. 1990) by subspace iteration (Halko et al. 2011, arXiv 0909.4061), started
from the directions found last time, so that a growing set of texts needs one pass at a time. It knows nothing of text.
"""

import numpy as np

from stepladder.training.dual import Floats, Rows


def directions(rows: Rows, start: Floats, *, passes: int = 1) -> Floats:
    """Return an orthonormal basis (width, rank) near the leading right singular vectors of `rows`.

    `start` (width, rank) is any matrix of full rank; the closer it is, the fewer `passes` are needed.
    """
    parts = rows.split()
    basis = start
    for _ in range(passes):
        mixed = np.stack([values @ basis.take(columns, axis=0) for columns, values in parts])
        basis = np.zeros_like(start)
        for (columns, values), row in zip(parts, mixed, strict=True):
            basis[columns] += values[:, None] * row
        basis = np.linalg.qr(basis)[0]
    return basis


def project(rows: Rows, basis: Floats) -> Floats:
    """Return the rows in the coordinates of `basis`, shape (rows, rank)."""
    return np.stack([values @ basis.take(columns, axis=0) for columns, values in rows.split()])


def least_squares(inputs: Floats, targets: Floats, weights: Floats, ridge: float) -> Floats:
    """Return (inputs + 1, columns) weights, the last row a bias, that fit `targets` (rows, columns) of -1 and +1.

    Row i counts `weights[i]` times; the bias is not shrunk.
    """
    wide = np.column_stack((inputs, np.ones(len(inputs), np.float32))).astype(np.float64)
    weighted = wide * weights[:, None]
    shrink = np.full(wide.shape[1], ridge)
    shrink[-1] = 1e-9
    return np.linalg.solve(weighted.T @ wide + np.diag(shrink), weighted.T @ targets).astype(np.float32)
