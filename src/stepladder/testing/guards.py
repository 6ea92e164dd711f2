"""The contract suite of guards: what every guard of any plug-in must keep, as a class for pytest to collect.

from stepladder.testing.guards import GuardContract

class TestMyGuard(GuardContract):
    known = ("a text that it flags",)
    harmless = ("a text that passes",)

    def make(self):
        return MyGuard("mine")
"""

import threading
from collections.abc import Sequence
from typing import ClassVar

from stepladder.core import Action, Guard, Side, Turn, Verdict
from stepladder.testing.contracts import ODD_TEXTS

_LONGEST_WINDOW = 64


class GuardContract:
    """What every guard keeps. `known` are texts that it must not let pass, `harmless` ones that it must."""

    known: ClassVar[Sequence[str]] = ()
    harmless: ClassVar[Sequence[str]] = ("What a lovely day.", "今天天气很好。")

    def make(self) -> Guard:
        """Return the guard under test."""
        raise NotImplementedError("Override make.")

    def test_it_is_a_guard_with_a_name_and_a_side(self) -> None:
        guard = self.make()
        assert isinstance(guard, Guard)
        assert guard.name
        assert guard.side in Side
        assert isinstance(guard.quick, bool)
        assert guard.window is None or 0 < guard.window <= _LONGEST_WINDOW

    def test_it_tells_known_from_harmless(self) -> None:
        guard = self.make()
        for text in self.known:
            assert guard.check(text).action is not Action.PASS, text
        for text in self.harmless:
            assert guard.check(text).action is Action.PASS, text

    def test_its_verdicts_make_sense(self) -> None:
        guard = self.make()
        for text in (*self.known, *self.harmless):
            check_verdict(text, guard.check(text))

    def test_odd_texts_get_a_verdict(self) -> None:
        guard = self.make()
        for text in ODD_TEXTS:
            check_verdict(text, guard.check(text))

    def test_the_same_text_gets_the_same_verdict_with_an_empty_conversation(self) -> None:
        guard = self.make()
        for text in (*self.known, *self.harmless):
            assert guard.check(text) == guard.check(text, ())

    def test_a_harmless_conversation_stays_harmless(self) -> None:
        guard = self.make()
        turns = (Turn("user", self.harmless[0]), Turn("assistant", "Indeed."))
        assert guard.check(self.harmless[0], turns).action is Action.PASS

    def test_many_threads_may_ask_at_once(self) -> None:
        guard = self.make()
        texts = (*self.known, *self.harmless) * 4
        alone = [guard.check(text) for text in texts]
        together: dict[int, Verdict] = {}
        threads = [
            threading.Thread(target=lambda i=i, text=text: together.__setitem__(i, guard.check(text)))
            for i, text in enumerate(texts)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [together[i] for i in range(len(texts))] == alone

    def test_a_window_guard_says_where(self) -> None:
        guard = self.make()
        if guard.window is None:
            return
        for text in self.known:
            verdict = guard.check(text)
            assert verdict.spans, "what a window guard flags has a place"
            padded = guard.check(f"... {text} ...")
            assert padded.action is verdict.action, "what stands around a match does not matter"


def check_verdict(text: str, verdict: Verdict) -> None:
    """What every verdict keeps."""
    assert isinstance(verdict, Verdict)
    assert 0.0 <= verdict.score <= 1.0
    assert (verdict.redacted is not None) == (verdict.action is Action.REDACT)
    assert verdict.action is Action.PASS or verdict.categories
    for span in verdict.spans:
        assert 0 <= span.start < span.end <= len(text)
        assert span.text == text[span.start : span.end]
        assert span.kind
    assert len(text) < 20 or text not in verdict.reason
    if verdict.redacted is not None:
        assert verdict.spans
        assert all(len(span.text) < 4 or span.text not in verdict.redacted for span in verdict.spans)
