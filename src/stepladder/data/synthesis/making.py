"""From what models wrote to the file of rows that are kept."""

from collections import Counter
from pathlib import Path

import msgspec

from stepladder.core import Progress
from stepladder.data.labelling import Known, Questions
from stepladder.data.rowfile import write_rows
from stepladder.data.synthesis.drafts import drafts
from stepladder.data.synthesis.novelty import hard_ones, new_ones
from stepladder.data.synthesis.soundness import Soundness
from stepladder.data.synthesis.wish import How, Material, Synthesised, Wish


def write_synthetic(
    asked: Questions, known: Known, material: Material, wish: Wish, out: Path, progress: Progress
) -> Synthesised:
    """Filter what the models wrote and write the rows that are kept.

    Raises DataError where `out` cannot be written, and what the embedder raises.
    """
    dropped: Counter[str] = Counter()
    found = list(drafts(asked, known, material.seeds, wish.how, dropped))
    written = len(found)
    soundness = Soundness(material.seeds, wish.how)
    fine = []
    for draft in found:
        if why := soundness.fault(draft):
            dropped[why] += 1
        else:
            fine.append(draft)
    if wish.how is How.NEGATIVES:
        fine = hard_ones(fine, material, dropped)
    fine = new_ones(fine, material, wish, dropped, progress)
    kept = write_rows(out, (msgspec.json.encode(draft.row) for draft in fine))
    others = len(material.seeds) if wish.how.of_a_kind else 0
    return Synthesised(written, kept, dict(+dropped), kept / (kept + others) if kept else 0.0)
