"""A toy that PPO must solve: answers of one word out of six, drawn from a table of six numbers. Two of them are worth 1.

`python -m tests.training.language.toy BASE FOLDER` trains it, with the trainer that `train ppo` takes, and prints how likely
each word was, is, and by theory ought to be.
"""

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

BETA = 0.5
WORTH = (1.0, 1.0, 0.0, 0.0, 0.0, 0.0)
BEFORE = (-1.0, -2.0, 0.0, 1.0, -0.5, -1.5)


def make_policy(words):
    """The table as a model with an adapter: without it, it is as it was."""
    import torch
    from transformers import PretrainedConfig

    class Table(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.config = PretrainedConfig(hidden_size=2)
            self.before = torch.tensor(BEFORE)
            self.change = torch.nn.Parameter(torch.zeros(len(BEFORE)))
            self.on = True

        def numbers(self):
            return self.before + self.change if self.on else self.before

        @contextmanager
        def disable_adapter(self):
            self.on = False
            yield
            self.on = True

        def generate(self, input_ids, **_):
            drawn = torch.multinomial(torch.softmax(self.numbers(), 0), len(input_ids), replacement=True)
            return torch.cat([input_ids, torch.tensor(words)[drawn][:, None]], 1)

        def forward(self, input_ids, **_):
            logits = torch.full((*input_ids.shape, max(words) + 1), -30.0)
            logits[..., words] = self.numbers().expand(*input_ids.shape, len(words))
            return SimpleNamespace(logits=logits, hidden_states=[torch.ones(*input_ids.shape, 2)])

    return Table()


def main(base, folder):
    """Train, and print [before, after, by theory]."""
    import torch
    from datasets import Dataset
    from transformers import TrainingArguments

    from stepladder.training.language import Job, LanguageSettings, MethodSettings, weights
    from stepladder.training.language.policy import ActorCritic, PPOTrainer

    tokenizer = weights.open_tokenizer(base)
    words = tokenizer.convert_tokens_to_ids(list("abcdef"))

    def worth(completions, **_):
        return [WORTH["abcdef".index(one[-1]["content"])] for one in completions]

    torch.manual_seed(0)
    job = Job(
        "ppo",
        "",
        LanguageSettings(batch=2, beta=BETA, rate=0.05),
        more=MethodSettings(samples=64, answer=1, updates=4),
    )
    table = make_policy(words)
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=160,
        learning_rate=job.rate,
        use_cpu=True,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        remove_unused_columns=False,
        logging_steps=1000,
    )
    trainer = PPOTrainer(
        job=job,
        reward=worth,
        model=ActorCritic(table),
        args=arguments,
        train_dataset=Dataset.from_list([{"prompt": [{"role": "user", "content": "where"}]}] * 8),
        processing_class=tokenizer,
    )
    trainer.train()
    before = torch.softmax(table.before, 0)
    wanted = before * torch.exp(torch.tensor(WORTH) / BETA)
    found = [before, torch.softmax(table.numbers().detach(), 0), wanted / wanted.sum()]
    sys.stdout.write("\n" + json.dumps([one.tolist() for one in found]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
