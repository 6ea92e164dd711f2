"""stepladder eval, as it is typed: a release and files of answers on the same rows."""

import json

import pytest

from tests.interaction.shell import Shell
from tests.interaction.test_data import write
from tests.interaction.test_releases import made  # noqa: F401 a fixture

ROWS = [
    {"input": f"{'lovely' if n % 2 else 'awful'} soup {n}", "answer": "good" if n % 2 else "bad"}
    for n in range(60)
]


def test_a_release_and_a_file_are_scored_and_compared(shell: Shell, made, tmp_path):  # noqa: F811
    write(tmp_path / "test.jsonl", ROWS)
    coins = [{**row, "answer": "good", "latency_ms": 40, "cost": 0.002} for row in reversed(ROWS)]
    write(tmp_path / "coin.jsonl", coins)
    words = ["eval", "test.jsonl", "--with", "coin.jsonl", "--with", made[0]]
    assert (
        shell(
            *words,
            "--robust",
            "--at-once",
            "4",
            "--price",
            "3600",
            "--draws",
            "300",
            "--json",
            "--html",
            "page.html",
        )
        == 0
    )
    found = json.loads(shell.out)
    coin, release = found["candidates"]
    assert coin["figures"]["accuracy"] == 0.5
    assert release["figures"]["accuracy"] == 1.0
    assert release["microseconds"] > 0
    assert 0 < release["milliseconds"]["median"] <= release["milliseconds"]["slowest_twentieth"]
    assert release["money_a_thousand"] > 0.5 * release["milliseconds"]["median"]
    assert coin["milliseconds"] == {"median": 40.0, "slowest_twentieth": 40.0}
    assert coin["money_a_thousand"] == pytest.approx(2.0)
    load = release["under_load"]
    assert 0 < load["median"] <= load["slow"]
    assert load["money"] == pytest.approx(1_000 / load["a_second"])
    assert coin["under_load"]["a_second"] is None
    assert release["calibration"]["over"] < 0  # all are right, and none is quite sure
    assert release["calibration"]["error"] == pytest.approx(-release["calibration"]["over"])
    assert coin["calibration"] is None
    assert release["spoilt"]["upper case"] == 1.0
    assert not coin["spoilt"]
    accuracy, macro = found["against_the_first"][made[0]]
    assert (accuracy["difference"], accuracy["significant"], macro["figure"]) == (0.5, True, "macro_f1")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert made[0] in page
    assert "Accuracy by confidence" in page
    assert "Under load" in page
    assert shell(*words, "--draws", "100") == 0
    assert shell.out.index(made[0]) < shell.out.index("coin.jsonl")
    assert shell(*words, "--draws", "100", "--allow-loss", "0") == 0
    turned = ["eval", "test.jsonl", "--with", made[0], "--with", "coin.jsonl", "--draws", "100"]
    assert shell(*turned, "--allow-loss", "0.4") == 1
    assert shell(*turned, "--allow-loss", "0.6") == 0


def test_answers_that_are_missing_and_wrong_words_are_named(shell: Shell, tmp_path):
    write(tmp_path / "test.jsonl", ROWS)
    write(tmp_path / "half.jsonl", ROWS[:50])
    assert shell("eval", "test.jsonl", "--with", "half.jsonl") == 2
    assert "10 of the questions, the first on line 51" in shell.err
    assert shell("eval", "test.jsonl", "--with", "nobody") == 2
    assert "release list" in shell.err
    assert shell("eval", "test.jsonl", "--with", "test.jsonl", "--kind", "prose") == 2
    assert "--kind" in shell.err
    assert shell("eval", "test.jsonl", "--with", "test.jsonl", "--draws", "3") == 2
    assert shell("eval", "test.jsonl", "--with", "test.jsonl", "--at-once", "-1") == 2
    assert "--at-once" in shell.err
