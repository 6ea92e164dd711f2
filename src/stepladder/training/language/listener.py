"""What listens to a run of the trainer: it tells of steps, seals checkpoints, and heeds the watch's advice.

Only the worker imports this: its parent class comes with the library.
"""

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from stepladder.training.language.checkpoints import Sealer, step_of
from stepladder.training.language.drift import Drift
from stepladder.training.language.watch import Advice, Watch

_TOLD: Mapping[str, str] = {
    "mean_token_accuracy": "accuracy",
    "rewards/accuracies": "accuracy",
    "accuracy": "accuracy",
    "reward": "reward",
    "objective/scores": "reward",
    "kl": "kl",
    "entropy": "entropy",
}
"""What trainers tell beside the loss, and its name here."""

_NATS = 50.0  # a perplexity above this exponent says nothing

Say = Callable[[Mapping[str, Any]], None]


class Listener(TrainerCallback):
    """`losses` and `held` are all that were seen, `told` the last of what aligned models are measured by, `stopped` the kind of
    trouble that ended the run. `drift` is looked at before each checkpoint; `nats` says that losses are nats a token."""

    def __init__(self, say: Say) -> None:
        self.stopped = ""
        self.losses: list[float] = []
        self.held: list[float] = []
        self.told: dict[str, float] = {}
        self.drift: Drift | None = None
        self.nats = False
        self.fall = True
        self._lock = threading.Lock()
        self._out = say
        self._sealer = Sealer(self._sealed)
        self._saving = self._wrote = 0.0
        self._watch = Watch(0)
        self._began = time.monotonic()

    def _say(self, event: Mapping[str, Any]) -> None:
        with self._lock:  # the sealer's thread tells too
            self._out(event)

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Take up what an interrupted run had seen."""
        self._watch = Watch(state.max_steps, fall=self.fall)
        for seen in state.log_history:
            self._see(int(seen["step"]), seen)

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The clock of a step."""
        self._began = time.monotonic()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Tell of a loss; stop the run where it only wastes time."""
        step, seen = int(state.global_step), logs or {}
        if "eval_loss" in seen:
            self._say({"event": "held", "step": step, "loss": float(seen["eval_loss"])})
        elif "loss" in seen:
            told = {"step": step, "steps": state.max_steps, "loss": float(seen["loss"])}
            if self.nats and told["loss"] < _NATS:
                told["perplexity"] = round(math.exp(told["loss"]), 4)
            rate, norm = float(seen.get("learning_rate", 0)), float(seen.get("grad_norm", 0))
            seconds = round(time.monotonic() - self._began, 4)
            self.told |= {name: float(seen[key]) for key, name in _TOLD.items() if key in seen}
            self._say({"event": "step", **told, "rate": rate, "norm": norm, "seconds": seconds, **self.told})
        advice = self._see(step, seen)
        if advice is not None:
            self._heed(advice, control)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The checkpoint will count, where the model is still near enough to its base."""
        self._wrote = round(time.monotonic() - self._saving, 4)
        if self.drift is not None:
            now = self.drift.look()
            self._say({"event": "drift", "step": int(state.global_step), **asdict(now)})
            advice = self._watch.drifted(int(state.global_step), now, self.drift.limit)
            if advice is not None:
                self._heed(advice, control)
                return
        self._sealer.begin(Path(args.output_dir) / f"checkpoint-{state.global_step}")

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Before a checkpoint is written, and the oldest is taken away for it, the last one must count."""
        if control.should_save or control.should_training_stop:
            self._sealer.wait()
            self._saving = time.monotonic()

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """What follows is the writing of a checkpoint."""
        self._saving = time.monotonic()

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """All that was written counts."""
        self._sealer.close()

    def _sealed(self, checkpoint: Path, seconds: float) -> None:
        told = {"step": step_of(checkpoint), "seconds": self._wrote, "behind": round(seconds, 4)}
        self._say({"event": "checkpoint", **told})

    def _heed(self, advice: Advice, control: Any) -> None:
        self._say({"event": "advice", **asdict(advice)})
        if advice.stops:
            self.stopped = advice.kind
            control.should_training_stop = True

    def _see(self, step: int, seen: Mapping[str, Any]) -> Advice | None:
        if "eval_loss" in seen:
            self.held.append(float(seen["eval_loss"]))
            return self._watch.held(step, self.held[-1])
        if "loss" in seen:
            self.losses.append(float(seen["loss"]))
            return self._watch.loss(step, self.losses[-1])
        return None
