"""What becomes of words before they are written: the same each time, though what was clean is known again."""

import asyncio

import pytest

from stepladder.core import Turn
from stepladder.store import Keep, Store, payload
from tests.store.samples import row


@pytest.fixture
def asked():
    """What the cleaning was asked about."""
    return []


@pytest.fixture
def store(tmp_path, asked):
    def clean(text):
        asked.append(text)
        return text.replace("secret", "[SECRET]")

    store = Store.open(f"sqlite:///{tmp_path / 'kept.db'}", keep=Keep(clean=clean))
    yield store
    store.close()


def write(store, number, **changes):
    asyncio.run(store.ledger.commit(row(number, **changes)))
    return store.ledger.get(f"r{number}")


def test_secrets_are_taken_out_each_time_and_only_what_was_clean_is_not_looked_at_again(store, asked):
    for number in (1, 2, 3):
        turns = (Turn("user", "it is secret"), Turn("assistant", "so be it"))
        found = write(store, number, text="my secret", answer="yes", turns=turns)
        assert (found.text, found.answer) == ("my [SECRET]", "yes")
        assert [turn.content for turn in found.turns] == ["it is [SECRET]", "so be it"]
    assert asked.count("my secret") == asked.count("it is secret") == 3
    assert asked.count("yes") == 1


def test_the_same_text_as_words_and_as_json_is_cleaned_as_each(store):
    write(store, 1, text='[{"role":"user","content":"say \\u0073ecret"}]')
    found = write(store, 2, turns=(Turn("user", "say secret"),))
    assert found.turns[0].content == "say [SECRET]"


def test_what_is_known_is_bounded(store, asked, monkeypatch):
    monkeypatch.setattr(payload, "_MOST_KNOWN", 3)
    for number in range(1, 5):
        write(store, number, text=f"text {number}", answer=f"answer {number}")
    assert write(store, 9, text="text 1", answer="answer 1").text == "text 1"
    assert asked.count("text 1") == 2
