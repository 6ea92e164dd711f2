"""An order learned from questions: used where it is worth it, and nowhere else."""

import sqlite3

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.core import BadRequest, Fusion, Scope
from stepladder.knowledge import Asked, Document, Knowledge, Query, SearchMode
from stepladder.knowledge.features import FEATURES
from stepladder.knowledge.ranker import PENALTY, Judged, fit
from stepladder.knowledge.ranking import Ranking, fused
from stepladder.knowledge.schema import APPLICATION_ID, SCHEMA, SOURCES
from stepladder.knowledge.tuning import Lesson
from stepladder.testing.contracts import ODD_TEXTS
from stepladder.testing.retrieving import PairEmbedder

COLOURS = ["amber", "azure", "beige", "black", "brown", "coral", "green", "ivory", "khaki", "lilac"]
THINGS = ["anchor", "basket", "candle", "drawer", "engine", "funnel"]
TOPICS = [f"{colour} {thing}" for colour in COLOURS for thing in THINGS]
QUESTIONS = [Asked(number, topic, [f"{topic} right"]) for number, topic in enumerate(TOPICS)]
FEW = "nobody can tell "


def documents():
    """Of each topic, one that repeats its name, and the right one, which has it in its title and says it once."""
    for number, topic in enumerate(TOPICS):
        yield Document(f"{topic} wrong", f"{topic} {topic} {topic} and {topic}: no. {number}")
        yield Document(f"{topic} right", FEW * 12 + f"about this, but see entry {number}.", topic)


@pytest.fixture
def filled(tmp_path):
    opened = Knowledge.open(tmp_path / "knowledge.db", PairEmbedder())
    opened.add("c", documents())
    opened.embed("c")
    yield opened
    opened.close()


def first(knowledge, tenant="", collection="c", mode=SearchMode.HYBRID):
    found = [knowledge.search(Query(topic, collection, Scope(tenant), 1, mode))[0] for topic in TOPICS]
    return [hit.passage.document.endswith("right") for hit in found]


def test_what_is_worth_it_is_in_force_everywhere_at_once_until_it_is_forgotten(filled, tmp_path):
    assert sum(first(filled)) < len(TOPICS) // 2
    plain = [filled.search(Query(topic, "c", top=200)) for topic in TOPICS[:3]]
    with_other = Knowledge.open(tmp_path / "knowledge.db", PairEmbedder())  # as another process has it
    try:
        before = with_other.version()
        tuned = filled.tune("c", QUESTIONS, by="ann")
        assert (tuned.version, tuned.worth.questions, tuned.worth.better) == (1, len(TOPICS), True)
        assert tuned.worth.tuned > 0.95 > tuned.worth.plain + 0.1
        assert with_other.version() != before  # so that no answer from before is given again
        for knowledge in (filled, with_other):
            assert all(first(knowledge))
            assert not all(first(knowledge, mode=SearchMode.LEXICAL))
        for topic, was in zip(TOPICS, plain, strict=False):  # the same passages, in another order, best first
            now = filled.search(Query(topic, "c", top=200))
            assert {hit.passage.number for hit in now} == {hit.passage.number for hit in was}
            assert [hit.score for hit in now] == sorted((hit.score for hit in now), reverse=True)
        (kept,) = with_other.tunings("c")
        assert (kept.version, kept.made_by, kept.in_force, kept.worth) == (1, "ann", True, tuned.worth)
        before = with_other.version()
        assert filled.forget_tuning("c") and not filled.forget_tuning("c")
        assert with_other.version() != before
        assert [with_other.search(Query(topic, "c", top=200)) for topic in TOPICS[:3]] == plain
        assert [one.in_force for one in filled.tunings("c")] == [False]
    finally:
        with_other.close()


def test_what_is_not_worth_it_is_not_used_and_ends_what_was(filled):
    assert filled.tune("c", QUESTIONS).version == 1
    chance = np.random.default_rng(0)
    noise = [Asked(topic, topic, [f"{chance.choice(TOPICS)} wrong"]) for topic in TOPICS]
    best = [Asked(topic, topic, [f"{topic} wrong"]) for topic in TOPICS]
    for asked in (noise, best):  # there is nothing to learn; where fusion is right already, nothing is better
        tuned = filled.tune("c", asked)
        assert tuned.version is None
        assert tuned.worth.tuned - tuned.worth.plain <= tuned.worth.error
        assert not any(one.in_force for one in filled.tunings("c"))
    assert filled.tune("c", QUESTIONS).version == 2


def test_it_orders_only_what_was_found_as_it_was_learned(filled, tmp_path):
    filled.tune("c", QUESTIONS)
    for fusion, embedder, used in [
        (Fusion.SCORE, PairEmbedder(), True),
        (Fusion.RANK, PairEmbedder(), False),
        (Fusion.SCORE, None, False),
    ]:
        other = Knowledge.open(tmp_path / "knowledge.db", embedder, fusion=fusion)
        try:
            assert all(first(other)) is used
        finally:
            other.close()


def test_one_tenant_s_questions_change_nothing_for_another(filled):
    for tenant in ("ann", "bob"):
        filled.add("c", documents(), tenant=tenant)
        filled.embed("c", tenant=tenant)
    assert filled.tune("c", QUESTIONS, scope=Scope("ann")).version == 1
    assert all(first(filled, "ann"))
    assert not any([*first(filled, "bob")[:3], *first(filled)[:3]])
    assert filled.tunings("c") == filled.tunings("c", tenant="bob") == []
    with pytest.raises(BadRequest):
        filled.tune("c", QUESTIONS, scope=Scope("cid"))  # the shared one is not the tenant's to tune
    filled.drop("c", tenant="ann")
    filled.add("c", documents(), tenant="ann")
    assert filled.tunings("c", tenant="ann") == []


def test_it_learns_without_vectors_too(tmp_path):
    knowledge = Knowledge.open(tmp_path / "words.db")
    try:
        knowledge.add("c", documents())
        assert knowledge.tune("c", QUESTIONS).version == 1
        assert all(first(knowledge))
        for text in ODD_TEXTS:
            knowledge.search(Query(text, "c"))
    finally:
        knowledge.close()


def test_too_few_questions_are_refused_and_repeats_do_not_count(filled):
    nameless = [Asked(number, f"question {number}") for number in range(50)]
    for asked in (QUESTIONS[:19], QUESTIONS[:10] * 5, nameless):
        with pytest.raises(BadRequest, match="different questions"):
            filled.tune("c", asked)


@given(st.integers(0, 2**32), st.integers(1, 30), st.sampled_from([0.0, 1e-12, 1.0, 1e6]))
def test_any_features_give_finite_weights(seed, questions, spread):
    chance = np.random.default_rng(seed)
    judged = [
        Judged(
            spread * chance.normal(size=(size, len(FEATURES))),
            [str(place) for place in range(size)],
            {"0": 1.0} if size else {},
        )
        for size in chance.integers(0, 8, questions).tolist()
    ]
    assert np.isfinite(fit(judged)).all()
    lesson = Lesson("", Fusion.SCORE, judged)
    assert all(0.0 <= one <= 1.0 for one in [*lesson.scores(), *lesson.scores(lesson.ranker())])


def test_the_weights_are_where_the_loss_does_not_fall_further():
    """Against slopes by differences, over columns that are of width 1 already."""
    chance = np.random.default_rng(1)
    judged = []
    for _ in range(40):
        table = chance.normal(size=(12, len(FEATURES)))
        grades = {str(place): 1.0 for place in np.argsort(-table[:, 0] - table[:, 3])[:2].tolist()}
        judged.append(Judged(table, [str(place) for place in range(12)], grades))
    every = np.concatenate([one.table for one in judged])
    centre, scale = every.mean(axis=0), every.std(axis=0)

    def loss(weights):
        total = 0.5 * PENALTY * (weights[1:] ** 2).sum() + 0.5e-3 * weights[0] ** 2
        for one in judged:
            scores = (one.table - centre) / scale @ weights
            total -= (scores - np.log(np.exp(scores).sum())) @ one.grades / one.grades.sum()
        return total

    found = fit(judged) * scale
    for column in range(len(FEATURES)):
        step = np.zeros(len(FEATURES))
        step[column] = 1e-4
        assert abs(loss(found + step) - loss(found - step)) / 2e-4 < 1e-2
    assert found[3] > 1.0 and Lesson("", Fusion.SCORE, judged).worth().better


def test_by_rank_only_places_count():
    words = Ranking(np.array([7, 3, 9]), np.array([100.0, 2.0, 1.0]))
    meaning = Ranking(np.array([3, 4]), np.array([0.9, 0.1]))
    both = fused(words, meaning, 100, Fusion.RANK).best(10)
    assert both.numbers.tolist() == [3, 7, 4, 9]
    assert both.scores.tolist() == pytest.approx([1 / 62 + 1 / 61, 1 / 61, 1 / 62, 1 / 63])
    assert fused(words, meaning, 100).best(10).numbers.tolist()[0] == 7  # by score, by how much counts


def test_a_file_of_the_version_before_is_brought_forward(tmp_path):
    path = tmp_path / "knowledge.db"
    connection = sqlite3.connect(path)
    connection.executescript(
        f"{SCHEMA} {SOURCES} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 2;"
    )
    connection.close()
    knowledge = Knowledge.open(path)
    try:
        knowledge.add("c", documents())
        assert knowledge.tune("c", QUESTIONS).version == 1
    finally:
        knowledge.close()
