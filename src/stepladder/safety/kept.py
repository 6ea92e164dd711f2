"""What may be kept of a text, whatever guards let through: no secret ever, and personal data as `[privacy]` says."""

from collections.abc import Callable

from stepladder.core import ConfigError, Deed, Privacy, Span, config
from stepladder.privacy import find, identifies, keyed_hash, redact
from stepladder.privacy import mask as masked
from stepladder.safety.secrets import SecretsGuard
from stepladder.safety.spans import mask

Clean = Callable[[str], str]
_secrets = SecretsGuard("secrets")


def kept(privacy: Privacy) -> Clean:
    """What makes a text fit to be kept. Raises ConfigError for a key that is missing or short.

    The same text always becomes the same, so that answers that were equal still are; with "hash", different ones that held
    different data stay different, too.
    """
    if privacy.personal is Deed.PASS:
        return without_secrets
    hashed = _hashing(privacy) if privacy.personal is Deed.HASH else None
    instead = hashed or (masked if privacy.personal is Deed.MASK else None)

    def clean(text: str) -> str:
        text = without_secrets(text)
        if not identifies(text):  # a name or an address alone is no more than what encyclopaedias are full of
            return text
        found = find(text)
        if instead is not None:
            return redact(text, found, instead)
        return mask(text, (Span(one.start, one.end, str(one.kind), one.text) for one in found))

    return clean


def without_secrets(text: str) -> str:
    """The text with every secret as its kind in brackets."""
    spans = _secrets.check(text).spans
    return mask(text, spans) if spans else text


def _hashing(privacy: Privacy) -> Callable[..., str]:
    secret = config.secret(privacy.key, "privacy.key").encode()
    try:
        return keyed_hash(secret)
    except ValueError as error:
        raise ConfigError(f"privacy.key: {error}.", param="privacy.key", remedy="Use at least 16.") from error
