"""Write `safety/data/familiar.bin`: what harmless texts say, for tiering lists of words (no text can be read out of it).

    python -m recipes.guards.familiar SOURCES

Every tenth text is left out, so that the effect can be measured on texts that the filters have not seen.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from recipes.guards.sources import Sources
from stepladder.safety import Bloom
from stepladder.text import fold

_HAN = re.compile("[\u4e00-\u9fff]+")
_LATIN = re.compile("[a-z][a-z']+")
_SEEN = {2: 2, 3: 3, 4: 3, 5: 4, 6: 4}  # in how many texts a sequence of that length is known
_OFTEN = 40
_COMMON_WORD = 300


def held_out(texts: Iterable[str]) -> list[str]:
    """Every tenth text: what the filters have not seen."""
    return [text for i, text in enumerate(texts) if i % 10 == 0]


def sequences(text: str) -> Iterator[str]:
    """Every sequence of 2 to 6 Han characters, and every Latin word, of a folded text."""
    for run in _HAN.findall(text):
        for length in _SEEN:
            yield from (run[i : i + length] for i in range(len(run) - length + 1))
    yield from _LATIN.findall(text)


def main(folder: Path, target: Path) -> None:
    """Make the file from the archives in `folder`."""
    sources = Sources(folder)
    texts = [
        *sources.newspaper(),
        *sources.reviews(),
        *(t for part in sources.english().values() for t in part),
    ]
    seen: Counter[str] = Counter()
    for i, text in enumerate(texts):
        if i % 10:
            seen.update(set(sequences(fold(text).text)))
    words = {fold(word).text: count for word, count in sources.words().items() if len(word) > 1}
    known = {
        key for key, count in seen.items() if count >= (_SEEN[len(key)] if _HAN.match(key) else 2)
    } | set(words)
    frequent = {key for key, count in seen.items() if count >= _OFTEN}
    frequent |= {word for word, count in words.items() if count >= _COMMON_WORD}
    filters = Bloom.empty(6, 23), Bloom.empty(6, 20)
    for bloom, keys in zip(filters, (known, frequent), strict=True):
        for key in keys:
            bloom.add(key)
    target.write_bytes(b"".join(bloom.to_bytes() for bloom in filters))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path("src/stepladder/safety/data/familiar.bin"))
