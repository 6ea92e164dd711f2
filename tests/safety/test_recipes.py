"""The shipped weights are those of the corpus in the repository, and do on rows left out what they are said to do."""

import json
import os
from pathlib import Path

import pytest

from recipes.guards.corpus import FOLDS, corpus, digest, fold_of, ours
from recipes.guards.fit import FALSE_ALARMS, HARD, sample
from recipes.guards.sources import Sources
from recipes.guards.templates import expand, ordinary, sections
from stepladder.safety.classifier import Classifier, shipped

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", params=["attacks", "harm"])
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def rows(kind):
    return ours(kind)


def test_the_weights_were_made_from_these_seeds(kind, rows):
    assert Classifier.load(kind).digest == digest(rows), "run: python -m recipes.guards.fit SOURCES"


def test_the_corpus_is_large_bilingual_and_has_hard_negatives(rows):
    assert len(rows) >= 4000
    for language in ("zh", "en"):
        own = [row for row in rows if row.language == language]
        assert sum(row.label == "safe" for row in own) > 1000
        assert sum(row.label != "safe" for row in own) > 1000
        assert sum(":hard:" in row.group for row in own) > 200


def test_the_weights_do_what_the_recipe_wrote_down(kind):
    written = json.loads(
        (ROOT / "benchmarks" / "results" / f"guards-{kind}.json").read_text(encoding="utf-8")
    )
    model = shipped(kind)
    assert list(model.thresholds) == written["thresholds, with Han characters and without"]
    scores = [model.score(row.text) for row in sample(kind)]
    assert sum(scores) / len(scores) == pytest.approx(written["mean score of a sample"], abs=2e-3)
    assert written["bad rows flagged"] >= 0.8
    for language, (everyday, hard) in FALSE_ALARMS[kind].items():
        shares = written[f"harmless rows flagged, {language}"]
        for limit, chosen in ((hard, True), (everyday, False)):
            of_sort = [share for name, share in shares.items() if name.endswith(HARD) is chosen]
            assert sum(of_sort) / len(of_sort) <= limit + 1e-3


def test_rows_of_a_seed_are_hidden_together(rows):
    folds = {}
    for row in rows:
        assert folds.setdefault(row.group, fold_of(row)) == fold_of(row)
    assert set(folds.values()) == set(range(FOLDS))


def test_templates_leave_no_slot_open(rows):
    files = [f"{name}_{language}.txt" for name in ("attacks", "grammar") for language in ("zh", "en")]
    slots = [line.split("=")[0].strip() for file in files for line in sections(file)["$"]]
    assert not [row.text for row in rows if any(f"{{{slot}}}" in row.text for slot in slots)]


def test_expanding_fills_slots_and_choices_in_turn():
    from random import Random

    text = expand("(a|b) {x}", {"x": ["(c|d) {y}"], "y": ["e"]}, Random(1))
    assert text in {"a c e", "a d e", "b c e", "b d e"}


def test_seed_files_have_their_sections():
    assert {"injection", "extraction", "jailbreak", "coaxing", "steering", "multi"} <= set(
        sections("attacks_zh.txt")
    )
    assert set(sections("harm_zh.txt")) == set(sections("harm_en.txt"))


def test_others_texts_are_used_where_they_are_there(kind):
    folder = os.environ.get("STEPLADDER_SOURCES")
    if not folder:
        pytest.skip("STEPLADDER_SOURCES names no folder of downloaded packages (recipes/guards/sources.txt)")
    found = corpus(kind, Sources(Path(folder)))
    assert len(found) > 30_000
    assert len({row.text for row in found}) == len(found)


def test_lines_for_evaluation_are_not_trained_with(rows):
    trained = {row.text for row in rows}
    for language in ("zh", "en"):
        kept_back = [row.text for row in ordinary(language, seen=False)]
        assert len(kept_back) > 120
        assert trained.isdisjoint(kept_back)
        assert trained.issuperset(row.text for row in ordinary(language, seen=True))
