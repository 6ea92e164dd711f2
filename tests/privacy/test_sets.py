"""The made Chinese sentences of the benchmark: how much is found of each kind, on the families that nothing was tuned on."""

import pytest

from benchmarks.privacy import measure
from benchmarks.privacy_sentences import sentences


@pytest.mark.parametrize("family", ["test", "blind", "fresh"])
def test_personal_data_in_chinese_sentences(family):
    figures = measure((one.text, set(one.spans)) for one in sentences(family, 7, 2_000))
    kinds = set(figures) - {"all"}
    assert len(kinds) >= 12
    assert figures["all"]["f1"] >= 0.97
    assert figures["person"]["f1"] >= 0.95
