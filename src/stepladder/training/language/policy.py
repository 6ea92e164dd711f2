"""Proximal policy optimisation: a policy that writes, a value head that foretells, and a reference that it must stay near to.

The clipped objective and generalised advantages are Schulman et al.'s (2017, arXiv 1707.06347; 2015, 1506.02438), the price of
leaving the reference is Ziegler et al.'s (2019, 1909.08593): each token pays beta (log p - log p_reference), the last one gets
the reward. With enough steps the policy is p_reference exp(reward / beta) / Z (tests/training/language/test_policy.py).

Only the worker imports this.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import Trainer
from trl.trainer.utils import RepeatSampler

from stepladder.training.language.job import Job

_CLIP, _VALUE_CLIP, _VALUE_WEIGHT = 0.2, 0.2, 0.1
_DISCOUNT, _LAMBDA = 1.0, 0.95
_WEIGHTS = "trained.safetensors"
Batch = dict[str, torch.Tensor]


class ActorCritic(torch.nn.Module):
    """A model with an adapter, and a line from its last hidden states to a value. Without the adapter it is the reference."""

    def __init__(self, policy: Any) -> None:
        super().__init__()
        self.policy = policy
        self.value = torch.nn.Linear(policy.config.hidden_size, 1)
        torch.nn.init.zeros_(self.value.weight)
        torch.nn.init.zeros_(self.value.bias)

    @property
    def config(self) -> Any:
        """The policy's."""
        return self.policy.config

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(logits (n, t, vocabulary), values (n, t))."""
        places = (attention_mask.cumsum(1) - 1).clamp(min=0)
        out = self.policy(
            input_ids=input_ids, attention_mask=attention_mask, position_ids=places, output_hidden_states=True
        )
        return out.logits, self.value(out.hidden_states[-1]).squeeze(-1)

    def save_pretrained(self, folder: Path) -> None:
        """The adapter alone: the value head has done its work."""
        self.policy.save_pretrained(folder)


class PPOTrainer(Trainer):
    """transformers' trainer, whose batches are prompts to which answers are written first. `updates` steps share a batch."""

    def __init__(self, job: Job, reward: Callable[..., list[float]], **parts: Any) -> None:
        parts["processing_class"].padding_side = "left"
        super().__init__(**parts, data_collator=list)
        self.model_accepts_loss_kwargs = False
        self._job, self._reward = job, reward
        self._written: Batch = {}
        self._told: dict[str, float] = {}

    def _get_train_sampler(self, dataset: Any = None) -> Any:
        batch = self._job.settings.batch
        return RepeatSampler(
            self.train_dataset, self._job.more.samples, batch, self._job.more.updates, seed=self.args.seed
        )

    def get_train_dataloader(self) -> Any:
        """Batches of prompts, each prompt as often as there are samples."""
        size = self._job.settings.batch * self._job.more.samples
        loader = torch.utils.data.DataLoader(
            self.train_dataset, batch_size=size, sampler=self._get_train_sampler(), collate_fn=list
        )
        return self.accelerator.prepare(loader)

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Any:
        """Write answers where the last ones have been used up, then learn from them."""
        if self.state.global_step % self._job.more.updates == 0 or not self._written:
            with torch.no_grad():
                self._written = self._write(inputs)
        return super().training_step(model, self._written, num_items_in_batch)

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """The clipped objective, and the value's squared error, clipped alike."""
        logs, values, _ = self._read(model, inputs)
        mask, gain, wanted = inputs["mask"], inputs["gain"], inputs["wanted"]
        ratio = torch.exp(logs - inputs["logs"])
        policy = torch.maximum(-gain * ratio, -gain * ratio.clamp(1 - _CLIP, 1 + _CLIP))
        near = inputs["values"] + (values - inputs["values"]).clamp(-_VALUE_CLIP, _VALUE_CLIP)
        value = torch.maximum((values - wanted) ** 2, (near - wanted) ** 2)
        return mean(policy, mask) + _VALUE_WEIGHT * mean(value, mask)

    def log(self, logs: dict[str, float], *arguments: Any, **named: Any) -> None:
        """With the reward and the distance from the reference."""
        super().log({**logs, **self._told} if "loss" in logs else logs, *arguments, **named)

    def _write(self, rows: Sequence[Mapping[str, Any]]) -> Batch:
        """Answers to these prompts, with all that the steps on them need. Shapes (n, t): t tokens of the answers."""
        tokenizer, more = self.processing_class, self._job.more
        model = self.accelerator.unwrap_model(self.model).eval()
        prompts = [row["prompt"] for row in rows]
        texts = [
            tokenizer.apply_chat_template(one, tokenize=False, add_generation_prompt=True) for one in prompts
        ]
        read = tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False).to(
            self.args.device
        )
        tokens = model.policy.generate(
            input_ids=read["input_ids"],
            attention_mask=read["attention_mask"],
            do_sample=True,
            temperature=more.temperature,
            top_k=0,
            max_new_tokens=more.answer,
            pad_token_id=tokenizer.pad_token_id,
        )
        said = tokens[:, read["input_ids"].shape[1] :]
        mask = until_end(said, tokenizer.eos_token_id)
        answers = [[{"role": "assistant", "content": text}] for text in self._texts(said, mask)]
        columns = {key: [row[key] for row in rows] for key in rows[0] if key != "prompt"}
        rewards = torch.tensor(
            self._reward(prompts=prompts, completions=answers, **columns), device=said.device
        )
        batch = {
            "tokens": tokens,
            "attention": torch.cat([read["attention_mask"], mask.long()], 1),
            "mask": mask,
        }
        logs, values, _ = self._read(model, batch)
        with model.policy.disable_adapter():
            reference, _, _ = self._read(model, batch)
        away = (logs - reference) * mask
        paid = -self._job.settings.beta * away
        paid[torch.arange(len(rows)), mask.sum(1).long() - 1] += rewards.float()
        gain, wanted = advantages(paid, values * mask, mask)
        self._told = {"reward": float(rewards.float().mean()), "kl": float(mean(away, mask))}
        model.train()
        return {
            **batch,
            "logs": logs,
            "values": values * mask,
            "gain": whitened(gain, mask),
            "wanted": wanted,
        }

    def _texts(self, said: torch.Tensor, mask: torch.Tensor) -> list[str]:
        kept = [row[keep.bool()] for row, keep in zip(said, mask, strict=True)]
        texts: list[str] = self.processing_class.batch_decode(kept, skip_special_tokens=True)
        return texts

    def _read(self, model: Any, batch: Mapping[str, Any]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(log-probabilities of the answers' tokens, values before them, logits), the first two (n, t)."""
        logits, values = model(input_ids=batch["tokens"], attention_mask=batch["attention"])
        long = batch["mask"].shape[1]
        before = logits[:, -long - 1 : -1].float() / self._job.more.temperature
        logs = torch.log_softmax(before, -1).gather(-1, batch["tokens"][:, -long:, None]).squeeze(-1)
        return logs * batch["mask"], values[:, -long - 1 : -1].float(), before

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """What is trained: adapter and value head."""
        place = Path(output_dir or self.args.output_dir)
        place.mkdir(parents=True, exist_ok=True)
        kept = {
            name: one.detach().contiguous()
            for name, one in self.model.named_parameters()
            if one.requires_grad
        }
        save_file(kept, place / _WEIGHTS)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        found = load_file(Path(resume_from_checkpoint) / _WEIGHTS)
        (model or self.model).load_state_dict(found, strict=False)


def until_end(said: torch.Tensor, end: int) -> torch.Tensor:
    """1 for each token up to the first `end`, which belongs to the answer; (n, t) like `said`."""
    ended = (said == end).int().cumsum(1) - (said == end).int()
    return (ended == 0).float()


def advantages(
    paid: torch.Tensor, values: torch.Tensor, mask: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """(generalised advantages, returns), each (n, t), of what each token was `paid` and foretold as; 0 past the mask."""
    gain = torch.zeros_like(paid)
    last = torch.zeros(paid.shape[0], device=paid.device)
    for t in reversed(range(paid.shape[1])):
        after = values[:, t + 1] * mask[:, t + 1] if t + 1 < paid.shape[1] else torch.zeros_like(last)
        last = (paid[:, t] + _DISCOUNT * after - values[:, t] + _DISCOUNT * _LAMBDA * last) * mask[:, t]
        gain[:, t] = last
    return gain, (gain + values) * mask


def mean(numbers: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Over what the mask leaves."""
    return (numbers * mask).sum() / mask.sum().clamp(min=1)


def whitened(numbers: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """With mean 0 and spread 1 over what the mask leaves."""
    middle = mean(numbers, mask)
    spread = mean((numbers - middle) ** 2, mask).sqrt()
    return (numbers - middle) / (spread + 1e-8) * mask
