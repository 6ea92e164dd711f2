"""The tutorial's support inbox: made the same each time, and its held-out rows in words that the log has not."""

import re

from stepladder.interaction.tutorial.support import inbox


def words(text):
    return set(re.findall(r"[a-z]+", text.lower()))


def test_the_same_numbers_make_the_same_rows():
    assert inbox(300, 50) == inbox(300, 50)
    assert inbox(300, 50).log != inbox(300, 50, seed=8).log


def test_it_is_large_enough_and_every_intent_is_in_both_parts():
    box = inbox(1800, 150)
    assert (len(box.log), len(box.held), len(box.intents)) == (1800, 150, 10)
    for part in (box.log, box.held):
        assert {message.intent for message in part} == set(box.intents)


def test_no_held_out_text_is_in_the_log_and_only_the_log_has_near_copies():
    box = inbox(1800, 150)
    log = {message.text for message in box.log}
    assert not log & {message.text for message in box.held}
    assert len({message.text for message in box.held}) == 150
    shortened = [message.text.rstrip("! ?") for message in box.log]
    assert len(set(shortened)) < len(shortened)
