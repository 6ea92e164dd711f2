"""Numbers that name a person: identity documents, cards, accounts. Check digits decide, words around them help."""

import re
from collections.abc import Iterator

from stepladder.privacy import checks, context
from stepladder.privacy.finding import Kind, Span

# Each pattern starts with a class of characters and looks behind afterwards: `re` then skips at memory speed.
_ID = re.compile(
    r"[1-9](?<![0-9A-Za-z_].)[0-9]{5}[ -]?(?:18|19|20)[0-9]{2}[ -]?[01][0-9][0-3][0-9][ -]?[0-9]{3}[0-9Xx](?![0-9A-Za-z_])"
)
_OLD_ID = re.compile(r"[1-9](?<![0-9A-Za-z_.].)[0-9]{14}(?![0-9A-Za-z_])")
_COMPANY = re.compile(
    r"[0-9]{6}(?<=[1-9A-HJ-NP-Y][1-9]......)(?<![0-9A-Za-z]........)[0-9A-HJ-NP-RTUW-Y]{10}(?![0-9A-Za-z])"
)
_CARD = re.compile(
    r"[1-9](?<![0-9A-Za-z_.].)(?:[0-9]{11,18}|"
    r"[0-9]{3}(?:[ -][0-9]{4}){2,3}(?:[ -][0-9]{1,4})?|[0-9]{3}[ -][0-9]{6}[ -][0-9]{4,5})"
    r"(?![0-9A-Za-z_]|\.[0-9])"
)
_SSN = re.compile(r"[0-9]{3}(?<![0-9A-Za-z_.-]...)([ -]?)([0-9]{2})\1([0-9]{4})(?![0-9A-Za-z_]|-[0-9])")
_PASSPORT = re.compile(r"[0-9]{6,9}(?=([^0-9A-Za-z]|$))")
_PASSPORT_LETTERS = re.compile(r"(?<![0-9A-Za-z])[A-Za-z]{0,2}$")
_ACCOUNT = re.compile(r"[0-9](?<![0-9A-Za-z_.].)(?:[ -]?[0-9]){7,24}(?![0-9A-Za-z_])")
_IBAN = re.compile(r"[0-9]{2}(?<=[A-Za-z]{2}..)(?<![0-9A-Za-z]....)(?=((?:[ -]?[A-Za-z0-9]){11,32}))")
_SEPARATORS = str.maketrans("", "", " -")


def id_numbers(text: str) -> Iterator[Span]:
    """Chinese ID numbers of 18 characters with their check digit, and the old ones of 15 digits."""
    for match in _ID.finditer(text):
        if checks.id_number(match[0].translate(_SEPARATORS)):
            yield Span(match.start(), match.end(), Kind.ID_NUMBER, 0.99)
    for match in _OLD_ID.finditer(text):
        if not checks.old_id_number(match[0]):
            continue
        if context.identity(text, match.start()):
            yield Span(match.start(), match.end(), Kind.ID_NUMBER, 0.97)
        elif not context.not_personal(text, match.start()) and not checks.luhn(match[0]):
            yield Span(match.start(), match.end(), Kind.ID_NUMBER, 0.5)


def company_codes(text: str) -> Iterator[Span]:
    """Unified social credit codes with their check character."""
    for match in _COMPANY.finditer(text):
        start = match.start() - 2
        if checks.company_code(text[start : match.end()]):
            yield Span(start, match.end(), Kind.COMPANY_CODE, 0.95)


def cards(text: str) -> Iterator[Span]:
    """Bank cards: Luhn, and either an issuer's prefix and length or words that speak of a card."""
    for match in _CARD.finditer(text):
        digits = match[0].translate(_SEPARATORS)
        if not 12 <= len(digits) <= 19 or not checks.luhn(digits):
            continue
        named = context.card(text, match.start(), match.end())
        issued = checks.card_issuer(digits)
        if named and (issued or len(digits) >= 16):
            yield Span(match.start(), match.end(), Kind.BANK_CARD, 0.98)
        elif issued and len(digits) >= 14 and not context.not_personal(text, match.start()):
            yield Span(match.start(), match.end(), Kind.BANK_CARD, 0.9)


def ssns(text: str) -> Iterator[Span]:
    """US social security numbers: 123-45-6789 by itself, other forms where they are announced."""
    for match in _SSN.finditer(text):
        separator, group, serial = match.groups()
        if not checks.ssn(match[0][:3], group, serial):
            continue
        named = context.ssn(text, match.start())
        if named or (separator == "-" and not context.not_personal(text, match.start())):
            yield Span(match.start(), match.end(), Kind.SSN, 0.97 if named else 0.85)


def passports(text: str) -> Iterator[Span]:
    """Passports and travel permits, where they are announced: the number's form alone says too little."""
    for match in _PASSPORT.finditer(text):
        letters = _PASSPORT_LETTERS.search(text, max(0, match.start() - 3), match.start())
        if letters and context.passport(text, letters.start()):
            yield Span(letters.start(), match.end(), Kind.PASSPORT, 0.95)


def accounts(text: str) -> Iterator[Span]:
    """Bank accounts, where they are announced."""
    for match in _ACCOUNT.finditer(text):
        if context.account(text, match.start(), match.end()):
            yield Span(match.start(), match.end(), Kind.BANK_ACCOUNT, 0.8)


def ibans(text: str) -> Iterator[Span]:
    """IBANs: as many characters as the country's have, remainder 1 modulo 97."""
    for match in _IBAN.finditer(text):
        start = match.start() - 2
        end = _end_of(text, start, match.end(1), checks.iban_length(text[start : start + 2]))
        if end and checks.iban(text[start:end].translate(_SEPARATORS)):
            yield Span(start, end, Kind.IBAN, 0.99)


def _end_of(text: str, start: int, limit: int, length: int) -> int:
    """Return where ``length`` characters that are no separators end, 0 where that is inside a word or past ``limit``."""
    position, left = start, length
    while position < limit and left:
        left -= text[position] not in " -"
        position += 1
    inside = position < len(text) and text[position].isascii() and text[position].isalnum()
    return 0 if left or not length or inside else position
