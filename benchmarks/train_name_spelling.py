"""Fit the weights of `stepladder.privacy.spelling`: is a word spelled like a person's name?

    pip install faker mnemonic && python benchmarks/train_name_spelling.py

Names are those of Faker's person providers (MIT). Other words are Faker's English jobs, words, companies, countries and colours
(MIT), mnemonic's English word list (MIT) and the lower-case words of the docstrings of Python's own library (PSF).
A tenth of the words is held out; the figures are printed and written to benchmarks/results/name_spelling.json.
"""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
import re
import sysconfig
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stepladder.privacy import spelling

ROOT = Path(__file__).resolve().parent.parent
WORD = re.compile(r"[^\W\d_]{2,}(?:['’][^\W\d_]+)?")
EPOCHS = 6


def main() -> None:
    """Fit, measure, write."""
    names, others = name_words(), other_words()
    others -= names & {word for word in others if len(word) > 3}
    rng = np.random.default_rng(0)
    rows = [(word, 1) for word in sorted(names)] + [(word, 0) for word in sorted(others)]
    order = rng.permutation(len(rows))
    held, taught = order[: len(rows) // 10], order[len(rows) // 10 :]
    judge = fit([rows[i] for i in taught], rng)
    figures = {"names": len(names), "others": len(others), **accuracy(judge, [rows[i] for i in held])}
    print(figures)
    (ROOT / "benchmarks/results/name_spelling.json").write_text(json.dumps(figures, indent=1) + "\n")
    shipped = np.clip(np.rint(fit(rows, rng) * spelling.SCALE), -127, 127).astype(np.int8)
    (ROOT / "src/stepladder/privacy/spelling.bin").write_bytes(shipped.tobytes())


def name_words() -> set[str]:
    """Every word of every given and family name that Faker has."""
    found: set[str] = set()
    for provider in _providers("person"):
        for attribute in dir(provider):
            if re.match(r"(first_names?|last_names?)(_|$)", attribute) and not callable(
                getattr(provider, attribute)
            ):
                found |= _words(getattr(provider, attribute))
    return {word for word in found if len(word) > 1}


def other_words() -> set[str]:
    """Words that are no names: of jobs, firms, countries, plain English; towns are spelled like names."""
    found: set[str] = set()
    wanted = {
        "job": ("jobs",),
        "lorem": ("word_list",),
        "company": ("catch_phrase_words", "bsWords", "company_suffixes"),
        "address": ("countries", "street_suffixes", "city_suffixes"),
        "color": ("all_colors",),
    }
    for kind, attributes in wanted.items():
        for provider in _providers(kind, "en"):
            for attribute in attributes:
                found |= _words(getattr(provider, attribute, ()))
    from mnemonic import Mnemonic

    return found | _words(Mnemonic("english").wordlist) | _docstring_words()


def _providers(kind: str, language: str = "") -> Iterator[type]:
    package = importlib.import_module(f"faker.providers.{kind}")
    yield package.Provider
    for module in pkgutil.iter_modules(package.__path__):
        if module.ispkg and module.name.startswith(language):
            yield importlib.import_module(f"faker.providers.{kind}.{module.name}").Provider


def _words(source: object) -> set[str]:
    """Return the Latin words anywhere in nested lists, tuples and dictionaries, in lower case."""
    if isinstance(source, str):
        return {word.lower() for word in WORD.findall(source) if ord(max(word)) < 0x250}
    if isinstance(source, dict):
        return _words(list(source.keys()))
    return set().union(*map(_words, source)) if isinstance(source, (list, tuple, set)) else set()


def _docstring_words() -> set[str]:
    counted: Counter[str] = Counter()
    for file in Path(sysconfig.get_path("stdlib")).glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8", errors="replace"))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                counted.update(re.findall(r"(?<![\w.])[a-z]{3,}(?![\w(.])", ast.get_docstring(node) or ""))
    return {word for word, count in counted.items() if count >= 2}


def fit(rows: list[tuple[str, int]], rng: np.random.Generator) -> NDArray[np.float64]:
    """Logistic regression with AdaGrad, both classes weighing the same; a word's n-grams share one unit of length."""
    weights, squares = np.zeros(1 << spelling.BITS), np.full(1 << spelling.BITS, 1e-4)
    places = [np.array(spelling.buckets(word)) for word, _ in rows]
    share = sum(label for _, label in rows) / len(rows)
    for _ in range(EPOCHS):
        for i in rng.permutation(len(rows)):
            at, label = places[i], rows[i][1]
            size = 1 / np.sqrt(at.size)
            guess = 1 / (1 + np.exp(-weights[at].sum() * size))
            slope = (guess - label) * size * (0.5 / share if label else 0.5 / (1 - share)) + 2e-5 * weights[
                at
            ]
            squares[at] += slope * slope
            weights[at] -= 0.3 * slope / np.sqrt(squares[at])
    return weights


def accuracy(weights: NDArray[np.float64], rows: list[tuple[str, int]]) -> dict[str, float]:
    """Return the share of names and of other words that are told right."""
    right: dict[int, list[bool]] = {0: [], 1: []}
    for word, label in rows:
        right[label].append((weights[np.array(spelling.buckets(word))].sum() > 0) == bool(label))
    return {
        "names_right": round(float(np.mean(right[1])), 4),
        "others_right": round(float(np.mean(right[0])), 4),
    }


if __name__ == "__main__":
    main()
