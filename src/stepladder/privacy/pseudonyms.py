"""Reversible pseudonyms: placeholders in a conversation, what they stand for, and putting it back, also in a stream."""

from collections.abc import Iterable, Iterator, Sequence

from stepladder.privacy.finding import Finding, Kind
from stepladder.privacy.fold import canonical, fold
from stepladder.privacy.placeholders import LABELS, LITERAL, PLACEHOLDER, UNFINISHED, label_of

_TELLING = 6  # characters: what is shorter stands in many texts and means nobody


class Vault:
    """What the placeholders of one conversation stand for. The same text of the same kind keeps its placeholder.

    It holds personal data in the clear: keep it in memory, or seal it with `SealedVaults`; never log it.
    """

    def __init__(self, entries: Iterable[tuple[str, int, str]] = ()) -> None:
        self._texts: dict[tuple[str, int], str] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        self._last: dict[str, int] = {}
        for label, number, text in entries:
            self._keep(label, number, text)
        self._old = frozenset(self._texts)

    def __repr__(self) -> str:
        return f"Vault({len(self)} entries)"

    def __len__(self) -> int:
        return len(self._texts)

    def entries(self) -> list[tuple[str, int, str]]:
        """Return (label, number, text) of every placeholder, to be sealed."""
        return [(label, number, text) for (label, number), text in self._texts.items()]

    def pseudonymise(self, text: str, findings: Sequence[Finding]) -> str:
        """Return ``text`` with each finding's span replaced by its placeholder; findings come sorted, as from `find`.

        What already looks like a placeholder is replaced too, so that restoring gives back exactly ``text``; one that was in
        this vault when it was opened stays, since the conversation's earlier turns are kept with them.
        """
        pieces, position = [], 0
        for start, end, label in _replaced(text, findings):
            if label == LITERAL and self._is_old(text[start:end]):
                continue
            pieces += [text[position:start], self._placeholder(label, text[start:end])]
            position = end
        return "".join([*pieces, text[position:]])

    def put(self, kind: Kind, text: str) -> str:
        """Return the placeholder of one piece of personal data."""
        return self._placeholder(LABELS[kind], text)

    def knows(self, text: str) -> bool:
        """Whether some placeholder stands for this, however it is written there."""
        wanted = canonical(text)
        return any(wanted in canonical(kept) for kept in self._texts.values())

    def hide(self, text: str) -> str:
        """Return ``text`` with what placeholders stand for replaced by them where it stands to the letter, found or not."""
        known = [(kept, at) for at, kept in self._texts.items() if at[0] != LITERAL and len(kept) >= _TELLING]
        for kept, (label, number) in sorted(known, key=lambda one: -len(one[0])):
            text = text.replace(kept, f"<{label}_{number}>")
        return text

    def reserve(self, text: str) -> None:
        """Let what looks like a placeholder in a text that stays as it is (a schema's name) stand for itself."""
        for match in PLACEHOLDER.finditer(fold(text)):
            label, number = label_of(match)
            self._texts.setdefault((label, number), text[match.start() : match.end()])
            self._last[label] = max(number, self._last.get(label, 0))

    def restore(self, text: str) -> str:
        """Return ``text`` with every placeholder of this conversation, bent or not, put back; unknown ones stay."""
        restorer = self.restorer()
        return restorer.feed(text) + restorer.finish()

    def restorer(self) -> "Restorer":
        """Return a restorer for one streamed answer."""
        return Restorer(self)

    def text_of(self, label: str, number: int) -> str | None:
        """Return what a placeholder stands for, None where it is none of this conversation."""
        return self._texts.get((label, number))

    def _is_old(self, text: str) -> bool:
        match = PLACEHOLDER.search(fold(text))
        return match is not None and label_of(match) in self._old

    def _placeholder(self, label: str, text: str) -> str:
        number = self._numbers.get((label, text))
        if number is None:
            number = self._last.get(label, 0) + 1
            self._keep(label, number, text)
        return f"<{label}_{number}>"

    def _keep(self, label: str, number: int, text: str) -> None:
        self._texts[label, number] = text
        self._numbers[label, text] = number
        self._last[label] = max(number, self._last.get(label, 0))


def _replaced(text: str, findings: Sequence[Finding]) -> Iterator[tuple[int, int, str]]:
    """Yield what is to be replaced, in order: the findings, and between them what looks like a placeholder."""
    position = 0
    for finding in findings:
        yield from _literals(text, position, finding.start)
        yield finding.start, finding.end, LABELS[finding.kind]
        position = finding.end
    yield from _literals(text, position, len(text))


def _literals(text: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    # Each search sees only the rest: what it begins with will stand behind a placeholder, not behind what was there.
    while match := PLACEHOLDER.search(fold(text[start:end])):
        yield start + match.start(), start + match.end(), LITERAL
        start += match.end()


class Restorer:
    """Restores a stream: `feed` returns what is settled and holds back only what may be the beginning of a placeholder."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._held = ""
        self._before = ""

    def feed(self, chunk: str) -> str:
        """Take the next piece of the answer; return the text that can be shown, which may be empty."""
        self._held += chunk
        return self._settle(last=False)

    def finish(self) -> str:
        """Return what was held back; the answer is over."""
        return self._settle(last=True)

    def _settle(self, *, last: bool) -> str:
        text = self._before + self._held
        plain = fold(text)
        position, shown = len(self._before), []
        while True:
            open_end = None if last else _unfinished(plain, position)
            whole = PLACEHOLDER.search(plain, position)
            if whole is None or (open_end is not None and open_end <= whole.start()):
                break
            known = self._vault.text_of(*label_of(whole))
            shown += [
                text[position : whole.start()],
                text[whole.start() : whole.end()] if known is None else known,
            ]
            position = whole.end()
        end = len(text) if open_end is None else open_end
        shown.append(text[position:end])
        self._before, self._held = text[max(0, end - 1) : end], text[end:]
        return "".join(shown)


def _unfinished(plain: str, position: int) -> int | None:
    """Return where the longest tail begins that may grow into a placeholder, None where there is none."""
    for start in range(max(position, len(plain) - 40), len(plain)):
        if UNFINISHED.fullmatch(plain, start):
            return start
    return None
