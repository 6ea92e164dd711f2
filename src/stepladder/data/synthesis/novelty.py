"""Whether drafts are new, by their n-grams and by their vectors; and whether negatives are hard ones."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stepladder.core import Embedder, Progress
from stepladder.data.duplicates import find_contamination, find_duplicates
from stepladder.data.synthesis.drafts import Draft
from stepladder.data.synthesis.wish import How, Material, Wish
from stepladder.models import open_embedder

_LEAK, _COPY, _ALIKE, _EASY = "in the test set", "nothing new", "says the same", "not hard"
Vectors = NDArray[np.float32]


def new_ones(
    found: Sequence[Draft], material: Material, wish: Wish, dropped: Counter[str], progress: Progress
) -> list[Draft]:
    """Drafts that are near no test row, no seed of their kind, and no earlier draft."""
    test = material.test[:] if material.test is not None else []
    if wish.how is How.PREFERENCES:
        found = _untested(found, material, wish, dropped, progress)
        before, tested = [], 0
    else:
        before, tested = [*test, *(material.seeds[:] if wish.how.of_a_kind else ())], len(test)
    kept = _no_copies(found, (before, tested), wish, dropped, progress)
    if material.embedder is None:
        return kept
    return _unlike(kept, (before, tested), material.embedder, wish.alike, dropped)


def hard_ones(found: Sequence[Draft], material: Material, dropped: Counter[str]) -> list[Draft]:
    """Negatives that are at least as near to the answer that they look like as half of the other answers' seeds are."""
    embedder = material.embedder or open_embedder("synthesis", {"kind": "ngrams"})
    seeds = material.seeds
    vectors = embedder.embed(seeds[:], query=False)
    answers = [seeds.row(at).get("answer") for at in range(len(seeds))]
    kept = []
    near: dict[str, tuple[Vectors, float]] = {}
    for draft in found:
        answer = draft.row["looks_like"]
        if answer not in near:
            inside = np.array([one == answer for one in answers])
            typical = (vectors[~inside] @ vectors[inside].T).max(axis=1)
            near[answer] = vectors[inside], float(np.median(typical)) if len(typical) else 0.0
        members, bound = near[answer]
        likeness = float((members @ embedder.embed([draft.text], query=False)[0]).max())
        if likeness >= bound:
            kept.append(draft)
        else:
            dropped[_EASY] += 1
    return kept


def _untested(
    found: Sequence[Draft], material: Material, wish: Wish, dropped: Counter[str], progress: Progress
) -> list[Draft]:
    """Pairs whose question is in no test set."""
    if material.test is None:
        return list(found)
    told = set(find_contamination(material.seeds, material.test, progress, threshold=wish.threshold).tolist())
    kept = [draft for draft in found if draft.seed not in told]
    dropped[_LEAK] += len(found) - len(kept)
    return kept


def _no_copies(
    found: Sequence[Draft],
    known: tuple[list[str], int],
    wish: Wish,
    dropped: Counter[str],
    progress: Progress,
) -> list[Draft]:
    """Near no test row, no seed, and no earlier draft that stays."""
    before, tested = known
    for others, why in ((before[:tested], _LEAK), (before[tested:], _COPY)):
        texts = [draft.text for draft in found]
        gone = set(find_contamination(texts, others, progress, threshold=wish.threshold).tolist())
        dropped[why] += len(gone)
        found = [draft for at, draft in enumerate(found) if at not in gone]
    copies = find_duplicates([draft.text for draft in found], progress, threshold=wish.threshold).copies
    dropped[_COPY] += len(copies)
    gone = set(copies.tolist())
    return [draft for at, draft in enumerate(found) if at not in gone]


def _unlike(
    found: Sequence[Draft],
    known: tuple[list[str], int],
    embedder: Embedder,
    alike: float,
    dropped: Counter[str],
) -> list[Draft]:
    """The same by meaning: a text whose vector's cosine with an earlier one's is `alike` says the same."""
    before, tested = known
    if not found:
        return []
    vectors = embedder.embed([*before, *(draft.text for draft in found)], query=False)
    standing = np.ones(len(vectors), np.bool_)
    kept = []
    for at, draft in enumerate(found, len(before)):
        likeness = np.where(standing[:at], vectors[:at] @ vectors[at], -1.0)
        first = int(likeness.argmax()) if at else -1
        if at and likeness[first] >= alike:
            standing[at] = False
            dropped[_LEAK if first < tested else _ALIKE] += 1
        else:
            kept.append(draft)
    return kept
