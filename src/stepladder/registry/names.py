"""Names that become folders."""

import unicodedata

from stepladder.core import BadRequest

_LONGEST = 120
_ALLOWED = frozenset("-_. ")


def folder_name(name: str, what: str) -> str:
    """`name`, if every file system takes it: letters and digits of any script, spaces, "-", "_" and ".".

    Raises BadRequest naming `what` otherwise: nothing is replaced, so that two names never share a folder.
    """
    fine = (
        0 < len(name.encode("utf-8", "surrogatepass")) <= _LONGEST
        and all(character.isalnum() or character in _ALLOWED for character in name)
        and name == unicodedata.normalize("NFC", name)
        and name[0] not in ". "
        and name[-1] not in ". "
    )
    if not fine:
        raise BadRequest(
            f"{name[:_LONGEST]!r} cannot be the name of a {what}: it becomes a folder.",
            param=what,
            remedy=f'Use letters, digits, "-", "_" and ".", at most {_LONGEST} bytes of UTF-8.',
        )
    return name
