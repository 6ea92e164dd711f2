"""Searching: what is found, what is not any more, what never is."""

import sqlite3
import threading
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepladder.core import BadRequest, Scope
from stepladder.knowledge import Change, Document, Knowledge, Query, SearchMode
from stepladder.testing.retrieving import PairEmbedder

LEXICAL = SearchMode.LEXICAL


def found(knowledge, text, collection="c", scope=None, **options):
    query = Query(text, collection, scope or Scope(), **{"mode": LEXICAL, **options})
    return [hit.passage.document for hit in knowledge.search(query)]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("码头", "船停在旧码头旁边"),  # a word in the middle
        ("碼頭", "船停在旧码头旁边"),  # traditional to simplified
        ("船", "渔船"),  # one character at the end of a run
        ("渔", "渔船出海"),  # ... and at its beginning
        ("relational", "it relates them"),  # stems
        ("CAFÉ", "the cafe is open"),  # case and accents
        ("ＧＰＴ４", "we tried gpt4 today"),  # width
        ("3.5", "version 3.5 is out"),
        ("서울", "나는 서울에서 왔다"),
        ("กรุงเทพ", "ฉันอยู่ที่กรุงเทพมหานคร"),
        ("to be or not to be", "To be, or not to be"),  # nothing but stop words
        ("x" * 500, "x" * 500),
    ],
)
def test_words_are_found_however_they_are_written(knowledge, query, text):
    knowledge.add("c", [Document("yes", text), Document("no", "Completely different. 完全不同。")])
    assert found(knowledge, query) == ["yes"]


def test_a_change_and_a_removal_are_seen_at_once_by_words_and_vectors(knowledge):
    knowledge.add("c", [Document("a", "apples and pears"), Document("b", "roads and bridges")])
    knowledge.embed("c")
    assert found(knowledge, "apples", mode=SearchMode.VECTOR)[0] == "a"
    changes = knowledge.add("c", [Document("a", "trains and planes"), Document("b", "roads and bridges")])
    assert (changes[Change.UPDATED], changes[Change.UNCHANGED]) == (1, 1)
    for mode in SearchMode:
        assert all(
            "apples" not in hit.passage.text for hit in knowledge.search(Query("apples", "c", mode=mode))
        )
    assert found(knowledge, "trains") == ["a"]
    assert knowledge.remove("c", ["a", "never there"]) == 1
    for mode in SearchMode:
        assert "a" not in found(knowledge, "trains", mode=mode)
    assert knowledge.documents("c")[0].version == 1


def test_of_a_document_that_comes_twice_in_one_go_the_last_counts(knowledge):
    knowledge.add("c", [Document("a", "first words"), Document("a", "second words")])
    assert found(knowledge, "first") == []
    assert found(knowledge, "second") == ["a"]


def test_everything_about_a_document_makes_it_another(knowledge):
    knowledge.add("c", [Document("a", "text")])
    for other in (
        Document("a", "text", title="t"),
        Document("a", "text", tags=("x",)),
        Document("a", "text", groups=("g",)),
        Document("a", "text", valid_until=5.0),
    ):
        assert knowledge.add("c", [other])[Change.UPDATED] == 1
        assert knowledge.add("c", [other])[Change.UNCHANGED] == 1


def test_the_ranking_stays_exact_through_merges_and_removals(tmp_path):
    """One by one with removals in between, or all at once: the same hits in the same order."""
    texts = {f"d{i}": f"word{i % 7} word{i % 11} common thing{i}. 第{i % 5}类商品说明。" for i in range(150)}
    kept = {id: text for id, text in texts.items() if int(id[1:]) % 3}
    slow, quick = Knowledge.open(tmp_path / "slow.db"), Knowledge.open(tmp_path / "quick.db")
    try:
        for id, text in texts.items():
            slow.add("c", [Document(id, text)])
        slow.remove("c", [id for id in texts if id not in kept])
        for id, text in kept.items():  # rewritten once each, so that the index is merged whole
            slow.add("c", [Document(id, text, title="x")])
        quick.add("c", [Document(id, text, title="x") for id, text in kept.items()])
        for query in ("word3 common", "第2类商品", "thing8 word1"):
            want = quick.search(Query(query, "c", mode=LEXICAL, top=20))
            have = slow.search(Query(query, "c", mode=LEXICAL, top=20))
            assert [hit.passage.document for hit in have] == [hit.passage.document for hit in want]
    finally:
        slow.close()
        quick.close()


def test_validity_groups_and_tags_narrow_however_deep_the_visible_stands(knowledge):
    hidden = [Document(f"h{i}", "the same words", groups=("board",)) for i in range(400)]
    knowledge.add("c", [*hidden, Document("open", "the same words and many more of them, so it ranks last")])
    assert found(knowledge, "same words") == ["open"]
    assert len(found(knowledge, "same words", scope=Scope(groups=("board",)), top=500)) == 401
    knowledge.add("t", [Document("old", "news", valid_until=10.0), Document("new", "news", valid_from=10.0)])
    assert found(knowledge, "news", "t", Scope(at=9.0)) == ["old"]
    assert found(knowledge, "news", "t", Scope(at=10.0)) == ["new"]
    knowledge.add("g", [Document("x", "one", tags=("a", "b")), Document("y", "one", tags=("c",))])
    assert found(knowledge, "one", "g", Scope(tags=("b", "z"))) == ["x"]


names = st.sampled_from(["", "ann", "bob", "ann' OR '1'='1"])
groups = st.lists(st.sampled_from(["x", "y", '["x"]', "%"]), max_size=2, unique=True).map(tuple)
writes = st.lists(st.tuples(names, groups, st.sampled_from(["k", "m"])), max_size=8)


@settings(max_examples=25, deadline=None)
@given(writes=writes, asker=names, asking=groups, mode=st.sampled_from(list(SearchMode)))
def test_nobody_ever_sees_what_is_not_theirs(tmp_path_factory, writes, asker, asking, mode):
    knowledge = Knowledge.open(tmp_path_factory.mktemp("k") / "knowledge.db", PairEmbedder())
    try:
        for number, (tenant, allowed, collection) in enumerate(writes):
            text = f"secret of [{tenant}] for {len(allowed)} groups {number}"
            knowledge.add(collection, [Document(f"{tenant}/{number}", text, groups=allowed)], tenant=tenant)
            knowledge.embed(collection, tenant=tenant)
        for collection in ("k", "m", "none"):
            own = [w for w in enumerate(writes) if w[1][0] == asker and w[1][2] == collection]
            shared = [w for w in enumerate(writes) if w[1][0] == "" and w[1][2] == collection]
            visible = {f"{t}/{n}" for n, (t, g, _) in own or shared if not g or set(g) & set(asking)}
            try:
                seen = found(knowledge, "secret groups", collection, Scope(asker, asking), mode=mode, top=50)
            except BadRequest as error:
                assert (not own and not shared) or mode is SearchMode.VECTOR
                theirs = {w[2] for w in writes if w[0] not in ("", asker)}
                mine = {w[2] for w in writes if w[0] in ("", asker)}
                assert not any(f" {name}" in error.remedy for name in theirs - mine)
            else:
                assert set(seen) == visible
    finally:
        knowledge.close()


def test_a_search_by_vector_needs_vectors_and_hybrid_does_without(knowledge):
    knowledge.add("c", [Document("a", "apples")])
    with pytest.raises(BadRequest, match="no vectors"):
        found(knowledge, "apples", mode=SearchMode.VECTOR)
    assert found(knowledge, "apples", mode=SearchMode.HYBRID) == ["a"]


def test_vectors_of_two_embedders_never_mix(tmp_path, knowledge):
    class Other(PairEmbedder):
        name, dimensions = "other", 32

    knowledge.add("c", [Document("a", "apples")])
    knowledge.embed("c")
    other = Knowledge.open(tmp_path / "knowledge.db", Other())
    try:
        with pytest.raises(BadRequest, match=r"pairs.*other"):
            found(other, "apples", mode=SearchMode.HYBRID)
        assert other.embed("c") == 1
        assert found(other, "apples", mode=SearchMode.VECTOR) == ["a"]
        with pytest.raises(BadRequest, match=r"other.*pairs"):
            found(knowledge, "apples", mode=SearchMode.VECTOR)
    finally:
        other.close()


def test_one_hit_a_document_and_the_query_s_own_vector(knowledge):
    knowledge.add("c", [Document("long", "apples are red. " * 400), Document("short", "apples")])
    knowledge.embed("c")
    assert len(found(knowledge, "apples")) > 2
    assert sorted(found(knowledge, "apples", per_document=True)) == ["long", "short"]
    vector = PairEmbedder().embed(["apples"], query=True)[0]
    assert found(knowledge, "", mode=SearchMode.VECTOR, vector=vector)[0] == "short"


def test_many_threads_write_and_search_one_file(knowledge):
    done = []

    def work(name):
        for number in range(10):
            knowledge.add("c", [Document(f"{name}{number}", f"shared text {name}{number}")])
            knowledge.embed("c")
            assert f"{name}{number}" in found(knowledge, f"{name}{number}", mode=SearchMode.HYBRID)
        done.append(name)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == ["a", "b", "c"]  # a thread that failed did not get there
    assert len(found(knowledge, "shared", top=100)) == 30


def test_what_another_analyser_indexed_is_indexed_anew_and_keeps_its_vectors(tmp_path, knowledge):
    knowledge.add("c", [Document("a", "apples and 苹果", title="fruit"), Document("b", "roads")])
    knowledge.embed("c")
    knowledge.remove("c", ["b"])
    knowledge.close()
    with closing(sqlite3.connect(tmp_path / "knowledge.db")) as connection:
        connection.execute("UPDATE collections SET analyser = 0")
        connection.execute("UPDATE postings SET term = 'old' || term")
        connection.commit()
    with closing(Knowledge.open(tmp_path / "knowledge.db", PairEmbedder())) as again:
        assert [found(again, text) for text in ("apple", "苹果", "fruit", "roads", "oldapple")] == [
            ["a"]
        ] * 3 + [[]] * 2
        assert found(again, "apples", mode=SearchMode.VECTOR) == ["a"]


def test_odd_texts_are_taken_or_refused(knowledge):
    for number, text in enumerate(["\ud800 half", "a\0b", "\ufeff", " \n", "👩‍👩‍👧 family", "答" * 9000]):
        try:
            knowledge.add("c", [Document(f"d{number}", text, title="\ud800")])
        except BadRequest as error:
            assert "no text" in error.message
    assert found(knowledge, "half") == ["d0"]
    assert found(knowledge, "b") == ["d1"]
    assert np.isfinite([hit.score for hit in knowledge.search(Query("答答", "c", mode=LEXICAL))]).all()


def test_a_long_passage_is_found_among_many_short_ones(knowledge):
    filler = "江面上的船只来来往往，岸边的人们各自忙碌，远处的山峦在雾中若隐若现。" * 8
    knowledge.add("c", [Document("long", f"{filler}灯塔由林秀兰于一九七四年设计。{filler}")])
    knowledge.add("c", [Document(f"s{number}", f"灯塔真好看{number}") for number in range(50)])
    knowledge.add("c", [Document(f"t{number}", f"谁设计的海报{number}") for number in range(50)])
    hits = knowledge.search(Query("林秀兰何时设计灯塔？", "c", mode=SearchMode.LEXICAL, top=3))
    assert hits[0].passage.document == "long"
