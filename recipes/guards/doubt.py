"""What both rungs do together with what neither has seen, beside what n-grams do alone: what a `Plan`'s numbers come from.

    python -m recipes.guards.doubt SOURCES [attacks|harm]

Whole sections of the seeds, and whole sources, are hidden from both, five times. Every section counts alike, however many
rows it has. `shift` is the smallest at which together they flag as many bad rows as n-grams alone, so that all that is
gained is harmless rows which pass. Scores of the n-grams are kept beside the archives: five fits take minutes. Figures go
to benchmarks/results/guards-KIND-doubt.json.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recipes.guards.closer import FOLDS, PLANS, Plan, fold_of, section, unseen, vectors_of
from recipes.guards.corpus import corpus, digest
from recipes.guards.fit import PIECES, fit_bad
from recipes.guards.sources import Sources
from recipes.guards.templates import Row
from stepladder.safety import CLOSER_CHARACTERS, Classifier

_FEWEST = 20
"""A section with fewer rows says too little."""
_SHARES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
_SHIFTS = np.round(np.arange(-4.0, 4.05, 0.1), 1)
Logits = NDArray[np.float64]
Marks = NDArray[np.bool_]


def of_ngrams(kind: str, rows: Sequence[Row], kept: Path) -> Logits:
    """Return each row's logit by n-grams that have seen no row of its section."""
    name = digest(rows)
    if kept.exists():
        with np.load(kept) as stored:
            if str(stored["digest"]) == name:
                return _logit(stored["scores"])
    scores = np.zeros(len(rows))
    fold = np.array([fold_of(row) for row in rows])
    for number in range(FOLDS):
        table = fit_bad([row for row, mine in zip(rows, fold, strict=True) if mine != number])
        model = Classifier(table, table, (), (0.5, 0.5), "", PIECES[kind])
        for i in np.flatnonzero(fold == number).tolist():
            scores[i] = model.score(rows[i].text)
    np.savez(kept, digest=np.array(name), scores=scores)
    return _logit(scores)


def _logit(scores: Logits) -> Logits:
    inside = np.clip(scores, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(inside / (1 - inside)))


def together(grams: Logits, said: Logits, plan: Plan, language: str, threshold: float) -> Marks:
    """Return which rows both rungs flag; `said` is the network's word, its share of it and shifted."""
    low, high = _logit(np.array(plan.bands[language == "en"]))
    return np.asarray(np.where((grams >= low) & (grams < high), grams + said, grams) >= threshold)


def measured(kind: str, sources: Sources) -> dict[str, Any]:
    """Return what share of hidden rows is flagged, by n-grams alone and together, for several shares of the network's word."""
    plan = PLANS[kind]
    everything = corpus(kind, sources)
    scores = of_ngrams(kind, everything, sources.folder / f"unseen-{kind}.npz")
    of = {row.text: score for row, score in zip(everything, scores.tolist(), strict=True)}
    rows = [row for row in plan.choose(everything) if row.text in of]
    vectors = vectors_of([row.text[:CLOSER_CHARACTERS] for row in rows], sources.folder / "vectors.npz")
    network = unseen(plan, rows, vectors).astype(float)
    grams = np.array([of[row.text] for row in rows])
    found: dict[str, Any] = {"rows": len(rows)}
    for number, language in enumerate(("zh", "en")):
        threshold = float(_logit(np.array(Classifier.load(kind).thresholds[number])))
        here = np.array([row.language == language for row in rows])
        mine = [row for row in rows if row.language == language]
        alone = _shares(mine, grams[here] >= threshold)
        found[language] = {"n-grams alone": alone}
        for share in sorted({*_SHARES, plan.share}):
            for shift in _SHIFTS.tolist():
                said = share * network[here] + shift
                both = _shares(mine, together(grams[here], said, plan, language, threshold))
                if both["bad"] >= alone["bad"]:
                    found[language][f"share {share}, shift {shift}"] = both
                    break
        said = plan.share * network[here] + plan.shift[number]
        found[language]["as it ships"] = _shares(mine, together(grams[here], said, plan, language, threshold))
    return found


def _shares(rows: Sequence[Row], flagged: Marks) -> dict[str, float]:
    """Return the mean, over sections, of the share of bad and of harmless rows that are flagged; and of plain ones of ours."""
    marks: dict[tuple[bool, str], list[bool]] = {}
    for row, mark in zip(rows, flagged.tolist(), strict=True):
        marks.setdefault((row.label != "safe", section(row)), []).append(mark)
    means = {key: float(np.mean(found)) for key, found in marks.items() if len(found) >= _FEWEST}
    bad, safe = ([mean for (label, _), mean in means.items() if label is wanted] for wanted in (True, False))
    return {
        "bad": round(float(np.mean(bad)), 4),
        "harmless": round(float(np.mean(safe)), 4),
        "harmless, plain lines of ours": round(means.get((False, "ordinary"), 0.0), 4),
    }


def main(folder: Path, kinds: list[str]) -> None:
    """Measure and write what was asked for."""
    for kind in kinds or ["harm"]:
        result = {
            "command": f"python -m recipes.guards.doubt SOURCES {kind}",
            **measured(kind, Sources(folder)),
        }
        text = json.dumps(result, indent=1)
        Path(f"benchmarks/results/guards-{kind}-doubt.json").write_text(text + "\n", encoding="utf-8")
        print(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
