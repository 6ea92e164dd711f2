"""The dictionary: to the letter before normalised, certain or silent."""

import pytest

from stepladder.core import Answer, Question
from stepladder.models import DictionaryRung, Entries
from stepladder.store import Entry
from stepladder.text import dictionary_key


def entry(key, answer, kind="exact"):
    written = key if kind == "exact" else dictionary_key(key)
    return Entry(task="mood", key=written, answer=answer, kind=kind, who="me", at=0.0)


async def ask(rung, text):
    (answer,) = [part async for part in rung.answer(Question(id="q", task="mood", text=text))]
    return answer


async def test_to_the_letter_goes_before_normalised():
    rows = [entry("Fine!", "normal", "normalised"), entry("fine", "exact")]
    rung = DictionaryRung(Entries.of(rows))
    assert (await ask(rung, "fine")).text == "exact"
    assert (await ask(rung, "FINE")).text == "normal"


@pytest.mark.parametrize("text", ["ＦＩＮＥ", " fine ", "Fine?!", "fi\u200bne", "“fine”"])
async def test_width_case_and_edges_do_not_matter_to_a_normalised_entry(text):
    rung = DictionaryRung(Entries.of([entry("fine", "good", "normalised")]))
    assert await ask(rung, text) == Answer("good", 1.0, "dictionary")


@pytest.mark.parametrize("text", ["很好", "很好。", "「很好」", " 很好！"])
async def test_nor_does_chinese_punctuation(text):
    rung = DictionaryRung(Entries.of([entry("很好", "good", "normalised")]))
    assert (await ask(rung, text)).text == "good"


async def test_traditional_and_simplified_are_one():
    rung = DictionaryRung(Entries.of([entry("這個電影", "good", "normalised")]))
    assert (await ask(rung, "这个电影")).text == "good"


@pytest.mark.parametrize("text", ["Fine", "fine ", ""])
async def test_an_exact_entry_is_met_to_the_letter_only(text):
    rung = DictionaryRung(Entries.of([entry("fine", "good")]))
    assert await ask(rung, text) == Answer("", 0.0, "dictionary")


async def test_an_answer_that_is_empty_is_an_answer():
    assert (await ask(DictionaryRung(Entries({"spam": ""})), "spam")).confidence == 1.0


async def test_no_entries_know_nothing():
    assert await ask(DictionaryRung(Entries()), "fine") == Answer("", 0.0, "dictionary")


async def test_a_question_is_known_by_its_synonyms_too():
    entries = Entries.of(
        [
            entry("what does the kettle cost", "40 euros", "normalised"),
            entry("Turbo Boil", "kettle", "synonym"),
            entry("涡轮壶", "水壶", "synonym"),
            entry("水壶多少钱", "四十欧", "normalised"),
        ]
    )
    rung = DictionaryRung(entries)
    assert (await ask(rung, "What does the TURBO BOIL cost?")).text == "40 euros"
    assert (await ask(rung, "渦輪壺多少錢？")).text == "四十欧"
    assert (await ask(rung, "What does the turbo boiler cost?")).confidence == 0.0
    entries.remove("synonym", "turbo boil")
    assert (await ask(rung, "What does the turbo boil cost?")).confidence == 0.0


def test_longer_synonyms_go_first_and_none_is_replaced_twice():
    entries = Entries.of(
        [
            entry("k4", "kettle", "synonym"),
            entry("k4 pro", "big k4", "synonym"),
            entry("kettle", "pot", "synonym"),
        ]
    )
    assert entries.variants("Is the K4 Pro or the K4 better?")[1] == "is the big k4 or the kettle better"
    assert entries.variants("Nothing of that") == ("Nothing of that",)


def test_facts_are_found_by_the_names_of_things_and_their_synonyms():
    entries = Entries.of(
        [entry("kettle", "It holds 1.7 litres.", "fact"), entry("turbo boil", "kettle", "synonym")]
    )
    assert entries.facts_on("How much does a Turbo Boil hold?") == [("kettle", "It holds 1.7 litres.")]
    assert entries.facts_on("How much do kettles hold?") == []


@pytest.mark.parametrize(
    ("text", "kind", "key"),
    [
        ("Hi", "exact", "Hi"),
        ("HI", "normalised", "hi"),
        ("return the red tent", "pattern", "return the * tent"),
        ("my tent leaks", "phrase", "tent"),
        ("my bivouac leaks", "phrase", "tent"),
        ("hello", None, None),
    ],
)
def test_what_answers_can_be_named(text, kind, key):
    known = Entries({"Hi": "exact"}, {"hi": "normalised"})
    known.put("pattern", "return the * tent", "pattern")
    known.put("phrase", "tent", "phrase")
    known.put("synonym", "bivouac", "tent")
    found = known.known(text)
    assert known.find(text) == kind
    assert (found and (found.kind, found.key)) == (kind and (kind, key))
    reasons = DictionaryRung(known).explain(Question("q", "t", text))
    assert reasons == ([found] if found else [])
