"""Presidio's entities as our findings."""

import importlib.util
from dataclasses import dataclass

import pytest

from stepladder.core import Action, ConfigError, MissingExtra
from stepladder.privacy import Kind, PresidioFinder
from stepladder.safety import PersonalGuard, PersonalSettings

ABSENT = importlib.util.find_spec("presidio_analyzer") is None


@dataclass
class Said:
    entity_type: str
    start: int
    end: int
    score: float


class Scripted:
    def analyze(self, text, language):
        assert language == "en"
        return [
            Said("DATE_TIME", 0, 4, 1.0),
            Said("PHONE_NUMBER", 5, 9, 0.4),
            Said("CREDIT_CARD", 5, 12, 0.9),
            Said("PERSON", 0, 4, 0.8),
        ]


def test_entities_become_findings_the_surest_first():
    find = PresidioFinder(analyzer=Scripted())
    assert [(one.text, one.kind) for one in find("Anna 4111111 x")] == [
        ("Anna", Kind.PERSON),
        ("4111111", Kind.BANK_CARD),
    ]
    assert [one.kind for one in find("Anna 4111111 x", ["person"])] == [Kind.PERSON]


@pytest.mark.skipif(not ABSENT, reason="presidio-analyzer is installed")
def test_without_the_library_the_command_is_named():
    with pytest.raises(MissingExtra, match=r"stepladder\[presidio\]"):
        PresidioFinder()


@pytest.mark.skipif(ABSENT, reason="presidio-analyzer is not installed")
def test_its_pattern_recognisers_work_through_the_adapter():
    from presidio_analyzer import RecognizerRegistry
    from presidio_analyzer.predefined_recognizers import CreditCardRecognizer

    class OneRecogniser:
        def analyze(self, text, language):
            return CreditCardRecognizer().analyze(text, ["CREDIT_CARD"], None)

    assert RecognizerRegistry is not None
    (found,) = PresidioFinder(analyzer=OneRecogniser())("pay 4111111111111111")
    assert found.kind is Kind.BANK_CARD


def test_the_guard_on_personal_data_can_be_presidio():
    guard = PersonalGuard(
        "personal", PersonalSettings(engine="presidio"), finder=PresidioFinder(analyzer=Scripted())
    )
    verdict = guard.check("Anna 4111111 x")
    assert (verdict.action, verdict.redacted) == (Action.REDACT, "[PERSON] [BANK_CARD] x")
    assert (guard.quick, guard.window) == (False, 64), "it has a thread, and an answer waits for its end"
    assert PersonalGuard("personal").quick


def test_an_engine_that_there_is_not_is_named():
    with pytest.raises(ConfigError, match="own, presidio") as caught:
        PersonalGuard.open("mine", {"engine": "presido"})
    assert caught.value.param == "guards.mine.engine"
