"""Fit the small network that judges what texts mean: one hidden layer, Adam (Kingma and Ba 2014, arXiv 1412.6980), in numpy."""

import numpy as np
from numpy.typing import NDArray

from stepladder.safety import Network

Floats = NDArray[np.float32]
_EPOCHS = 40
_BATCH = 64
_RATE, _DECAY = 3e-3, 1e-3
_ONE, _TWO = 0.9, 0.999


def fit_network(vectors: Floats, bad: NDArray[np.bool_], *, hidden: int, seed: int = 0) -> Network:
    """Fit to vectors (rows, dimensions) and whether each row is bad; the same rows give the same network.

    `hidden` is how many units the hidden layer has.
    """
    centre = vectors.mean(axis=0)
    rows = vectors - centre
    length = np.float32(np.sqrt((rows**2).sum(axis=1)).mean())
    rows, wanted = (rows / length).astype(np.float32), bad.astype(np.float32)
    rng = np.random.default_rng(seed)
    weights = [
        (rng.normal(0, 2 / np.sqrt(rows.shape[1]), (rows.shape[1], hidden))).astype(np.float32),
        np.zeros(hidden, np.float32),
        rng.normal(0, 1 / np.sqrt(hidden), hidden).astype(np.float32),
        np.zeros(1, np.float32),
    ]
    first = [np.zeros_like(table) for table in weights]
    second = [np.zeros_like(table) for table in weights]
    step = 0
    for epoch in range(_EPOCHS):
        order = rng.permutation(len(rows))
        rate = _RATE * (1 - epoch / _EPOCHS)
        for start in range(0, len(rows), _BATCH):
            batch = order[start : start + _BATCH]
            step += 1
            for number, slope in enumerate(_slopes(weights, rows[batch], wanted[batch])):
                first[number] = _ONE * first[number] + (1 - _ONE) * slope
                second[number] = _TWO * second[number] + (1 - _TWO) * slope**2
                size = np.sqrt(second[number] / (1 - _TWO**step)) + 1e-8
                shrink = _DECAY * weights[number] if number in (0, 2) else 0.0
                move = rate * (first[number] / (1 - _ONE**step) / size + shrink)
                weights[number] = (weights[number] - move).astype(np.float32)
    return Network(
        centre.astype(np.float32), weights[0] / length, weights[1], weights[2], float(weights[3][0])
    )


def _slopes(weights: list[Floats], rows: Floats, wanted: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """The gradients of the mean log loss."""
    hidden = np.maximum(rows @ weights[0] + weights[1], 0)
    logits = np.clip(hidden @ weights[2] + weights[3][0], -30, 30)
    error = ((1 / (1 + np.exp(-logits)) - wanted) / len(rows)).astype(np.float32)
    back = np.outer(error, weights[2]) * (hidden > 0)
    return rows.T @ back, back.sum(axis=0), hidden.T @ error, error.sum(keepdims=True)
