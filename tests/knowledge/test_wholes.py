"""Names that count as a whole: found and weighed as if they had been indexed as one word, from one query to the next."""

import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepladder.core import Scope
from stepladder.knowledge import Document, Knowledge, Query, SearchMode
from stepladder.knowledge.lexical import match
from stepladder.knowledge.wholes import term_of
from stepladder.text import dictionary_key

WORDS = ["blue", "lagoon", "blues", "net", ".net", "星", "阶", "云", "盘", "C", "C#", "the"]
TEXTS = st.lists(
    st.tuples(st.sampled_from(WORDS), st.sampled_from([" ", "", ". "])).map("".join), min_size=1, max_size=9
).map("".join)


def search(knowledge, text, *names):
    query = Query(text, "c", Scope(), mode=SearchMode.LEXICAL, names=tuple(map(dictionary_key, names)))
    return [hit.passage.document for hit in knowledge.search(query)]


def times(text, name):
    """How often a name stands in a text, by another way than ours."""
    letter = r"[^\W_\u2e80-\u9fff]"
    key, said = re.escape(dictionary_key(name)), dictionary_key(f"x {text} x")[2:-2]
    before = f"(?<!{letter})" if re.match(letter, dictionary_key(name)) else ""
    after = rf"(?!{letter}|#|\+\+)" if re.search(f"{letter}$", dictionary_key(name)) else ""
    return len(re.findall(f"{before}{key}{after}", said))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(TEXTS, min_size=1, max_size=8),
    st.sampled_from(["Blue Lagoon", "星阶云盘", "云盘", ".NET", "C#"]),
)
def test_a_name_has_the_postings_of_a_word(texts, name):
    texts = [text for text in texts if text.strip()] or ["x"]
    with tempfile.TemporaryDirectory() as folder:
        knowledge = Knowledge.open(Path(folder) / "k.db")
        try:
            knowledge.add("c", [Document(str(number), text) for number, text in enumerate(texts)])
            with knowledge._file.read() as connection:
                found = match(connection, 1, name, [dictionary_key(name)]).found[
                    term_of(dictionary_key(name))
                ]
            counts = sorted(found["count"].tolist())
        finally:
            knowledge.close()
    assert counts == sorted(count for text in texts if (count := times(text, name)))


@pytest.mark.parametrize(
    ("asked", "name", "apart", "whole"),
    [
        (
            "What is the price of the Blue Lagoon?",
            "Blue Lagoon",
            "The price of blue is the price of a lagoon: blue {}, lagoon {}.",
            "Among the drinks that are mixed in the evening bar the guests may choose a Blue Lagoon, which costs four.",
        ),
        (
            "星阶云盘的价格？",
            "星阶云盘",
            "星阶价格{}与云盘价格{}：星阶有云，云盘有星，阶云不同。",
            "本公司于去年在全国范围推出了面向个人用户的星阶云盘，详情另议，其他业务照旧，欢迎各地用户来电咨询。",
        ),
    ],
)
def test_a_passage_that_names_it_comes_up_from_far_behind(knowledge, asked, name, apart, whole):
    knowledge.add("c", [Document(f"apart {n}", apart.replace("{}", str(n))) for n in range(150)])
    knowledge.add("c", [Document("whole", whole)])
    assert "whole" not in search(knowledge, asked)
    assert search(knowledge, asked, name)[0] == "whole"
    knowledge.remove("c", ["whole"])
    assert "whole" not in search(knowledge, asked, name)


def test_a_name_that_nobody_says_changes_nothing(knowledge):
    knowledge.add("c", [Document("a", "A blue chair."), Document("b", "The lagoon. 云。")])
    for name in ("blue lagoon", "nobody", "云盘", "?", "a lagoon", ""):
        assert search(knowledge, "blue 云", name) == search(knowledge, "blue 云")
