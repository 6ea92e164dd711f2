"""The `finetuned` recipe: every weight of a small encoder is trained for the task, in a process of its own, and exported.

A share of the examples is hidden from the training: it picks the epoch, calibrates the confidence, and judges the rung
(fitting several times, so that every example is hidden once, would take several times as long). The scores of what is
served, ONNX in 8 bit, are compared with those of what was trained; where they moved too far, the weights stay in 32 bit.
"""

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from stepladder.core import ConfigError, Guess, MissingExtra, config
from stepladder.models import NETWORK, TOKENIZER, FinetunedModel, Head, most_tokens, softmax
from stepladder.training.confidence import Array, calibrate
from stepladder.training.following import hearing
from stepladder.training.labels import Classes, folds
from stepladder.training.language import Event, operate
from stepladder.training.model_recipe import Lesson, ModelRecipe

_NEEDED = ("torch", "transformers", "tokenizers", "onnx", "onnxruntime", "onnxscript")
_MOVED = 0.2  # the farthest that a class's probability may move by 8 bit
_RANGES = {
    "epochs": (1, 100),
    "rate": (1e-7, 0.1),
    "batch": (1, 1024),
    "length": (4, 8192),
    "threads": (0, 512),
}


@dataclass(frozen=True, slots=True)
class FinetunedSettings:
    """`base` is the folder of a Hugging Face encoder (model.safetensors, tokenizer.json).

    `epochs` at the `rate` of AdamW, which rises over the first tenth and falls to 0, in batches of `batch` texts, cut after
    `length` tokens (the base's own limit, where that is less); the share `hidden` of the examples is not trained on. `bits`
    is 8 or 32; `threads` 0 takes all cores.
    """

    base: str = ""
    epochs: int = 4
    rate: float = 5e-5
    batch: int = 16
    length: int = 128
    hidden: float = 0.2
    bits: int = 8
    threads: int = 0

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> "FinetunedSettings":
        """Check a task's settings. Raises ConfigError naming the key."""
        found = config.settings(settings, cls, "recipes.finetuned")
        wrong = [key for key, (low, high) in _RANGES.items() if not low <= getattr(found, key) <= high]
        wrong += [] if found.bits in (8, 32) else ["bits"]
        wrong += [] if 0.02 <= found.hidden <= 0.5 else ["hidden"]
        remedies = {"bits": "Choose 8 or 32.", "hidden": "Choose 0.02 to 0.5."}
        for key in wrong:
            low, high = _RANGES.get(key, (0, 0))
            raise ConfigError(
                f"recipes.finetuned.{key} is {getattr(found, key)}.",
                remedy=remedies.get(key, f"Choose {low:g} to {high:g}."),
                param=key,
            )
        if not found.base or not Path(found.base).expanduser().is_dir():
            raise ConfigError(
                f"recipes.finetuned.base is {found.base!r}, which is no folder.",
                remedy="Give the folder of a Hugging Face encoder (model.safetensors and tokenizer.json).",
                param="base",
            )
        base = Path(found.base).expanduser()
        return replace(found, base=str(base), length=min(found.length, most_tokens(base)))


@dataclass(frozen=True, slots=True)
class FinetunedFit:
    """A fitted model, the guesses of the hidden rows (None for the others), and numbers for the report."""

    model: FinetunedModel
    guesses: Sequence[Guess | None]
    metrics: dict[str, float]


class FinetunedRecipe(ModelRecipe):
    """Entry point `finetuned` in `stepladder.recipes`."""

    name = "finetuned"

    def learn(self, lesson: Lesson) -> FinetunedFit:
        """Fit; the network is written into the lesson's folder. Raises ConfigError, DataError, MissingExtra."""
        settings = FinetunedSettings.read(lesson.settings)
        if any(find_spec(name) is None for name in _NEEDED):
            raise MissingExtra("The finetuned recipe", "train")
        classes = Classes.of(lesson.texts, lesson.labels)
        parts = max(2, round(1 / settings.hidden))
        hidden = folds(classes.numbers, parts, np.random.default_rng(lesson.seed)) == 0
        rows = [
            (text.encode("utf-8", "replace").decode(), int(number))
            for text, number in zip(lesson.texts, classes.numbers, strict=True)
        ]
        with tempfile.TemporaryDirectory(prefix="stepladder-finetuning-") as name:
            work = Path(name)
            split = {
                "seen": [row for row, out in zip(rows, hidden, strict=True) if not out],
                "hidden": [row for row, out in zip(rows, hidden, strict=True) if out],
            }
            (work / "rows.json").write_text(json.dumps(split), encoding="utf-8")
            trained = _train(work, settings, lesson, len(classes.names))
            texts = [text for text, _ in split["hidden"]]
            model, moved = _served(work, settings, classes, (texts, trained))
            lesson.folder.mkdir(parents=True, exist_ok=True)
            for file in (NETWORK, TOKENIZER):
                shutil.copyfile(work / file, lesson.folder / file)
            scores = model.scores(texts)
        return _calibrated(lesson.folder, (model.head, scores), (classes, hidden), moved)


def _train(work: Path, settings: FinetunedSettings, lesson: Lesson, classes: int) -> Array:
    """Train in a process of its own; the hidden rows' scores before they went to 8 bit (rows, classes)."""
    tuning = {key: value for key, value in asdict(settings).items() if key not in ("hidden", "bits")}
    tuning |= {"classes": classes, "seed": lesson.seed % 2**63}

    hear = hearing(lesson.progress)

    def tell(event: Event) -> None:
        hear(event)
        if event["event"] == "step":
            lesson.progress(event["step"], event["steps"], f"loss {event['loss']:.3f}")

    operate([{"do": "finetune", "folder": str(work), "tuning": tuning}], work, tell)
    told = json.loads((work / "told.json").read_bytes())
    return np.array(told["scores"], np.float64)


def _served(
    work: Path, settings: FinetunedSettings, classes: Classes, trained: tuple[list[str], Array]
) -> tuple[FinetunedModel, float]:
    """The model that is to be served, and how far its hidden rows' probabilities are from the trained ones."""
    texts, scores = trained

    def opened(bits: int) -> tuple[FinetunedModel, float]:
        zeros = [0.0] * len(classes.names)
        model = FinetunedModel.open(work, Head(list(classes.names), settings.length, bits, 1.0, zeros))
        return model, float(np.abs(softmax(model.scores(texts)) - softmax(scores)).max())

    if settings.bits == 8:
        model, moved = opened(8)
        if moved <= _MOVED:
            return model, moved
    shutil.copyfile(work / "whole.onnx", work / NETWORK)
    return opened(32)


def _calibrated(
    folder: Path, said: tuple[Head, Array], rows: tuple[Classes, Any], moved: float
) -> FinetunedFit:
    """The model with the confidence fitted to the hidden rows, and its guesses for them."""
    (head, scores), (classes, hidden) = said, rows
    truth = classes.numbers[hidden]
    found = calibrate(scores, truth)
    final = Head(head.classes, head.length, head.bits, found.slope, found.offsets.tolist())
    chances = found.probabilities(scores)
    guesses: list[Guess | None] = [None] * len(hidden)
    for place, row in zip(np.flatnonzero(hidden).tolist(), chances, strict=True):
        guesses[place] = Guess(classes.names[int(row.argmax())], float(row.max()))
    metrics = {
        "out_of_fold_accuracy": float((chances.argmax(axis=1) == truth).mean()),
        "out_of_fold_log_loss": found.loss,
        "hidden": float(len(truth)),
        "bits": float(head.bits),
        "served_gap": moved,
    }
    return FinetunedFit(FinetunedModel.open(folder, final), guesses, metrics)
