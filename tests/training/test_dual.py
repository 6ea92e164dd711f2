"""The solver against what is known of its optimum."""

import numpy as np
import pytest

from stepladder.training.dual import Machines, Rows, solve


def sparse(dense):
    columns = [np.flatnonzero(row) for row in dense]
    return Rows(
        np.concatenate(columns),
        np.concatenate([row[at] for row, at in zip(dense, columns, strict=True)]).astype(np.float32),
        np.cumsum([at.size for at in columns]),
        dense.shape[1],
    )


def problem(seed=0, rows=80, width=30, machines=5):
    rng = np.random.default_rng(seed)
    dense = rng.normal(size=(rows, width)) * (rng.random((rows, width)) < 0.3)
    dense[:, 0] = 1
    signs = np.where(rng.random((rows, machines)) < 0.4, 1, -1).astype(np.float32)
    return dense, signs


def gradient(dense, weights, signs, cost):
    slack = np.maximum(1 - signs * (dense @ weights), 0) * np.abs(signs)
    return weights - 2 * cost * (dense.T @ (slack * signs))


@pytest.mark.parametrize("machines", [1, 5])
def test_the_gradient_is_nought_at_the_solution(machines):
    dense, signs = problem(machines=machines)
    cost = np.linspace(0.1, 3, machines).astype(np.float32)
    found = solve(sparse(dense), Machines(signs, cost), np.random.default_rng(1), gap=1e-6, epochs=2000)
    assert found.gap <= 1e-6
    at_nought = gradient(dense, np.zeros_like(found.weights), signs, cost)
    assert np.abs(gradient(dense, found.weights, signs, cost)).max() < 2e-3 * np.abs(at_nought).max()
    assert found.scores == pytest.approx(dense @ found.weights, abs=1e-4)


def test_a_hidden_row_has_no_influence():
    dense, signs = problem(machines=1)
    hidden = signs.copy()
    hidden[::2] = 0
    cost = np.ones(1, np.float32)
    with_hidden = solve(
        sparse(dense), Machines(hidden, cost), np.random.default_rng(0), gap=1e-6, epochs=2000
    )
    without = solve(
        sparse(dense[1::2]), Machines(signs[1::2], cost), np.random.default_rng(0), gap=1e-6, epochs=2000
    )
    assert with_hidden.weights == pytest.approx(without.weights, abs=2e-3)
    assert with_hidden.scores.shape == (80, 1)  # but it is scored


def test_scale_is_a_scaling_of_the_features():
    dense, signs = problem(machines=40)
    scale = np.random.default_rng(3).normal(size=(30, 40)).astype(np.float32)
    cost = np.full(40, 0.5, np.float32)
    scaled = solve(
        sparse(dense), Machines(signs, cost, scale), np.random.default_rng(0), gap=1e-6, epochs=4000
    )
    for k in (0, 17, 39):
        alone = solve(
            sparse(dense * scale[:, k]), Machines(signs[:, [k]], cost[[k]]), np.random.default_rng(0), gap=1e-6,
            epochs=4000,
        )  # fmt: skip
        assert scaled.weights[:, k] == pytest.approx(scale[:, k] * alone.weights[:, 0], abs=5e-3)


def test_a_few_disagreeing_machines_are_updated_like_many():
    """The shortcut for few moved machines gives what the plain update gives."""
    dense, _ = problem(machines=1)
    rare = -np.ones((80, 60), np.float32)
    rare[np.arange(60), np.arange(60)] = 1
    cost = np.ones(60, np.float32)
    together = solve(sparse(dense), Machines(rare, cost), np.random.default_rng(0), gap=1e-5, epochs=2000)
    assert np.abs(gradient(dense, together.weights, rare, cost)).max() < 0.05


def test_too_few_epochs_show_in_the_gap():
    dense, signs = problem()
    cost = np.full(5, 50, np.float32)
    found = solve(sparse(dense), Machines(signs, cost), np.random.default_rng(0), gap=1e-6, epochs=4)
    assert found.epochs == 4
    assert found.gap > 1e-3
