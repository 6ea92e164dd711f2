"""Fit the guards' classifiers and write `safety/data/attacks.npz` and `safety/data/harm.npz`.

    python -m recipes.guards.fit SOURCES [attacks|harm]

The recipe is the project's own `linear` one (`stepladder.training`): bad against harmless over all rows, then the
categories over the bad ones. The threshold comes from the rows of a quarter of the seeds, scored by a model that has
seen no row of these seeds: it is the lowest at which, averaged over the origins of harmless rows, no more than
`FALSE_ALARMS` of them are flagged, for texts with Han characters and without apart. The shipped weights then see all
rows. The same archives give the same bytes. What the hidden quarter found goes to benchmarks/results/guards-KIND.json.
"""

import io
import json
import sys
import zipfile
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray

from recipes.guards.corpus import corpus, digest, fold_of, ours
from recipes.guards.sources import Sources
from recipes.guards.templates import Row
from stepladder.models import LinearModel
from stepladder.safety import HASHER, Classifier, Table, pack
from stepladder.training import LinearSettings, fit_linear

FALSE_ALARMS = {
    "attacks": {"zh": (0.015, 0.02), "en": (0.015, 0.02)},
    "harm": {"zh": (0.06, 0.25), "en": (0.03, 0.11)},
}
"""What share of harmless rows may be flagged, averaged over their origins: everyday ones, and those made to be hard.

Chinese rows of ours are the harder ones: half of them are written around the very words of the harmful ones.
"""
PIECES = {"attacks": (2.5, 2.5), "harm": (5.0, 2.5)}
"""How much worse a piece of a long text must be, in logits, with Han characters and without.

Of 200 harmful Chinese sentences planted into newspaper, 7 % were found at 2.5 and 4 % at 5; of harmless long briefs 10 % and
5 % were flagged.
"""
LEAST = 0.1
"""No threshold is lower: below, a word or two of an attack in a short text would be enough."""
_MANY = 40
"""An origin with fewer hidden rows says too little to set a threshold by."""
_SECTIONS = (
    "act",
    "!",
    "hard",
    "grammar",
    "families",
    "daily",
    "scenes",
    "breadth",
    "broad",
    "risks",
    "near",
    "coaxing",
    "ordinary",
)
HARD = (
    "!",
    "hard",
    "grammar",
    "families",
    "daily",
    "scenes",
    "breadth",
    "risks",
    "near",
    "coaxing",
    "ordinary",
    "other side",
)  # sections of our seeds
_SETTINGS = LinearSettings(costs=(0.1,), folds=2, characters=bool(HASHER.characters), bits=HASHER.bits)
_CATEGORY_FEATURES = 10_000
_A_CATEGORY = 600  # rows from which a category is learnt
_UNKNOWN = "other"  # harmful, of no stated category
_EVERY = 101  # every so many rows of ours are scored again by the tests
Scores = NDArray[np.float64]


def fit(kind: str, rows: list[Row]) -> tuple[Classifier, dict[str, object]]:
    """Set the threshold on the hidden quarter, fit on everything; also return what the quarter found."""
    named = _few([row for row in rows if row.label not in ("safe", _UNKNOWN)])
    model = fit_linear([r.text for r in named], [r.label for r in named], settings=_SETTINGS).model
    kinds = _thin(model)
    unseen = Classifier(
        fit_bad([row for row in rows if fold_of(row)]), kinds, (), (0.5, 0.5), "", PIECES[kind]
    )
    hidden = [row for row in rows if not fold_of(row)]
    scores = np.array([unseen.score(row.text) for row in hidden])
    thresholds = tuple(
        _threshold(
            [row for row in hidden if row.language == language],
            scores[[row.language == language for row in hidden]],
            FALSE_ALARMS[kind][language],
        )
        for language in ("zh", "en")
    )
    enough = np.array([thresholds[row.language == "en"] for row in hidden])
    found = {
        "rows": len(rows),
        "rows hidden": len(hidden),
        "thresholds, with Han characters and without": thresholds,
        "bad rows flagged": round(
            float(np.mean((scores >= enough)[[row.label != "safe" for row in hidden]])), 4
        ),
    } | {
        f"harmless rows flagged, {language}": {
            o: round(share, 4)
            for o, share in _shares(
                [row for row in hidden if row.language == language],
                (scores - enough)[[row.language == language for row in hidden]],
                0,
            ).items()
        }
        for language in ("zh", "en")
    }
    return Classifier(
        fit_bad(rows), kinds, model.classes, (thresholds[0], thresholds[1]), digest(ours(kind)), PIECES[kind]
    ), found


def _few(rows: list[Row]) -> list[Row]:
    """At most `_A_CATEGORY` rows of each category, chosen at random."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.label, []).append(row)
    rng = Random(0)
    return [row for kept in found.values() for row in rng.sample(kept, min(len(kept), _A_CATEGORY))]


def fit_bad(rows: list[Row]) -> Table:
    """Fit bad against harmless."""
    labels = ["a_safe" if row.label == "safe" else "bad" for row in rows]
    table = _dense(fit_linear([row.text for row in rows], labels, settings=_SETTINGS).model)
    return Table(table.weights, table.squares, table.bias, table.slope, table.offsets[1:] - table.offsets[:1])


def _threshold(rows: list[Row], scores: Scores, allowed: tuple[float, float]) -> float:
    """Return the lowest of a hundred thresholds at which the mean shares over origins are small enough."""
    for threshold in np.round(np.arange(LEAST, 1.0, 0.01), 2).tolist():
        shares = _shares(rows, scores, threshold)
        hard = [share for name, share in shares.items() if name.endswith(HARD)]
        everyday = [share for name, share in shares.items() if not name.endswith(HARD)]
        if np.mean(everyday) <= allowed[0] and np.mean(hard) <= allowed[1]:
            return float(threshold)
    return 0.99


def _shares(rows: list[Row], scores: Scores, threshold: float) -> dict[str, float]:
    """Return what share of the harmless rows of each origin, where they are many, reaches the threshold."""
    flagged: dict[str, list[bool]] = {}
    for row, score in zip(rows, scores, strict=True):
        if row.label == "safe":
            flagged.setdefault(origin(row), []).append(bool(score >= threshold))
    return {name: sum(found) / len(found) for name, found in sorted(flagged.items()) if len(found) >= _MANY}


def origin(row: Row) -> str:
    """Return where a harmless row is from: a kind of source, or a section of our seeds by language.

    Harmful acts seen from the other side ("how do I report ...") are one section.
    """
    parts = row.group.split(":")
    if parts[0] != row.language:
        return "signs" if parts[0] in ("signs", "coded", "hex") else parts[0]
    return f"{parts[0]} {parts[1] if parts[1] in _SECTIONS else 'other side'}"


def _dense(model: LinearModel) -> Table:
    """Spread the model's rows over all buckets, so that looking one up is indexing."""
    assert model.hasher == HASHER, "the guards must see the n-grams that the model was taught with"
    weights = np.zeros((1 << model.hasher.bits, model.weights.shape[1] - 1), np.float32)
    squares = np.zeros(1 << model.hasher.bits, np.float32)
    weights[model.buckets], squares[model.buckets] = model.weights[:, :-1], model.weights[:, -1]
    return Table(weights, squares, model.bias, model.slope, model.offsets)


def _thin(model: LinearModel) -> Table:
    """Keep the n-grams that tell categories apart most, common ones before rare ones."""
    weights = model.weights[:, :-1]
    spread = np.abs(weights).max(axis=1) / model.weights[:, -1]
    kept = np.flatnonzero(spread >= np.sort(spread)[-_CATEGORY_FEATURES])
    squares = model.weights[kept, -1]
    return Table(weights[kept], squares, model.bias, model.slope, model.offsets, model.buckets[kept])


def sample(kind: str) -> list[Row]:
    """Return a few of our rows: the tests score them again."""
    return ours(kind)[::_EVERY]


def write(classifier: Classifier, target: Path) -> None:
    """Write a classifier; without times in it, so that the same weights are the same bytes."""
    arrays = {
        **pack("bad", classifier.bad),
        **pack("kind", classifier.kind),
        "kinds": np.array(",".join(classifier.kinds)),
        "thresholds": np.array(classifier.thresholds),
        "digest": np.array(classifier.digest),
        "least": np.array(classifier.least),
    }
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, array)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), buffer.getvalue(), zipfile.ZIP_DEFLATED, 9)


def main(folder: Path, kinds: list[str]) -> None:
    """Fit and write what was asked for."""
    for kind in kinds or ["attacks", "harm"]:
        classifier, found = fit(kind, corpus(kind, Sources(folder)))
        write(classifier, Path(f"src/stepladder/safety/data/{kind}.npz"))
        shipped = Classifier.load(kind)
        found["mean score of a sample"] = round(
            float(np.mean([shipped.score(row.text) for row in sample(kind)])), 5
        )
        result = {"command": f"python -m recipes.guards.fit SOURCES {kind}", **found}
        text = json.dumps(result, indent=1, ensure_ascii=False)
        Path(f"benchmarks/results/guards-{kind}.json").write_text(text + "\n", encoding="utf-8")
        print(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
