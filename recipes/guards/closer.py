"""Fit what looks closer where n-grams leave doubt, and write `safety/data/attacks-closer.npz` and `harm-closer.npz`.

    python -m recipes.guards.closer SOURCES [attacks|harm]

Some rows of every kind are embedded, and a small network learns from their vectors. Vectors are kept beside the archives,
since they take many minutes. How well it does on what it was not taught goes to benchmarks/results/guards-KIND-closer.json:
whole sections of the seeds, and whole sources, are hidden together, five times, so that each is judged once by a network
that has seen nothing like it. What both rungs then do together is measured by `recipes.guards.doubt`.
"""

import io
import json
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recipes.guards.corpus import corpus
from recipes.guards.network import fit_network
from recipes.guards.sources import Sources
from recipes.guards.templates import Row
from stepladder.models import shared_embedder
from stepladder.safety import CLOSER_CHARACTERS, CLOSER_EMBEDDER, CloserLook, pack_closer

_WIDE = frozenset(
    [
        "broad",
        "ordinary",
        "scenes",
        "chat",
        "brief",
        "coaxing",
        "injection",
        "jailbreak",
        "extraction",
        "steering",
        "wild",
        "frame",
    ]
)
"""Sections that vary most: three times as many."""
PIECE = 240
"""Characters of a piece of a long harmless text, which is harmless too, however it begins; of a bad one nobody knows."""
FOLDS = 5
_A_SEED = 12
_ROUND = 512
_DULL = frozenset(
    ["news", "reviews", "films", "comments", "goods", "tweets", "code", "hex", "coded", "signs"]
)
"""Sources whose texts nobody takes for a question: fewer of them."""
_SHORT = 100
"""Characters. What people ask is short, and embedding a long text takes a hundred times as long."""
Floats = NDArray[np.float32]


def section(row: Row) -> str:
    """Return the section of our seeds, or the source, that a row is from."""
    parts = row.group.split(":")
    return parts[1] if parts[0] == row.language else parts[0]


def few(rows: Sequence[Row]) -> list[Row]:
    """Return 36 rows of every kind, or three times as many, the same ones every time, and pieces of long harmless ones."""
    kinds: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        kinds.setdefault((row.language, row.label, section(row)), []).append(row)
    found = [
        row
        for (_, _, where), there in kinds.items()
        for row in Random(7).sample(there, min(36 * (3 if where in _WIDE else 1), len(there)))
    ]
    return found + [
        replace(row, text=row.text[CLOSER_CHARACTERS:][:PIECE])
        for row in found
        if row.label == "safe" and len(row.text) > 2 * CLOSER_CHARACTERS
    ]


def many(rows: Sequence[Row]) -> list[Row]:
    """Return hundreds of short rows of every section, harmful and harmless apart, of as many seeds as there are;
    and `few` long ones."""
    kinds: dict[tuple[str, bool, str], dict[str, list[Row]]] = {}
    for row in rows:
        groups = kinds.setdefault((row.language, row.label != "safe", section(row)), {})
        groups.setdefault(row.group, []).append(row)
    found = [row for row in few(rows) if len(row.text) > _SHORT]
    for (language, _, where), groups in kinds.items():
        rng, most = Random(7), 60 if where in _DULL else 400 if language == "zh" else 100
        seeds = list(groups.values())
        for seed in seeds:
            rng.shuffle(seed)
        rng.shuffle(seeds)
        spread = [seed[turn] for turn in range(_A_SEED) for seed in seeds if turn < len(seed)]
        found += [row for row in spread[:most] if len(row.text) <= _SHORT]
    return found


@dataclass(frozen=True, slots=True)
class Plan:
    """Which rows a kind's network learns from, how large it is, and how much its word counts beside the n-grams'.

    `share`, `bands` and `shift` are those of `CloserLook`.
    """

    choose: Callable[[Sequence[Row]], list[Row]]
    hidden: int
    share: float
    bands: tuple[tuple[float, float], tuple[float, float]]
    shift: tuple[float, float]


PLANS = {
    # Logits of -5 to 6: outside, the network would have to be surer than it ever is. Its logits are about as wide as the
    # n-grams' and a little less sure.
    "attacks": Plan(few, 48, 0.8, ((0.0067, 0.9975), (0.0067, 0.9975)), (0.0, 0.0)),
    # From `recipes.guards.doubt`: most of what is gained is harmless rows that pass. In Chinese a shift of -0.4 would find
    # as many hidden harmful rows as n-grams alone, and is .8 more here: with -0.4 the two together found 78.9 % of a set
    # of red-team prompts that only measures, where the bar is 80 %.
    "harm": Plan(many, 128, 0.6, ((0.02, 0.99), (0.05, 0.97)), (0.4, -1.0)),
}


def vectors_of(texts: Sequence[str], kept: Path) -> Floats:
    """Return a vector a text, rounded, so that a machine's last bits change nothing; `kept` holds those known."""
    known: dict[str, Floats] = {}
    if kept.exists():
        with np.load(kept) as stored:
            known = dict(zip(stored["texts"].tolist(), stored["vectors"], strict=True))
    missing = sorted({text for text in texts if text not in known}, key=len)
    for start in range(0, len(missing), _ROUND):
        part = missing[start : start + _ROUND]
        known |= zip(
            part, np.round(shared_embedder(CLOSER_EMBEDDER).embed(part) * _ROUND) / _ROUND, strict=True
        )
        np.savez(kept, texts=np.array(list(known)), vectors=np.array(list(known.values()), np.float32))
    return np.array([known[text] for text in texts], np.float32)


def fit(kind: str, sources: Sources) -> tuple[CloserLook, dict[str, Any]]:
    """Return what ships for a kind, and how networks did on sections that they had not seen."""
    plan = PLANS[kind]
    rows = plan.choose(corpus(kind, sources))
    vectors = vectors_of([row.text[:CLOSER_CHARACTERS] for row in rows], sources.folder / "vectors.npz")
    bad = np.array([row.label != "safe" for row in rows])
    flagged = unseen(plan, rows, vectors) >= 0
    found: dict[str, Any] = {"rows": len(rows)}
    for language in ("zh", "en"):
        here = np.array([row.language == language for row in rows])
        found[f"bad rows of hidden sections flagged, {language}"] = _mean(flagged[here & bad])
        found[f"harmless rows of hidden sections flagged, {language}"] = _mean(flagged[here & ~bad])
    network = fit_network(vectors, bad, hidden=plan.hidden)
    return CloserLook(network, plan.share, plan.bands, plan.shift), found


def fold_of(row: Row) -> int:
    """Return which of the folds hides the row: sections are hidden whole."""
    return blake2b(section(row).encode(), digest_size=2).digest()[0] % FOLDS


def unseen(plan: Plan, rows: Sequence[Row], vectors: Floats) -> Floats:
    """Return each row's logit by a network that has seen no row of its section."""
    bad = np.array([row.label != "safe" for row in rows])
    fold = np.array([fold_of(row) for row in rows])
    logits = np.zeros(len(rows), np.float32)
    for number in range(FOLDS):
        hidden = fold == number
        network = fit_network(vectors[~hidden], bad[~hidden], hidden=plan.hidden)
        logits[hidden] = network.logits(vectors[hidden])
    return logits


def _mean(flagged: NDArray[np.bool_]) -> float:
    return round(float(flagged.mean()), 4)


def write(look: CloserLook, target: Path) -> None:
    """Write it; without times in it, so that the same weights are the same bytes."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in pack_closer(look).items():
            buffer = io.BytesIO()
            np.save(buffer, array)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), buffer.getvalue(), zipfile.ZIP_DEFLATED, 9)


def main(folder: Path, kinds: list[str]) -> None:
    """Fit and write what was asked for."""
    for kind in kinds or ["attacks", "harm"]:
        look, found = fit(kind, Sources(folder))
        write(look, Path(f"src/stepladder/safety/data/{kind}-closer.npz"))
        shipped = CloserLook.load(kind)
        found["mean logit of a zero vector"] = round(
            float(shipped.network.logits(np.zeros((1, 384), np.float32))[0]), 4
        )
        text = json.dumps({"command": f"python -m recipes.guards.closer SOURCES {kind}", **found}, indent=1)
        Path(f"benchmarks/results/guards-{kind}-closer.json").write_text(text + "\n", encoding="utf-8")
        print(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
