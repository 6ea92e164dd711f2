"""Whatever is written, asked and filtered: nobody sees a passage that is not for them, in hits, quotes or errors."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepladder.core import BadRequest, Scope
from stepladder.knowledge import Document, Knowledge, Query, SearchMode
from stepladder.testing.retrieving import PairEmbedder

TENANTS = ("", "ann", "bob")
NAMES = ("notes", "manual")
GROUPS = ("staff", "board")
TAGS = ("red", "blue")
WORDS = ("harbour", "safe", "码头", "保险柜")

shelves = st.lists(
    st.tuples(
        st.sampled_from(TENANTS),
        st.sampled_from(NAMES),
        st.sets(st.sampled_from(GROUPS)),
        st.sets(st.sampled_from(TAGS)),
        st.sampled_from([None, 50.0, 150.0]),
        st.sampled_from(WORDS),
    ),
    min_size=1,
    max_size=12,
)
askers = st.builds(
    Scope,
    st.sampled_from((*TENANTS, "cid")),
    st.lists(st.sampled_from(GROUPS), unique=True).map(tuple),
    st.lists(st.sampled_from(TAGS), unique=True).map(tuple),
    st.just(100.0),
)


def may_see(document, scope, own):
    tenant, _, groups, tags, until, _ = document
    return (
        tenant == own
        and (not groups or groups & set(scope.groups))
        and (not scope.tags or tags & set(scope.tags))
        and (until is None or until > 100.0)
    )


@settings(max_examples=40, deadline=None)
@given(shelves, askers, st.sampled_from(NAMES), st.sampled_from(WORDS), st.sampled_from(list(SearchMode)))
def test_nobody_sees_what_is_not_for_them(documents, scope, collection, word, mode):
    with tempfile.TemporaryDirectory() as folder:
        knowledge = Knowledge.open(Path(folder) / "knowledge.db", PairEmbedder())
        try:
            numbers = write(knowledge, documents)
            there = {document[0] for document in documents if document[1] == collection}
            own = scope.tenant if scope.tenant in there else ""
            if own not in there:
                with pytest.raises(BadRequest) as caught:
                    knowledge.search(Query(word, collection, scope, mode=mode))
                assert not [name for name in TENANTS[1:] if name in str(caught.value)]
                return
            seen = {
                f"secret{number}"
                for number, document in enumerate(documents)
                if document[1] == collection and may_see(document, scope, own)
            }
            hits = knowledge.search(Query(word, collection, scope, 50, mode, names=(word,)))
            quote = knowledge.answer(f"What of the {word}?", collection, scope)
            said = repr(hits) + repr(quote)
            assert {f"secret{n}" for n in range(len(documents)) if f"secret{n} " in said} <= seen
            if mode is not SearchMode.LEXICAL:
                assert {hit.passage.document for hit in hits} == seen
            standing = knowledge.standing(collection, scope, numbers)
            assert {numbers[number] for number in standing} == seen
        finally:
            knowledge.close()


def write(knowledge, documents):
    """Passage number -> document."""
    for number, (tenant, name, groups, tags, until, word) in enumerate(documents):
        text = f"secret{number} is about the {word}."
        knowledge.add(
            name,
            [Document(f"secret{number}", text, groups=tuple(groups), tags=tuple(tags), valid_until=until)],
            tenant=tenant,
        )
    numbers = {}
    for tenant, name in {document[:2] for document in documents}:
        knowledge.embed(name, tenant=tenant)
        for stored in knowledge.documents(name, tenant=tenant):
            for passage in knowledge.passages(name, stored.id, tenant=tenant):
                numbers[passage.number] = stored.id
    return numbers
