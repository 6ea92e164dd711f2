"""Fit the guards' classifiers and write `safety/data/attacks.npz` and `safety/data/harm.npz`.

    python -m recipes.guards.fit SOURCES [attacks|harm]

The recipe is the project's own `linear` one (`stepladder.training`): bad against harmless over all rows, then the
categories over the bad ones. The threshold is the lowest at which no more than `FALSE_ALARMS` of the harmless rows that
training had not seen are flagged. The same archives give the same bytes.
"""

import io
import sys
import zipfile
from pathlib import Path

import numpy as np

from recipes.guards.corpus import Corpus, corpus, digest, ours
from recipes.guards.sources import Sources
from recipes.guards.templates import Row
from stepladder.models import LinearModel
from stepladder.safety import HASHER, Classifier, Table, pack
from stepladder.training import LinearSettings, fit_linear

FALSE_ALARMS = {"attacks": (0.02, 0.03), "harm": (0.02, 0.15)}
"""What share of harmless rows left out may be flagged: of everyday ones, and of those made to look harmful."""
_SETTINGS = LinearSettings(costs=(0.5, 2.0), folds=3, characters=bool(HASHER.characters), bits=HASHER.bits)
_KIND_SETTINGS = LinearSettings(costs=(1.0,), folds=2, characters=bool(HASHER.characters), bits=HASHER.bits)
_CATEGORY_FEATURES = 10_000
_UNKNOWN = "other"  # harmful, of no stated category


def fit(kind: str, rows: Corpus) -> Classifier:
    """Fit both tables and set the threshold on the rows held out."""
    bad = _one_column([row.text for row in rows.train], [row.label != "safe" for row in rows.train])
    named = [row for row in rows.train if row.label not in ("safe", _UNKNOWN)]
    model = fit_linear([r.text for r in named], [r.label for r in named], settings=_KIND_SETTINGS).model
    classifier = Classifier(bad, _thin(model), model.classes, 0.5, digest(ours(kind)))
    threshold = max(
        _threshold(
            classifier,
            [row for row in rows.held_out if row.label == "safe" and is_everyday(row) == everyday],
            share,
        )
        for everyday, share in zip((True, False), FALSE_ALARMS[kind], strict=True)
    )
    return Classifier(
        bad, classifier.kind, model.classes, round(min(max(threshold, 0.05), 0.95), 3), classifier.digest
    )


def _threshold(classifier: Classifier, rows: list[Row], share: float) -> float:
    """Return the score that `share` of the rows reach."""
    return float(np.quantile([classifier.score(row.text) for row in rows], 1 - share))


def is_everyday(row: Row) -> bool:
    """Whether a harmless row is what people write, and not one that was made to look harmful."""
    origin = row.group.split(":")[1] if row.language == row.group.split(":")[0] else "background"
    return origin in ("background", "act", "!")


def _one_column(texts: list[str], bad: list[bool]) -> Table:
    model = fit_linear(texts, ["bad" if one else "a_safe" for one in bad], settings=_SETTINGS).model
    table = _dense(model)
    return Table(table.weights, table.squares, table.bias, table.slope, table.offsets[1:] - table.offsets[:1])


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


def write(classifier: Classifier, target: Path) -> None:
    """Write a classifier; without times in it, so that the same weights are the same bytes."""
    arrays = {
        **pack("bad", classifier.bad),
        **pack("kind", classifier.kind),
        "kinds": np.array(",".join(classifier.kinds)),
        "threshold": np.array(classifier.threshold),
        "digest": np.array(classifier.digest),
    }
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, array)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), buffer.getvalue(), zipfile.ZIP_DEFLATED, 9)


def report(classifier: Classifier, rows: list[Row]) -> str:
    """Return what the classifier does with rows that training had not seen."""
    scores = np.array([classifier.score(row.text) for row in rows])
    bad = np.array([row.label != "safe" for row in rows])
    everyday = np.array([row.label == "safe" and is_everyday(row) for row in rows])
    hard = ~bad & ~everyday
    flagged = scores >= classifier.threshold
    return (
        f"threshold {classifier.threshold}, of {bad.sum()} bad rows {flagged[bad].mean():.3f} flagged, "
        f"of {everyday.sum()} everyday ones {flagged[everyday].mean():.4f}, "
        f"of {hard.sum()} made to look harmful {flagged[hard].mean():.4f}"
    )


if __name__ == "__main__":
    for chosen in sys.argv[2:] or ("attacks", "harm"):
        all_rows = corpus(chosen, Sources(Path(sys.argv[1])))
        target = Path(f"src/stepladder/safety/data/{chosen}.npz")
        write(fit(chosen, all_rows), target)
        print(chosen, len(all_rows.train), "rows;", report(Classifier.load(chosen), all_rows.held_out))
