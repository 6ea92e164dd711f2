"""The audit's coin: fair, the same everywhere, nested in its chance, and different for another secret."""

import pytest

from stepladder.promise import InvalidPromiseInput, audited, binomial_cdf, binomial_test_greater

IDS = [f"req-{number:05d}" for number in range(20_000)]
EXPECTED = [12, 14, 23, 24, 27, 31]  # of 40 at a chance of 0.2


@pytest.mark.parametrize("chance", [0.01, 0.3, 0.9])
def test_the_share_audited_is_the_chance(chance):
    heads = sum(audited(request, chance, "secret") for request in IDS)
    assert binomial_test_greater(heads, len(IDS), chance) > 1e-4
    assert binomial_cdf(heads, len(IDS), chance) > 1e-4


def test_the_coin_is_fixed_by_id_and_secret():
    """A literal outcome: a worker of another version or machine must throw the same."""
    assert [number for number in range(40) if audited(f"req-{number}", 0.2, "secret")] == EXPECTED
    other = [number for number in range(40) if audited(f"req-{number}", 0.2, "another")]
    assert other != EXPECTED


def test_a_larger_chance_audits_the_same_and_more():
    few = {request for request in IDS[:2000] if audited(request, 0.1, "s")}
    many = {request for request in IDS[:2000] if audited(request, 0.4, "s")}
    assert few < many
    assert not any(audited(request, 0.0, "s") for request in IDS)
    assert all(audited(request, 1.0, "s") for request in IDS)


def test_long_and_chinese_secrets_and_ids_work():
    assert audited("请求", 1.0, "密" * 100)


def test_bad_input_is_named():
    with pytest.raises(InvalidPromiseInput, match="seed"):
        audited("a", 0.5, "")
    with pytest.raises(InvalidPromiseInput, match="chance"):
        audited("a", 1.5, "s")
