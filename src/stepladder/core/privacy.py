"""Configuration of what is kept of people: `[privacy]` with what is masked and sealed, `[retention]` with how long."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from stepladder.core.errors import BadRequest, ConfigError
from stepladder.core.guarding import Deed
from stepladder.core.toml_tables import between

_MOST_PURPOSE = 300
_DEEDS = (Deed.PASS, Deed.REDACT, Deed.MASK, Deed.HASH)


@dataclass(frozen=True, slots=True)
class Sealing:
    """`[privacy.sealing]`: texts at rest are encrypted under a key of their tenant's, which `key` wraps.

    `key` and each of `old_keys` are "env:NAME" or "file:PATH" of 32 bytes in base64 or hexadecimal; old ones only open what
    they wrapped. A tenant gets a new key every `rotate_days` (0: never by itself); what an older one sealed stays readable.
    """

    key: str = ""
    old_keys: tuple[str, ...] = ()
    rotate_days: float = 90.0


@dataclass(frozen=True, slots=True)
class Privacy:
    """`[privacy]`: what becomes of personal data in what is kept, whatever guards do on the way; secrets never are kept.

    `personal` is "pass", "redact", "mask" or "hash" (with `key`, "env:NAME" or "file:PATH"). Where there are `purposes`, a
    reading of people's texts must name one of them.
    """

    personal: Deed = Deed.PASS
    key: str = ""
    purposes: tuple[str, ...] = ()
    sealing: Sealing = field(default_factory=Sealing)


@dataclass(frozen=True, slots=True)
class Retention:
    """`[retention]`: after how many days what goes; 0 keeps it. `ledger.retention_days` ends whole rows.

    `payload`: the words of questions and answers, of which the row stays. `feedback`: corrections and comments. `reviews`:
    what waited for a person. `knowledge`: documents that nobody has put since. `examples`: rows of frozen datasets.
    """

    payload_days: float = 0.0
    feedback_days: float = 0.0
    reviews_days: float = 0.0
    knowledge_days: float = 0.0
    examples_days: float = 0.0


def checked_purpose(said: str, purposes: Sequence[str], param: str) -> str:
    """The purpose of a reading. Raises BadRequest where there is none, or none of those that are allowed.

    "legal" and "legal: the request of 3 May" both are of the purpose "legal".
    """
    said = said.strip()
    if not said or len(said) > _MOST_PURPOSE or not said.isprintable():
        raise BadRequest(
            f"This reads people's texts or what was learnt from them, and {param} does not say why.",
            param=param,
            remedy="Give the purpose in a few words; it is kept in the journal.",
        )
    if purposes and said.partition(":")[0].strip() not in purposes:
        raise BadRequest(
            f"{said!r} is none of the purposes that texts may be read for.",
            param=param,
            remedy=f"Begin with one of: {', '.join(purposes)}.",
        )
    return said


def check_privacy(privacy: Privacy, retention: Retention) -> None:
    """Raises ConfigError naming the key that is wrong."""
    if privacy.personal not in _DEEDS:
        raise ConfigError(
            f"privacy.personal is {privacy.personal.value!r}.",
            param="privacy.personal",
            remedy=f"Write {', '.join(_DEEDS)}.",
        )
    if privacy.personal is Deed.HASH and not privacy.key:
        raise ConfigError(
            "Hashing personal data needs a key.",
            param="privacy.key",
            remedy='Write privacy.key = "env:NAME".',
        )
    if privacy.sealing.old_keys and not privacy.sealing.key:
        raise ConfigError(
            "privacy.sealing.old_keys only open what was sealed.",
            param="privacy.sealing.key",
            remedy="Name the key that seals from now on.",
        )
    between(privacy.sealing.rotate_days, 0, 36_500, "privacy.sealing.rotate_days", closed=True)
    for item in fields(retention):
        between(getattr(retention, item.name), 0, 36_500, f"retention.{item.name}", closed=True)
