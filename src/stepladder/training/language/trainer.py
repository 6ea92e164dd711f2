"""One run of a trainer: from the rows in a folder to a model beside them. Only the worker imports this."""

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from platform import machine, python_version
from typing import Any

from stepladder.core import DataError
from stepladder.training.language import weights
from stepladder.training.language.checkpoints import newest_whole, step_of
from stepladder.training.language.drift import GOES_BACK, Drift
from stepladder.training.language.job import HELD, ROWS, Job
from stepladder.training.language.listener import Listener
from stepladder.training.language.trainers import Making, make

Say = Callable[[Mapping[str, Any]], None]
_PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets")


def run(folder: Path, say: Say) -> None:
    """Train, or go on with it; nothing where the result is there. Raises DataError."""
    if (folder / "made.json").exists():
        return
    import torch
    from transformers import set_seed

    job = Job.load(folder)
    if job.settings.threads:
        torch.set_num_threads(job.settings.threads)
    base = _base(job, folder, say)
    set_seed(job.seed)
    trainer, listener = _trainer(job, base, folder, say)
    checkpoint, broken = newest_whole(folder / "checkpoints")
    if checkpoint is not None or broken:
        at = step_of(checkpoint) if checkpoint is not None else 0
        say({"event": "resumed", "step": at, "broken": broken})
    total, trained = weights.parts(trainer.model)
    began = time.monotonic()
    say(
        {
            "event": "started",
            "process": os.getpid(),
            "steps": int(trainer.args.max_steps),
            "parameters": total,
            "trainable": trained,
        }
    )
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint is not None else None)
    if listener.stopped in GOES_BACK:
        _go_back(folder, trainer, listener.stopped, say)
    _finish(job, base, folder, trainer, listener, time.monotonic() - began)
    say({"event": "done", "steps": trainer.state.global_step, "stopped": listener.stopped})


def _base(job: Job, folder: Path, say: Say) -> Path:
    """The folder of the model to begin with: given, unpacked from a GGUF file, or made from nothing."""
    base = folder / "base"
    if job.method == "pretrain":
        if not base.is_dir():
            from stepladder.training.language.pretraining import make_base

            say({"event": "began", "what": "tokeniser"})
            make_base(job, [row["text"] for row in _read(folder / ROWS)], base)
        return base
    if not Path(job.base).is_file():
        return Path(job.base)
    if not base.is_dir():
        say({"event": "began", "what": "import"})
        weights.import_gguf(Path(job.base), base)
    return base


def _trainer(job: Job, base: Path, folder: Path, say: Say) -> tuple[Any, Listener]:
    rows, held = (_read(folder / name) for name in (ROWS, HELD))
    arguments = _arguments(job, folder, len(rows), bool(held))
    listener = Listener(say)
    listener.fall = not (job.kind.aligns and job.kind.writes)
    listener.nats = job.kind.rows in ("answers", "texts")
    trainer = make(Making(job, base, folder, rows, held, arguments, listener))
    if job.kind.aligns:
        listener.drift = Drift(trainer.model, trainer.processing_class, held or rows, job.more)
    return trainer, listener


def _go_back(folder: Path, trainer: Any, stopped: str, say: Say) -> None:
    """To the newest checkpoint from before the trouble. Raises DataError where there is none."""
    checkpoint, _ = newest_whole(folder / "checkpoints")
    if checkpoint is None:
        raise DataError(
            f"The run was stopped before its first checkpoint: {stopped}.",
            remedy="See the advice in run.jsonl, and start a new folder.",
        )
    trainer._load_from_checkpoint(str(checkpoint))
    say({"event": "returned", "step": step_of(checkpoint), "why": stopped})


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _arguments(job: Job, folder: Path, rows: int, held: bool) -> dict[str, Any]:
    """The trainer's settings. A CPU run is 32 bit throughout, so that it can be repeated to the last bit."""
    import torch

    chosen = job.settings
    gpu = torch.cuda.is_available()
    watching = {
        "eval_strategy": "steps",
        "per_device_eval_batch_size": chosen.batch,
        "load_best_model_at_end": True,
        "metric_for_best_model": "eval_loss",
        "greater_is_better": False,
    }
    return {
        "output_dir": str(folder / "checkpoints"),
        **job.pace(rows),
        "per_device_train_batch_size": chosen.batch,
        "gradient_accumulation_steps": chosen.accumulate,
        "learning_rate": job.rate,
        "lr_scheduler_type": "linear",
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "save_strategy": "steps",
        "save_total_limit": chosen.keep,
        "seed": job.seed % 2**32,
        "data_seed": job.seed % 2**32,
        "use_cpu": not gpu,
        "bf16": gpu,
        "gradient_checkpointing": False,
        "report_to": [],
        "disable_tqdm": True,
        "dataloader_pin_memory": gpu,
        **({"train_sampling_strategy": "sequential"} if job.more.order == "file" else {}),
        **(watching if held and not job.kind.writes else {}),
    }


def _finish(job: Job, base: Path, folder: Path, trainer: Any, listener: Listener, seconds: float) -> None:
    """Write the model and the record of how it was made. Raises DataError where its weights are no numbers."""
    if listener.stopped in ("nan", "diverged") and not listener.held:
        raise DataError(
            f"The run was stopped: {listener.stopped}.",
            remedy="See the advice in run.jsonl, and start a new folder.",
        )
    with weights.drafted(folder / "model") as draft:
        trainer.model.save_pretrained(draft)
        trainer.processing_class.save_pretrained(draft)
        if job.adapts:
            told = {"base": str(base), "mark": weights.base_mark(base)}
            (draft / weights.BASE).write_text(json.dumps(told), encoding="utf-8")
    total, trained = weights.parts(trainer.model)
    last = listener.losses[-5:]
    record = {
        "job": asdict(job),
        "steps": trainer.state.global_step,
        "stopped": listener.stopped,
        "metrics": {
            "loss": sum(last) / max(1, len(last)),
            **({"held_loss": min(listener.held)} if listener.held else {}),
            **listener.told,
            **_footprint(trainer.model),
            "parameters": total,
            "trainable": trained,
            "seconds": round(seconds, 1),
            "cpu_seconds": round(time.process_time(), 1),
        },
        "packages": {name: version(name) for name in _PACKAGES},
        "python": python_version(),
        "machine": machine(),
    }
    draft_record = folder / ".made.json"
    draft_record.write_text(json.dumps(record, indent=1), encoding="utf-8")
    draft_record.replace(folder / "made.json")
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)


def _footprint(model: Any) -> dict[str, int]:
    """Bytes of the weights as they lay in memory."""
    found = sum(one.numel() * one.element_size() for one in (*model.parameters(), *model.buffers()))
    return {"weights_bytes": int(found)}
