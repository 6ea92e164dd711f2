"""Who answers after each change, and why it is written."""

import pytest

from stepladder.core import BadRequest, Certificate, LadderRelease, Release, Rollout
from stepladder.rollout import draw_more, drop_by_hand, promote, rollback_by_hand, start_canary, take_back
from stepladder.store import Store

CERTIFICATE = Certificate("exact rule", 100, 0.9, 0.05, 500, 3, 4, 0.6)


@pytest.fixture
def store():
    store = Store.open("sqlite://")
    store.catalogue.add_release(Release("r", "mood", "linear", "linear", "d", "x"))
    yield store
    store.close()


def ladder(store, number, *, top="top-1", certificate=CERTIFICATE):
    made = LadderRelease(f"mood-{number}", "mood", number, {"linear": "r"}, {"linear": 0.8}, certificate, top)
    store.catalogue.add_ladder_release(made)
    return made


def live(store, *ladders):
    for one in ladders:
        start_canary(store, one, 0.2)
        promote(store, one, "it was good")
    return store.rollouts.get("mood")


def test_canary_then_promotion_remembers_the_release_before(store):
    first, second = ladder(store, 1), ladder(store, 2)
    live(store, first)
    start_canary(store, second, 0.25)
    found = store.rollouts.get("mood")
    assert (found.live, found.candidate, found.share) == ("mood-1", "mood-2", 0.25)
    promote(store, second, "it was good")
    found = store.rollouts.get("mood")
    assert (found.live, found.candidate, found.share, found.previous) == ("mood-2", None, 0.0, "mood-1")


def test_done_twice_is_done_once(store):
    first = ladder(store, 1)
    live(store, first)
    version = store.rollouts.get("mood").version
    start_canary(store, first, 0.25)
    promote(store, first, "again")
    assert store.rollouts.get("mood").version == version


def test_the_live_release_gives_way_to_the_previous_one_and_then_to_the_top(store):
    live(store, ladder(store, 1), ladder(store, 2))
    assert take_back(store, "mood", "mood-2", "It alarmed.").live == "mood-1"
    assert store.rollouts.get("mood").previous is None
    assert take_back(store, "mood", "mood-1", "It alarmed.").live is None
    assert store.rollouts.history("mood")[-1].why == "It alarmed. Now: the top rung alone."


@pytest.mark.parametrize("unfit", [{"certificate": None}, {"top": "top-0"}])
def test_a_previous_release_without_a_certificate_for_this_top_does_not_come_back(store, unfit):
    live(store, ladder(store, 1, **unfit), ladder(store, 2))
    assert take_back(store, "mood", "mood-2", "It alarmed.").live is None


def test_the_previous_release_must_be_certified_for_the_top_of_now(store):
    live(store, ladder(store, 1), ladder(store, 2))
    assert take_back(store, "mood", "mood-2", "The top changed.", top="top-2").live is None


def test_a_candidate_that_goes_leaves_the_live_release_alone(store):
    live(store, ladder(store, 1))
    start_canary(store, ladder(store, 2), 0.2)
    found = take_back(store, "mood", "mood-2", "It was slow.")
    assert (found.live, found.candidate, found.share) == ("mood-1", None, 0.0)
    version = found.version
    assert take_back(store, "mood", "mood-2", "It was slow.").version == version


def test_by_hand_drops_candidate_and_live_and_says_who(store):
    live(store, ladder(store, 1), ladder(store, 2))
    start_canary(store, ladder(store, 3), 0.2)
    found = rollback_by_hand(store, "mood", who="ada")
    assert (found.live, found.candidate) == ("mood-1", None)
    last = store.rollouts.history("mood")[-1]
    assert last.who == "ada" and "by hand" in last.why
    rollback_by_hand(store, "mood", who="ada")
    with pytest.raises(BadRequest, match="no release to go back from"):
        rollback_by_hand(store, "mood", who="ada")


def test_a_candidate_alone_is_dropped_and_what_is_live_stays(store):
    live(store, ladder(store, 1), ladder(store, 2))
    with pytest.raises(BadRequest, match="no candidate"):
        drop_by_hand(store, "mood", who="ada")
    start_canary(store, ladder(store, 3), 0.2)
    found = drop_by_hand(store, "mood", who="ada")
    assert (found.live, found.previous, found.candidate, found.share) == ("mood-2", "mood-1", None, 0.0)
    assert store.rollouts.history("mood")[-1].who == "ada"


def test_more_is_drawn_only_beside_a_live_release(store):
    draw_more(store, "mood", 0.5)
    assert store.rollouts.get("mood") == Rollout("mood")
    live(store, ladder(store, 1))
    draw_more(store, "mood", 0.5)
    assert store.rollouts.get("mood").draw == 0.5
    start_canary(store, ladder(store, 2), 0.2)
    assert store.rollouts.get("mood").draw is None
