"""The `lora` and `sft` recipes: a small language model, tuned to answer a task with one of its labels.

A share of the examples is hidden from the training: it stops the training in time, calibrates the confidence, and judges
the rung. Fitting the model several times, so that every example is hidden once, would take several times as long. What is
served is compared with what was trained before it may be a release: the same words, the same tokens, the same odds.
"""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from stepladder.core import ConfigError, DataError, Dataset, Example, Fitted, Guess, Progress, Task
from stepladder.models import WEIGHTS, Coded, TunedModel, weights_file
from stepladder.training.confidence import calibrate
from stepladder.training.following import hearing
from stepladder.training.labels import Classes, folds
from stepladder.training.language.job import HELD, ROWS, Job, LanguageSettings
from stepladder.training.language.process import Event, Made, compress, require, train
from stepladder.training.language.rows import write_lines
from stepladder.training.language.served import ODD, check_served, codes_of

_PROBES, _PROBED = "probes.jsonl", "probed.json"
_SPARE = 64  # tokens of context above what is trained on: a longer question is not answered here


class LoraRecipe:
    """Entry point `lora` in `stepladder.recipes`."""

    name = "lora"
    method = "lora"

    def fit(
        self,
        task: Task,
        dataset: Dataset,
        folder: Path,
        *,
        settings: Mapping[str, Any],
        seed: int,
        progress: Progress,
    ) -> Fitted:
        """Tune, merge, write the GGUF file and `model.json` into `folder`, and return guesses for the hidden examples.

        Raises:
            ConfigError: a setting is unknown or out of range, or the task has no labels.
            DataError: there is nothing to learn, or what would be served is not what was trained.
            MissingExtra: the extras `train` and `local` are not installed.
        """
        require()
        chosen = LanguageSettings.read(settings, f"recipes.{self.name}")
        examples = dataset.splits.get("train", ())
        with tempfile.TemporaryDirectory(prefix="stepladder-tuning-") as name:
            work = _Work(self.method, task, examples, Path(name), (chosen, seed))
            return work.fit(folder, progress)


class SftRecipe(LoraRecipe):
    """Entry point `sft` in `stepladder.recipes`: every weight is trained."""

    name = "sft"
    method = "sft"


class _Work:
    """One fit in a folder of its own."""

    def __init__(
        self,
        method: str,
        task: Task,
        examples: Sequence[Example],
        folder: Path,
        terms: tuple[LanguageSettings, int],
    ) -> None:
        self.settings, self.seed = terms
        self.method, self.task, self.examples, self.folder = method, task, examples, folder
        if not task.labels:
            raise ConfigError(
                f"The {method} recipe answers with labels, and task {task.name!r} has none.",
                param=f"tasks.{task.name}.labels",
                remedy="List the task's labels, or take this rung out of `rungs`.",
            )
        self.classes = Classes.of([one.text for one in examples], [one.label for one in examples])
        parts = max(2, round(1 / self.settings.hidden))
        self.hidden = folds(self.classes.numbers, parts, np.random.default_rng(self.seed)) == 0

    def fit(self, folder: Path, progress: Progress) -> Fitted:
        """Train, write the artefact, compare it with what was trained, and calibrate it on the hidden examples."""
        base = self._base(progress)
        coded = self._coded(base)
        self._write_rows(coded)
        made = self._train(base, folder, coded, progress)
        (folder / "model.json").write_bytes(msgspec.json.encode(coded))
        model = TunedModel.load(folder)
        try:
            gap = check_served(model, self.folder / _PROBED)
            texts = [one.text for one, hidden in zip(self.examples, self.hidden, strict=True) if hidden]
            logs = np.zeros((len(texts), len(coded.labels)))
            for k, text in enumerate(texts):
                progress(k, len(texts), "looking at the hidden rows")
                found = model.log_odds(text)
                logs[k] = 0.0 if found is None else found
        finally:
            model.close()
        metrics = {**made.metrics, "served_gap": gap, "deaths": float(made.deaths)}
        return self._calibrated(folder, coded, logs, metrics)

    def _base(self, progress: Progress) -> Path:
        """The base as a folder: a GGUF file is unpacked first."""
        given = Path(self.settings.base).expanduser()
        if self.settings.base and given.is_dir():
            return given
        file = weights_file(f"recipes.{self.method}.base", self.settings.base)
        out = self.folder / "base"
        progress(0, 1, "unpacking the base")
        compress([{"do": "import", "file": str(file), "out": str(out)}], self.folder, lambda event: None)
        return out

    def _coded(self, base: Path) -> Coded:
        labels = list(self.task.labels)
        found = codes_of(base, labels)
        return Coded(
            format=1,
            kind=self.method,
            prompt=self.task.prompt,
            labels=labels,
            codes=[code for code, _ in found],
            tokens=[token for _, token in found],
            slope=1.0,
            offsets=[0.0] * len(labels),
            context=self.settings.length + _SPARE,
        )

    def _write_rows(self, coded: Coded) -> None:
        """What is learned, what is hidden, and a few prompts by which served and trained model are compared."""
        code = dict(zip(coded.labels, coded.codes, strict=True))
        rows = [
            {
                "prompt": coded.messages(example.text),
                "completion": [{"role": "assistant", "content": code[example.label]}],
            }
            for example in self.examples
            if example.label in code
        ]
        if len(rows) < len(self.examples):
            raise DataError(
                "Some examples have labels that are not the task's.",
                remedy="List them in the task's `labels`.",
            )
        hidden = [row for row, hide in zip(rows, self.hidden, strict=True) if hide]
        write_lines(
            self.folder / ROWS, [row for row, hide in zip(rows, self.hidden, strict=True) if not hide]
        )
        write_lines(self.folder / HELD, hidden)
        probes = [{"prompt": coded.messages(text)} for text in ODD]
        write_lines(self.folder / _PROBES, [*hidden[:4], *probes])

    def _train(self, base: Path, folder: Path, coded: Coded, progress: Progress) -> Made:
        adapted = self.method != "sft"
        merged = self.folder / ("merged" if adapted else "model")
        job = Job(self.method, str(base), self.settings, self.seed)
        merging = [{"do": "merge", "adapter": str(self.folder / "model"), "out": str(merged)}]
        then: list[Mapping[str, Any]] = [
            *(merging if adapted else []),
            {
                "do": "gguf",
                "folder": str(merged),
                "out": str(folder / WEIGHTS),
                "quantisation": self.settings.quantisation,
            },
            {
                "do": "probe",
                "folder": str(merged),
                "rows": str(self.folder / _PROBES),
                "codes": coded.tokens,
                "out": str(self.folder / _PROBED),
            },
        ]

        hear = hearing(progress)

        def tell(event: Event) -> None:
            hear(event)
            if event["event"] == "step":
                progress(event["step"], event["steps"], f"loss {event['loss']:.3f}")
            elif event["event"] == "advice":
                progress(0, 0, f"{event['message']} {event['remedy']}")

        return train(job, self.folder, tell, then=then)

    def _calibrated(
        self, folder: Path, coded: Coded, logs: NDArray[np.float64], metrics: Mapping[str, float]
    ) -> Fitted:
        """Fit the confidence to the hidden examples, write it down, and hand over their guesses."""
        at = {label: k for k, label in enumerate(coded.labels)}
        hidden = np.flatnonzero(self.hidden).tolist()
        truth = np.array([at[self.examples[k].label] for k in hidden], np.int64)
        found = calibrate(logs, truth)
        final = msgspec.structs.replace(coded, slope=found.slope, offsets=found.offsets.tolist())
        (folder / "model.json").write_bytes(msgspec.json.encode(final))
        chances = found.probabilities(logs)
        guesses: list[Guess | None] = [None] * len(self.examples)
        for k, row in zip(hidden, chances, strict=True):
            guesses[k] = Guess(coded.labels[int(row.argmax())], float(row.max()))
        told = {
            "out_of_fold_accuracy": float((chances.argmax(axis=1) == truth).mean()),
            "out_of_fold_log_loss": found.loss,
            "hidden": float(len(hidden)),
            **metrics,
        }
        return Fitted(guesses, told)
