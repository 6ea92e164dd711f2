"""The chain: the severest action holds, and whatever goes wrong closes the way."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from stepladder.core import Action, DataError, Side, Span, UnknownPlugin, Verdict
from stepladder.safety import FAILED, Chain, MissingGuard, merge, open_guard, open_or_block
from stepladder.safety.classifier import Classifier


@dataclass
class Fixed:
    """A guard that always says the same, or does what it is told."""

    verdict: object = field(default_factory=Verdict)
    name: str = "fixed"
    side: Side = Side.BOTH
    window: int | None = None
    quick: bool = True
    error: BaseException | None = None
    gate: threading.Event | None = None

    def check(self, text, turns=()):
        if self.gate is not None:
            self.gate.wait()
        if self.error is not None:
            raise self.error
        return self.verdict


def said(*guards, text="some text", **settings):
    return Chain(guards, **settings).check(text, Side.IN)


def test_nothing_said_is_a_pass_with_the_highest_score():
    verdict = said(Fixed(Verdict(score=0.2)), Fixed(Verdict(score=0.4)))
    assert (verdict.action, verdict.score, verdict.categories) == (Action.PASS, 0.4, ())


def test_the_severest_action_holds_and_all_are_heard():
    redact = Verdict(Action.REDACT, ("mail",), 0.8, (Span(0, 4, "mail", "some"),), "r", "[MAIL] text")
    block = Verdict(Action.BLOCK, ("attack",), 0.9, reason="b")
    verdict = said(
        Fixed(redact, "one"), Fixed(block, "two"), Fixed(Verdict(Action.HOLD, ("h",), 0.1), "three")
    )
    assert verdict.action is Action.BLOCK
    assert verdict.categories == ("mail", "attack", "h")
    assert verdict.score == 0.9
    assert verdict.redacted is None
    assert verdict.reason.startswith("one: r; two: b")


def test_redactions_of_several_guards_come_together():
    one = Verdict(Action.REDACT, ("a",), 1.0, (Span(0, 4, "a", "some"),), "", "x")
    two = Verdict(Action.REDACT, ("b",), 1.0, (Span(2, 7, "b", "me te"), Span(8, 9, "b", "t")), "", "x")
    verdict = said(Fixed(one), Fixed(two))
    assert verdict.redacted == "[B]x[B]"
    assert [(s.start, s.end, s.text) for s in verdict.spans] == [(0, 7, "some te"), (8, 9, "t")]


def test_only_guards_of_the_side_are_asked():
    out = Fixed(Verdict(Action.BLOCK, ("x",)), side=Side.OUT)
    chain = Chain((out,))
    assert chain.check("t", Side.IN).action is Action.PASS
    assert chain.check("t", Side.OUT).action is Action.BLOCK


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("error", [ValueError("the text: secret"), RecursionError(), KeyError("x")])
def test_a_guard_that_raises_blocks_and_says_nothing_of_the_text(error, quick):
    verdict = said(Fixed(error=error, name="bad", quick=quick))
    assert verdict.action is Action.BLOCK
    assert verdict.categories == (FAILED,)
    assert "guard bad failed" in verdict.reason
    assert "secret" not in verdict.reason


@pytest.mark.parametrize(
    "nonsense",
    [
        None,
        "pass",
        Verdict(Action.REDACT, ("x",), 1.0),
        Verdict(Action.REDACT, ("x",), 1.0, (Span(3, 99, "x", ""),), "", "y"),
        Verdict(Action.PASS, (), 0.0, (Span(5, 5, "x", ""),)),
    ],
)
def test_a_guard_that_answers_nonsense_blocks(nonsense):
    assert said(Fixed(nonsense)).categories == (FAILED,)


def test_a_guard_that_hangs_blocks_and_is_not_asked_for_ever():
    gate = threading.Event()
    chain = Chain((Fixed(gate=gate, quick=False, name="slow"),), limit=0.05)
    before = threading.active_count()
    for _ in range(4):
        assert "no verdict in 0.05 s" in chain.check("t", Side.IN).reason
    for _ in range(5):
        assert "still hangs" in chain.check("t", Side.IN).reason
    assert threading.active_count() <= before + 4
    gate.set()
    for thread in threading.enumerate():
        if thread.name == "guard slow":
            thread.join(10)
    chain.limit = 30
    assert chain.check("t", Side.IN).action is Action.PASS


def test_a_slow_guard_may_be_asked_by_several_at_once():
    gate = threading.Event()
    chain = Chain((Fixed(gate=gate, quick=False, name="slow"),), limit=30)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(chain.check, "t", Side.IN) for _ in range(8)]
        gate.set()
        assert {each.result().action for each in asked} == {Action.PASS}


def test_a_dry_run_says_what_it_saw_and_lets_it_pass():
    verdict = said(Fixed(Verdict(Action.BLOCK, ("x",), 0.7)), dry_run=True)
    assert (verdict.action, verdict.categories, verdict.score) == (Action.PASS, ("x",), 0.7)


def test_a_missing_guard_blocks():
    assert isinstance(open_or_block("x", "no-such-guard", {}), MissingGuard)
    verdict = said(open_or_block("x", "no-such-guard", {}))
    assert verdict.categories == (FAILED,)
    assert "UnknownPlugin" in verdict.reason
    with pytest.raises(UnknownPlugin, match="There is no guard named"):
        open_guard("x", "no-such-guard", {})


def test_missing_weights_are_named():
    with pytest.raises(DataError, match="guard nothing cannot be read"):
        Classifier.load("nothing")


def test_merge_of_nobody_passes():
    assert merge("t", []) == Verdict()
