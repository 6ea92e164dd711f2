"""Passwords as argon2id hashes (RFC 9106, its second recommended setting: 64 MiB, 3 passes, 4 lanes)."""

from typing import TYPE_CHECKING

from stepladder.core import BadRequest, MissingExtra

if TYPE_CHECKING:
    from argon2 import PasswordHasher

LEAST_CHARACTERS = 12
_MOST_CHARACTERS = 1024
# Of nobody's password: looked at where there is no account, so that an unknown name takes as long as a wrong password.
_NOBODYS = "$argon2id$v=19$m=65536,t=3,p=4$0RlwhAnZ3Zgtlo636dCWdw$b0zMY0rbLYpBmNHIyrZ+8Z1NxExw0WYZmqM4oETzweM"


def hashed(password: str) -> str:
    """The hash to keep. Raises BadRequest for a password that is too short or long, MissingExtra."""
    if not LEAST_CHARACTERS <= len(password) <= _MOST_CHARACTERS:
        raise BadRequest(
            f"A password has {LEAST_CHARACTERS} to {_MOST_CHARACTERS} characters; this has {len(password)}.",
            param="password",
            remedy="A few words in a row are long enough, and easy to keep in mind.",
        )
    return _hasher().hash(password)


def fits(password: str, kept: str | None) -> bool:
    """Whether it is the password that was hashed; False for None, in the same time. Raises MissingExtra."""
    hasher = _hasher()
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        hasher.verify(kept or _NOBODYS, password[: _MOST_CHARACTERS + 1])
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


def _hasher() -> "PasswordHasher":
    try:
        from argon2 import PasswordHasher
        from argon2.profiles import RFC_9106_LOW_MEMORY
    except ImportError as error:
        raise MissingExtra("Logging in with a password", "access") from error
    return PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
