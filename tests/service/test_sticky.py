"""A new release's share of the traffic: who has begun with it stays with it, and who has not comes later or never."""

from dataclasses import replace

from stepladder.core import Events, Question, Rollout, Task
from stepladder.models import Ladder
from stepladder.service import ServedTask
from stepladder.testing import SureRung

TASK = Task("mood", "big")


def served(share):
    rollout = Rollout("mood", live="old", candidate="new", share=share)
    ladder = Ladder(TASK, [], {}, SureRung(), release="", events=Events())
    return ServedTask(TASK, TASK.mode, rollout, ladder, ladder, {"old": ladder, "new": ladder}, "seed")


def release(question, share=0.3):
    return served(share).plan(question).ladder_release


def asked(number, **more):
    return Question(f"q{number}", "mood", "x", tenant="acme", **more)


def test_a_conversation_and_a_user_keep_their_release():
    for who in ({"conversation": "c-{}"}, {"user": "ann-{}"}):
        got = []
        for number in range(200):
            one = {key: value.format(number) for key, value in who.items()}
            releases = {release(asked(f"{number}-{again}", **one)) for again in range(5)}
            assert len(releases) == 1, "every question of theirs"
            got += releases
        assert 0.2 < got.count("new") / 200 < 0.4


def test_whoever_has_it_keeps_it_while_the_share_grows():
    questions = [asked(number, user=f"u{number}") for number in range(200)]
    before = {question.id for question in questions if release(question, 0.1) == "new"}
    after = {question.id for question in questions if release(question, 0.5) == "new"}
    assert before < after


def test_two_tenants_with_the_same_names_are_thrown_for_apart():
    pairs = [(asked(n, user=f"u{n}"), replace(asked(n, user=f"u{n}"), tenant="other")) for n in range(200)]
    assert any(release(one) != release(other) for one, other in pairs)


def test_nobody_in_particular_is_thrown_for_each_time():
    assert {release(asked(number)) for number in range(100)} == {"old", "new"}
