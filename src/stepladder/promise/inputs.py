"""Checks of what comes into the room, so that a bad number is named instead of becoming a wrong promise."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stepladder.core import StepladderError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class InvalidPromiseInput(StepladderError, ValueError):
    """A number or sample that no promise can be computed from.

    `field` is the argument's name, `value` what it held and `remedy` what to pass instead.
    """

    code = "bad_promise_input"

    def __init__(self, field: str, value: object, remedy: str) -> None:
        super().__init__(f"{field} = {value!r}:", remedy=remedy, param=field)
        self.field, self.value = field, value


def open_unit(field: str, value: float) -> float:
    """`value` as a float strictly between 0 and 1."""
    if not 0.0 < value < 1.0:
        raise InvalidPromiseInput(field, value, "give a number strictly between 0 and 1")
    return float(value)


def probability(field: str, value: float) -> float:
    """`value` as a float in [0, 1]."""
    if not 0.0 <= value <= 1.0:
        raise InvalidPromiseInput(field, value, "give a number from 0 to 1")
    return float(value)


def count(field: str, value: int, least: int = 0) -> int:
    """`value` as an int of at least `least`."""
    if not math.isfinite(value) or int(value) != value or value < least:
        raise InvalidPromiseInput(field, value, f"give a whole number of at least {least}")
    return int(value)


def error_budget(target: float) -> Fraction:
    """The share 1 - target that may disagree, exactly as its owner wrote it.

    0.9 is no binary fraction: (1 - 0.9) * 2500 is 249.99999999999994 and its floor loses one allowed error.
    The decimal that Python prints is what was meant, so the budget is computed from it in rationals.
    """
    if not 0.5 <= target <= 1.0:
        raise InvalidPromiseInput("target", target, "give the promised share of agreement, from 0.5 to 1")
    return 1 - Fraction(repr(float(target)))


def scored_sample(scores: ArrayLike, wrong: ArrayLike) -> tuple[Floats, Flags]:
    """Confidences and disagreements as two arrays of shape (m,): finite floats and booleans."""
    checked = np.asarray(scores, dtype=np.float64)
    errors = np.asarray(wrong)
    if checked.ndim != 1:
        raise InvalidPromiseInput("scores", f"array of shape {checked.shape}", "give one score a question")
    if errors.shape != checked.shape:
        remedy = f"give one true/false for each of the {checked.size} scores"
        raise InvalidPromiseInput("wrong", f"array of shape {errors.shape}", remedy)
    finite = np.isfinite(checked)
    if not finite.all():
        where = int(np.argmin(finite))
        remedy = "give finite scores, or leave the question out of the sample before it is drawn"
        raise InvalidPromiseInput(f"scores[{where}]", float(checked[where]), remedy)
    odd = (errors != 0) & (errors != 1)
    if odd.any():
        where = int(np.argmax(odd))
        raise InvalidPromiseInput(f"wrong[{where}]", errors[where].item(), "give true or false (1 or 0)")
    return checked, errors.astype(np.bool_)
