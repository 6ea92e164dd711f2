"""The stream's student learns from what has come, from unlabelled texts too, and from nothing else."""

import random

import numpy as np
import pytest

from stepladder.training import StreamSettings, StreamStudent
from stepladder.training.dual import Rows
from stepladder.training.latent import directions, least_squares, project

_LETTERS = random.Random(0)
GOOD, BAD, PLAIN = (
    ["".join(_LETTERS.choices("abcdefghijklmnoprstuvwz", k=6)) for _ in range(size)] for size in (40, 40, 60)
)


def texts(count, seed=0, classes=(GOOD, BAD)):
    draw = random.Random(seed)
    found = []
    for _ in range(count):
        label = draw.randrange(len(classes))
        words = draw.choices(classes[label], k=4) + draw.choices(PLAIN, k=6)
        draw.shuffle(words)
        found.append((" ".join(words), str(label)))
    return found


def run(rows, told, settings=None):
    """Share right among the last 200, the first `told` rows being labelled."""
    student, right = StreamStudent(settings, seed=1), []
    for at, (text, label) in enumerate(rows):
        number = student.see(text)
        chances = student.probabilities(number)
        if chances is not None:
            right.append(student.classes[int(chances.argmax())] == label)
        if told(at):
            student.learn(number, label)
    return float(np.mean(right[-200:]))


def test_it_learns_two_classes_and_five():
    assert run(texts(600), lambda at: at < 300) > 0.97
    five = [[f"{name}{i}" for i in range(10)] for name in "vwxyz"]
    assert run(texts(700, classes=five), lambda at: at < 400) > 0.95


def test_unlabelled_texts_help_when_labels_are_few():
    def told(at):
        return at < 20 or 600 <= at < 605

    rows = texts(900, seed=3)
    without = run(rows, told, StreamSettings(rank=0, own=0.0))
    assert run(rows, told, StreamSettings(rank=10)) > without + 0.02


def test_no_opinion_before_two_classes_are_known():
    student = StreamStudent(StreamSettings(first=5))
    for at in range(30):
        number = student.see(f"text {at}")
        assert student.probabilities(number) is None
        student.learn(number, "only")
    number = student.see("another thing")
    student.learn(number, "second")
    chances = student.probabilities(student.see("text 3"))
    assert student.classes == ["only", "second"]
    assert chances.sum() == pytest.approx(1.0)


def test_a_class_that_comes_up_later_is_learnt():
    student = StreamStudent(StreamSettings(first=20, growth=1.1), seed=0)
    late = [(f"new{i % 7} new{i % 5}", "2") for i in range(60)]
    for text, label in texts(200) + late:
        number = student.see(text)
        chances = student.probabilities(number)
        if chances is not None:
            assert chances.size == len(student.classes)
        student.learn(number, label)
    chances = student.probabilities(student.see("new3 new1"))
    assert student.classes[int(chances.argmax())] == "2"


def test_nothing_depends_on_texts_that_have_not_come():
    """Two streams that differ only after row 150 say the same up to there."""
    said = []
    for seed in (8, 9):
        student, chances = StreamStudent(seed=4), []
        for text, label in texts(150, seed=5) + texts(50, seed=seed):
            number = student.see(text)
            chances.append(student.probabilities(number))
            student.learn(number, label)
        said.append(chances)
    for one, other in zip(said[0][:150], said[1][:150], strict=True):
        assert (one is None and other is None) or np.array_equal(one, other)


def test_old_texts_are_forgotten():
    student = StreamStudent(StreamSettings(memory=50), seed=0)
    for text, label in texts(200):
        student.learn(student.see(text), label)
    assert student._seen.numbers().tolist() == list(range(150, 200))
    assert len(student._seen.labels) == 50


def test_directions_are_the_leading_singular_ones():
    rng = np.random.default_rng(0)
    wide = (rng.standard_normal((80, 5)) * [9, 7, 5, 0.1, 0.1]) @ rng.standard_normal((5, 30))
    rows = Rows(np.tile(np.arange(30), 80), wide.astype(np.float32).ravel(), np.arange(30, 2401, 30), 30)
    basis = directions(rows, rng.standard_normal((30, 3)).astype(np.float32), passes=6)
    truth = np.linalg.svd(wide)[2][:3]
    assert np.linalg.norm(truth @ basis, axis=1) == pytest.approx(np.ones(3), abs=1e-3)
    assert project(rows, basis) == pytest.approx(wide @ basis, abs=1e-3)


def test_least_squares_is_the_normal_equations_solution():
    rng = np.random.default_rng(1)
    inputs, targets = rng.standard_normal((50, 3)).astype(np.float32), rng.choice([-1.0, 1.0], (50, 1))
    twice = rng.integers(1, 3, 50)
    found = least_squares(inputs, targets, twice.astype(np.float32), ridge=1e-9)
    repeated = np.repeat(np.column_stack((inputs, np.ones(50))), twice, axis=0)
    wanted = np.linalg.lstsq(repeated, np.repeat(targets, twice, axis=0), rcond=None)[0]
    assert found == pytest.approx(wanted, abs=1e-4)
