"""What stands in the place of what is cut out of a text, and the vault that some of it can be taken back from."""

from collections.abc import Sequence

from stepladder.core import Deed
from stepladder.privacy import UNASKED, Finding, Kind, Vault, keyed_hash, mask
from stepladder.safety.judging import Cut
from stepladder.safety.stream import Replaced


class Pen:
    """Writes for one question. `secret` is what hashes are made with."""

    def __init__(self, vault: Vault | None, secret: bytes) -> None:
        self.vault = vault
        self._hash = keyed_hash(secret) if secret else None

    def written(self, text: str, cuts: Sequence[Cut], *, asked: bool, literal: bool = False) -> str:
        """A text with its cuts made. `asked`: it is of the question, and not of the answer.

        `literal`: what already looks like a placeholder is replaced by one too, so that restoring gives back exactly
        what was there.
        """
        pieces, position = [], 0
        for cut in cuts:
            pieces.append(self._between(text[position : cut.start], literal))
            pieces.append(self.instead(cut, text[cut.start : cut.end], asked=asked))
            position = cut.end
        pieces.append(self._between(text[position:], literal))
        return "".join(pieces)

    def replaced(self, cuts: Sequence[Cut]) -> list[Replaced]:
        """The same for windows over a streamed answer."""

        def piece(cut: Cut) -> Replaced:
            return Replaced(cut.start, cut.end, lambda text: self.instead(cut, text, asked=False))

        return [piece(cut) for cut in cuts]

    def instead(self, cut: Cut, text: str, *, asked: bool) -> str:
        """What stands in the place of one cut. An answer's card that the asker did not give is not put back."""
        if cut.deed is Deed.PSEUDONYM and self.vault is not None and cut.kind in list(Kind):
            if asked or cut.kind not in UNASKED or self.vault.knows(text):
                return self.vault.put(Kind(cut.kind), text)
        elif cut.deed in (Deed.MASK, Deed.HASH) and cut.kind in list(Kind):
            finding = Finding(0, len(text), Kind(cut.kind), text, 1.0)
            return mask(finding) if cut.deed is Deed.MASK or self._hash is None else self._hash(finding)
        return f"[{cut.kind.upper()}]"

    def _between(self, text: str, literal: bool) -> str:
        return self.vault.pseudonymise(text, ()) if literal and self.vault is not None and text else text
