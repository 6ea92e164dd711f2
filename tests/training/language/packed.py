"""What each learned token costs: rows alone, packed, and packed in rows whose examples see each other.

`python -m tests.training.language.packed BASE FOLDER` prints the three lists, each in ascending order, and the rows.
"""

import json
import sys
from pathlib import Path

from tests.training.language.tiny import WORDS as TEXT

WORDS = TEXT.split()


def rows_of(many):
    """Examples of different lengths, each with an answer of its own."""
    asked = [" ".join(WORDS[k % 7 : k % 7 + 2 + k % 5]) for k in range(many)]
    said = [" ".join(WORDS[k % 11 : k % 11 + 1 + k % 4]) for k in range(many)]
    return [
        {
            "prompt": [{"role": "user", "content": question}],
            "completion": [{"role": "assistant", "content": answer}],
        }
        for question, answer in zip(asked, said, strict=True)
    ]


def costs(trainer, *, alone=True):
    """Nats of every learned token."""
    import torch

    found = []
    trainer.model.eval()
    for batch in trainer.get_train_dataloader():
        parts = {key: batch[key] for key in ("input_ids", "position_ids", "attention_mask") if key in batch}
        if not alone:
            del parts["position_ids"]
        with torch.no_grad():
            logs = torch.log_softmax(trainer.model(**parts).logits[:, :-1].float(), -1)
        labels = batch["labels"][:, 1:]
        told = -logs.gather(-1, labels.clamp(min=0)[..., None]).squeeze(-1)
        found += told[labels != -100].tolist()
    return sorted(found)


def main(base, folder):
    """Print what was found."""
    from stepladder.training.language import Job, LanguageSettings, MethodSettings
    from stepladder.training.language.listener import Listener
    from stepladder.training.language.trainers import Making, make

    def trainer(packing):
        settings = LanguageSettings(batch=2, length=96, threads=1)
        job = Job("sft", str(base), settings, more=MethodSettings(packing=packing))
        arguments = {"output_dir": str(folder), "use_cpu": True, "bf16": False, "report_to": []}
        arguments |= {"per_device_train_batch_size": 2, **job.pace(40)}
        return make(Making(job, base, folder, rows_of(40), [], arguments, Listener(print)))

    rows, packed = trainer(False), trainer(True)
    found = {
        "rows": costs(rows),
        "packed": costs(packed),
        "leaking": costs(packed, alone=False),
        "number": [len(rows.train_dataset), len(packed.train_dataset)],
        "steps": [rows.args.max_steps, packed.args.max_steps],
    }
    sys.stdout.write("\n" + json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
