"""What is wished for, from what, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from stepladder.core import Embedder
from stepladder.data.rowfile import RowFile


class How(StrEnum):
    """What the model is asked for."""

    PARAPHRASE = "paraphrase"
    """Other words for one row's question; the answer stays."""
    MORE = "more"
    """New questions with a given answer, after examples of it."""
    DOCUMENTS = "documents"
    """Questions that a passage answers, each with its answer in the passage's words."""
    NEGATIVES = "negatives"
    """Hard negatives: texts that look like one answer's and have another one."""
    PREFERENCES = "preferences"
    """A better and a worse answer to a row's question."""

    @property
    def of_a_kind(self) -> bool:
        """Whether what is made is of the kind of what it is made from: texts with answers from such."""
        return self not in (How.DOCUMENTS, How.PREFERENCES)


@dataclass(frozen=True, slots=True)
class Wish:
    """What to make: `each` texts, or pairs, a request.

    With MORE and NEGATIVES, `count` requests for each answer; with DOCUMENTS one a passage, else one a row. `against`
    names the answers that negatives have (empty: the other answers of the file). A text is new where fewer than
    `threshold` of its character n-grams are an earlier text's, and its vector's cosine with each of theirs is below `alike`.
    """

    how: How
    each: int = 4
    count: int = 10
    seed: int = 0
    threshold: float = 0.6
    alike: float = 0.975
    against: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Material:
    """What synthetic rows are made from, and what they must not be: the seeds, and a test set where there is one.

    Without an `embedder` only n-grams tell whether a text is new.
    """

    seeds: RowFile
    test: RowFile | None = None
    embedder: Embedder | None = None


@dataclass(frozen=True, slots=True)
class Synthesised:
    """What came of it: texts that the model wrote, rows kept, why the others were not, and the synthetic `share`.

    The share is that of the seeds and the kept rows together where both are of a kind, else that of the kept rows: 1.
    """

    written: int
    kept: int
    dropped: Mapping[str, int]
    share: float
