"""Whether this machine's SQLite, text tables and numpy find what they must: asked once, when a server opens its file."""

import tempfile
from pathlib import Path

from stepladder.core import StoreError
from stepladder.knowledge.knowledge import Knowledge
from stepladder.knowledge.nouns import Document, SearchMode
from stepladder.knowledge.search import Query

_SENTENCES = {
    "zh": "快递员把包裹放在旧码头旁边。",
    "en": "The courier left the parcel beside the old harbour.",
}
_MUST_FIND = {"码头": "zh", "碼頭": "zh", "parcels": "en"}


def self_test() -> None:
    """Index a Chinese and an English sentence, and find a word in the middle of each. Raises StoreError."""
    with tempfile.TemporaryDirectory() as folder:
        knowledge = Knowledge.open(Path(folder) / "knowledge.db")
        try:
            knowledge.add("test", (Document(id, text) for id, text in _SENTENCES.items()))
            for word, expected in _MUST_FIND.items():
                hits = knowledge.search(Query(word, "test", mode=SearchMode.LEXICAL))
                if [hit.passage.document for hit in hits] != [expected]:
                    raise StoreError(
                        f"The knowledge's self-test did not find {word!r} where it stands.",
                        remedy="Reinstall stepladder with its dependencies (numpy, OpenCC).",
                    )
        finally:
            knowledge.close()
