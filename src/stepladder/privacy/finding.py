"""What was found where."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The kinds of personal data; the value is what policies, placeholders and reports write."""

    ADDRESS = "address"
    BANK_ACCOUNT = "bank_account"
    BANK_CARD = "bank_card"
    BIRTH_DATE = "birth_date"
    COMPANY_CODE = "company_code"
    EMAIL = "email"
    IBAN = "iban"
    ID_NUMBER = "id_number"
    IP_ADDRESS = "ip_address"
    MAC_ADDRESS = "mac_address"
    PASSPORT = "passport"
    PERSON = "person"
    PHONE = "phone"
    PLATE = "plate"
    SSN = "ssn"
    URL = "url"


@dataclass(frozen=True, slots=True)
class Finding:
    """One piece of personal data: ``text`` is ``given[start:end]``, offsets in characters; ``score`` in (0, 1]."""

    start: int
    end: int
    kind: Kind
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Span:
    """A candidate of one recogniser: a Finding that still has to hold its ground against the others."""

    start: int
    end: int
    kind: Kind
    score: float
