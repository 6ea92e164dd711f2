"""The program of the process that trains. `process` runs it as a module; nothing imports it.

Its argument is a JSON list of operations, done in order, each of which is nothing to do where its result is there. Events
go to standard output as JSON lines; whatever libraries print goes to standard error. It leaves when its input ends.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from stepladder.core import StepladderError
from stepladder.training.language import gguf_adapter, gguf_file, weights
from stepladder.training.language.classifying import Tuning, finetune
from stepladder.training.language.served import LIKELIEST
from stepladder.training.language.trainer import run

Say = Callable[[Mapping[str, Any]], None]


def main() -> int:
    """Do what is asked. Returns the exit status."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    threading.Thread(target=_leave_with_the_parent, daemon=True).start()

    def say(event: Mapping[str, Any]) -> None:
        out.write(json.dumps(event) + "\n")
        out.flush()

    try:
        for operation in json.loads(sys.argv[1]):
            asked = {key: value for key, value in operation.items() if key != "do"}
            say({"event": "began", "what": operation["do"]})
            _OPERATIONS[operation["do"]](say, **asked)
    except StepladderError as error:
        say({"event": "failed", "message": error.message, "remedy": error.remedy})
        return 1
    except (RuntimeError, OSError) as error:
        say(
            {"event": "failed", "message": f"{type(error).__name__}: {error}"[:500], "remedy": _remedy(error)}
        )
        return 1
    say({"event": "finished"})
    return 0


def _leave_with_the_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(3)


def _remedy(error: Exception) -> str:
    said = str(error).lower()
    if any(words in said for words in ("writ", "no space", "unexpected pos")):  # torch.save says the last
        return "The disk is full or not writable; the same command goes on from the last whole checkpoint."
    if "memory" in said:
        return "There is not memory enough: lower `batch` or `length`, or take a smaller base."
    if isinstance(error, OSError):
        return "Check the folder's rights and free space; the same command goes on from the last checkpoint."
    return "See worker.log in the run's folder."


def _train(say: Say, *, folder: str) -> None:
    run(Path(folder), say)


def _import(say: Say, *, file: str, out: str) -> None:
    if not Path(out).is_dir():
        weights.import_gguf(Path(file), Path(out))


def _merge(say: Say, *, adapter: str, out: str) -> None:
    if not Path(out).is_dir():
        weights.merge(Path(adapter), Path(out))


def _gguf(say: Say, *, folder: str, out: str, quantisation: str) -> None:
    if Path(out).exists():
        return
    if (Path(folder) / weights.ADAPTER).exists():
        gguf_adapter.write(Path(folder), Path(out))
    else:
        gguf_file.write(Path(folder), Path(out), quantisation)


def _probe(say: Say, *, folder: str, rows: str, out: str, codes: Sequence[int] = ()) -> None:
    """What the model thinks of each code after each prompt (without codes: its likeliest tokens), for comparisons; and the most
    bytes that this process has held."""
    import torch

    from stepladder.training.language.weighing import held

    model, tokenizer = weights.open_any(Path(folder)).eval(), weights.open_tokenizer(Path(folder))
    found = []
    for line in Path(rows).read_text(encoding="utf-8").splitlines():
        messages = json.loads(line)["prompt"]
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        read = tokenizer(text, add_special_tokens=False, return_tensors="pt")
        began = time.perf_counter()
        with torch.no_grad():
            odds = torch.log_softmax(model(**read).logits[0, -1].float(), 0)
        seconds = time.perf_counter() - began
        ids = list(codes) or torch.topk(odds, min(LIKELIEST, odds.numel())).indices.tolist()
        logs = (torch.log_softmax(odds[ids], 0) if codes else odds[ids]).tolist()
        tokens = read["input_ids"][0].tolist()
        found.append(
            {
                "messages": messages,
                "text": text,
                "tokens": tokens,
                "ids": ids,
                "log_odds": logs,
                "seconds": seconds,
                "memory": held(Path(folder)),
            }
        )
    Path(out).write_text(json.dumps(found), encoding="utf-8")


def _finetune(say: Say, *, folder: str, tuning: Mapping[str, Any]) -> None:
    finetune(Path(folder), Tuning(**tuning), say)


def _prune(say: Say, *, folder: str, out: str, share: float, whole: bool) -> None:
    from stepladder.training.language import pruning

    prune = pruning.structured if whole else pruning.by_magnitude
    prune(Path(folder), Path(out), share)


def _layers(say: Say, *, folder: str, out: str, keep: int, rows: str, steps: int) -> None:
    from stepladder.training.language.layering import shallower

    shallower(say, Path(folder), Path(out), keep=keep, rows=Path(rows), steps=steps)


def _vocabulary(say: Say, *, folder: str, out: str, rows: str) -> None:
    from stepladder.training.language.vocabulary import trimmed

    trimmed(Path(folder), Path(out), Path(rows))


def _torchao(say: Say, *, folder: str, out: str) -> None:
    from stepladder.training.language.exporting import in_8_bit

    in_8_bit(Path(folder), Path(out))


def _four_bit(say: Say, *, folder: str, out: str, rows: str, form: str, steps: int) -> None:
    from stepladder.training.language.four_bit import in_4_bit

    in_4_bit(Path(folder), Path(out), Path(rows), form, steps)


def _onnx(say: Say, *, folder: str, out: str, bits: int) -> None:
    from stepladder.training.language.exporting import to_onnx

    to_onnx(Path(folder), Path(out), bits)


def _weigh(say: Say, *, folder: str, judged: str, seen: str, out: str) -> None:
    from stepladder.training.language.weighing import weigh

    weigh(Path(folder), Path(judged), Path(seen), Path(out))


def _surprise(say: Say, *, folder: str, rows: str, out: str) -> None:
    from stepladder.training.language.weighing import surprised

    surprised(Path(folder), Path(rows), Path(out))


_OPERATIONS: Mapping[str, Callable[..., None]] = {
    "train": _train,
    "import": _import,
    "merge": _merge,
    "gguf": _gguf,
    "probe": _probe,
    "finetune": _finetune,
    "prune": _prune,
    "layers": _layers,
    "vocabulary": _vocabulary,
    "onnx": _onnx,
    "torchao": _torchao,
    "four_bit": _four_bit,
    "weigh": _weigh,
    "surprise": _surprise,
}


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    os._exit(
        status
    )  # Libraries' threads and caches need no tidy end, and the reader of our input never ends.
