"""Names for passages that are not ours: in our own file a passage has its row's number."""

from hashlib import blake2b


def foreign_number(document: str, text: str) -> int:
    """The same for the same text of the same document, 48 bits: far above the numbers of our own passages."""
    named = f"{document}\0{text}".encode("utf-8", "replace")
    return int.from_bytes(blake2b(named, digest_size=6).digest(), "big")
