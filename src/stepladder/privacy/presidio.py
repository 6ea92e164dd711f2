"""Microsoft Presidio in the place of our own recognisers, for who has its models installed (extra `presidio`)."""

from collections.abc import Collection, Sequence
from typing import Protocol

from stepladder.core import MissingExtra
from stepladder.privacy.finding import Finding, Kind

# Presidio's entity types as our kinds; the others (dates, places, organisations) are nobody's data by themselves.
_KINDS = {
    "CREDIT_CARD": Kind.BANK_CARD,
    "EMAIL_ADDRESS": Kind.EMAIL,
    "IBAN_CODE": Kind.IBAN,
    "IP_ADDRESS": Kind.IP_ADDRESS,
    "MAC_ADDRESS": Kind.MAC_ADDRESS,
    "PERSON": Kind.PERSON,
    "PHONE_NUMBER": Kind.PHONE,
    "US_BANK_NUMBER": Kind.BANK_ACCOUNT,
    "US_PASSPORT": Kind.PASSPORT,
    "US_SSN": Kind.SSN,
}


class Recognised(Protocol):
    """What Presidio says of one entity (`presidio_analyzer.RecognizerResult`)."""

    entity_type: str
    start: int
    end: int
    score: float


class Analyzer(Protocol):
    """The part of `presidio_analyzer.AnalyzerEngine` that is used."""

    def analyze(self, text: str, language: str) -> Sequence[Recognised]:
        """Return what was recognised in ``text``."""


class PresidioFinder:
    """Finds like `stepladder.privacy.find`. ``analyzer``: an engine set up by the caller; Presidio's default otherwise.

    Raises MissingExtra where `presidio-analyzer` is not installed.
    """

    def __init__(self, *, language: str = "en", analyzer: Analyzer | None = None) -> None:
        self._language = language
        self._analyzer = analyzer or _default()

    def __call__(self, text: str, kinds: Collection[Kind | str] | None = None) -> list[Finding]:
        """Return the personal data in ``text``, sorted, none overlapping another: the surest of what overlaps."""
        wanted = frozenset(Kind) if kinds is None else frozenset(Kind(kind) for kind in kinds)
        kept: list[Finding] = []
        for one in sorted(
            self._analyzer.analyze(text, self._language), key=lambda one: (-one.score, one.start - one.end)
        ):
            kind = _KINDS.get(one.entity_type)
            free = all(one.end <= other.start or other.end <= one.start for other in kept)
            if kind is not None and kind in wanted and free:
                kept.append(Finding(one.start, one.end, kind, text[one.start : one.end], one.score))
        return sorted(kept, key=lambda finding: finding.start)


def _default() -> Analyzer:
    try:
        from presidio_analyzer import AnalyzerEngine
    except ImportError as error:
        raise MissingExtra("Presidio", "presidio") from error
    engine: Analyzer = AnalyzerEngine()
    return engine
