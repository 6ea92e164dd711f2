"""Near-duplicates are found whatever was done to a copy, and what only looks alike is left alone."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.core import BadRequest
from stepladder.data import find_contamination, find_duplicates
from stepladder.data.duplicates import similarity

WORDS = [f"{a}{b}{c}" for a in "bdfglmn" for b in "aeiou" for c in ("ral", "sto", "vin", "ck", "the", "pon")]


def quiet(done, total, what):
    pass


def sentence(draw, words=14):
    return " ".join(draw.choices(WORDS, k=words))


def edited(text, draw):
    words = text.split(" ")
    at = draw.randrange(len(words) - 1)
    return draw.choice(
        [
            text.upper() + " !!",
            " ".join([*words[:at], *words[at + 1 :]]),
            " ".join([*words[:at], words[at + 1], words[at], *words[at + 2 :]]),
            text + " thanks",
            text.replace("a", "e", 1),
        ]
    )


def test_planted_copies_are_found_and_nothing_else():
    draw = random.Random(5)
    texts = [sentence(draw) for _ in range(3000)]
    sources = draw.sample(range(3000), 150)
    found = find_duplicates([*texts, *(edited(texts[at], draw) for at in sources)], quiet)
    right = sum(found.original[3000 + n] == at for n, at in enumerate(sources))
    assert right >= 0.95 * 150
    assert sum(copy < 3000 for copy in found.copies) <= 0.01 * 3000


def test_chinese_copies_in_other_writing_width_and_words():
    texts = [
        "这家店的物流非常快，包装也很好，下次还会再来购买",
        "這家店的物流非常快，包裝也很好，下次還會再來購買",
        "这家店的物流非常快，包装也很好，下次还会来购买的",
        "手机电池用了两天就坏了，客服态度也很差劲",
    ]
    assert find_duplicates(texts, quiet).original.tolist() == [0, 0, 0, 3]


def test_chains_do_not_join_what_differs():
    words = [f"word{number:02d}" for number in range(40)]
    texts = [" ".join(words[start : start + 20]) for start in range(0, 20, 2)]
    found = find_duplicates(texts, quiet, threshold=0.7)
    for copy in found.copies:
        first = found.original[copy]
        assert found.original[first] == first
        assert similarity(texts[copy], texts[first]) >= 0.7
    assert found.original[-1] != 0


def test_clusters_name_their_first_text():
    found = find_duplicates(["one and the same text", "another thing", "One and the same text!"] * 2, quiet)
    assert [cluster.tolist() for cluster in found.clusters()] == [[0, 2, 3, 5], [1, 4]]


def test_empty_texts_are_no_copies_of_each_other():
    assert find_duplicates(["", " ", "!!", "x"], quiet).copies.size == 0
    assert find_duplicates([], quiet).copies.size == 0


def test_contamination_names_training_rows_only():
    draw = random.Random(2)
    training, test = [sentence(draw) for _ in range(200)], [sentence(draw) for _ in range(50)]
    training[17], training[90] = test[3].upper(), edited(test[40], draw)
    training[120] = training[5]  # a copy within the training set is another matter
    assert find_contamination(training, test, quiet).tolist() == [17, 90]


def test_a_copy_of_a_test_text_that_is_itself_a_copy_is_contamination():
    words = [f"word{number:02d}" for number in range(30)]
    first, second, third = (" ".join(words[start : start + 20]) for start in (0, 3, 6))
    assert similarity(first, second) >= 0.6 <= similarity(second, third)
    assert similarity(first, third) < 0.6
    assert find_contamination(["another thing", third], [first, second], quiet).tolist() == [1]


@pytest.mark.parametrize("threshold", [0.0, 0.2, 1.1])
def test_a_threshold_that_bands_would_miss_is_refused(threshold):
    with pytest.raises(BadRequest, match="threshold"):
        find_duplicates(["a"], quiet, threshold=threshold)


@given(st.lists(st.text(alphabet="abc 你好", max_size=30), max_size=30))
def test_every_copy_points_to_an_earlier_text_that_stays(texts):
    original = find_duplicates(texts, quiet).original
    assert np.all(original <= np.arange(len(texts)))
    assert np.all(original[original] == original)
    seen = {}
    for at, text in enumerate(texts):
        if text.strip():
            assert original[at] <= seen.setdefault(text, at)
