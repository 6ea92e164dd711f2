"""What can be done to personal data in a text besides leaving it: mask it or hash it; and what an answer must not carry."""

import hmac
from collections.abc import Callable, Collection, Iterable, Sequence

from stepladder.privacy.find import find
from stepladder.privacy.finding import Finding, Kind
from stepladder.privacy.fold import canonical
from stepladder.privacy.placeholders import LABELS

Action = Callable[[Finding], str]

_TAILED = {Kind.BANK_CARD: 4, Kind.PHONE: 4, Kind.BANK_ACCOUNT: 4}
UNASKED = (Kind.BANK_CARD, Kind.ID_NUMBER, Kind.SSN, Kind.IBAN, Kind.PASSPORT, Kind.BANK_ACCOUNT)


def redact(text: str, findings: Sequence[Finding], action: Action) -> str:
    """Return ``text`` with each finding replaced by what ``action`` makes of it; sorted, as from `find`."""
    pieces, position = [], 0
    for finding in findings:
        pieces += [text[position : finding.start], action(finding)]
        position = finding.end
    return "".join([*pieces, text[position:]])


def block(finding: Finding) -> str:
    """Return the kind's name in brackets: nothing of the text is left."""
    return f"[{LABELS[finding.kind]}]"


def mask(finding: Finding) -> str:
    """Return asterisks for letters and digits; cards, accounts and telephones keep four digits."""
    kept = _TAILED.get(finding.kind, 0)
    signs = sum(map(str.isalnum, finding.text))
    masked, seen = [], 0
    for character in finding.text:
        seen += character.isalnum()
        hidden = character.isalnum() and (seen <= signs - kept or signs < 8)
        masked.append("*" if hidden or not (character.isalnum() or character in " -.+()@:/") else character)
    return "".join(masked)


def keyed_hash(key: bytes) -> Action:
    """Return an action that writes the kind and 16 hexadecimal digits of HMAC-SHA256: equal texts stay equal.

    The billions of possible telephone numbers could be tried without a key. Raises ValueError below 16 bytes.
    """
    if len(key) < 16:
        raise ValueError(f"the key has {len(key)} bytes: use at least 16")

    def hashed(finding: Finding) -> str:
        digest = hmac.digest(
            key, f"{finding.kind}:{canonical(finding.text)}".encode("utf-8", "replace"), "sha256"
        )
        return f"[{LABELS[finding.kind]}:{digest.hex()[:16]}]"

    return hashed


def foreign(answer: str, asked: Iterable[str], kinds: Collection[Kind | str] = UNASKED) -> list[Finding]:
    """Return the personal data of ``kinds`` in ``answer`` that no ``asked`` text holds, however it is written there."""
    found = find(answer, kinds)
    if not found:
        return []
    given = [canonical(text) for text in asked]
    return [finding for finding in found if not any(canonical(finding.text) in text for text in given)]
