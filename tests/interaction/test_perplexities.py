"""stepladder perplexity, as it is typed: models of characters need no torch."""

import json

import numpy as np
import pytest

from stepladder.evaluation import compare_ratios
from tests.interaction.shell import Shell
from tests.interaction.test_data import write

SOUPS = [{"input": f"How was soup {n}?", "answer": f"The soup of day {n} was good."} for n in range(60)]
NOISE = [
    {"input": "x", "answer": "".join(map(chr, row))}
    for row in np.random.default_rng(0).integers(97, 123, (60, 30))
]


def test_the_better_model_of_held_out_answers_has_fewer_bits(shell: Shell, tmp_path):
    write(tmp_path / "held.jsonl", SOUPS[40:])
    write(tmp_path / "near.jsonl", SOUPS[:40])
    write(tmp_path / "far.jsonl", NOISE)
    words = ["perplexity", "held.jsonl", "--with", "ngrams:far.jsonl", "--with", "ngrams:near.jsonl"]
    assert shell(*words, "--json") == 0
    told = json.loads(shell.out)
    far, near = told["models"]
    assert told["rows"] == 20
    assert near["perplexity"] == pytest.approx(2 ** near["bits_a_byte"])  # a letter is a byte here
    assert near["bits_a_byte"] < 0.5 * far["bits_a_byte"]
    assert near["difference"] == pytest.approx(near["bits_a_byte"] - far["bits_a_byte"])
    assert near["interval"][0] < near["difference"] < near["interval"][1] < 0
    assert shell(*words) == 0
    assert "bits a byte" in shell.out


def test_what_is_no_model_is_named(shell: Shell, tmp_path):
    write(tmp_path / "held.jsonl", SOUPS)
    assert shell("perplexity", "held.jsonl", "--with", "nowhere") == 2
    assert "ngrams:FILE" in shell.err


def test_equal_ratios_do_not_differ():
    nats, sizes = [1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 2.0, 2.0]
    found = compare_ratios(nats, nats, sizes, draws=200)
    assert (found.difference, found.significant, found.first) == (0.0, False, pytest.approx(10 / 6))
    worse = compare_ratios(
        nats, [each + size for each, size in zip(nats, sizes, strict=True)], sizes, draws=200
    )
    assert (worse.difference, worse.low, worse.high) == (pytest.approx(1.0),) * 3
