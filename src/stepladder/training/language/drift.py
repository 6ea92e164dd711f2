"""How far has an aligned model gone from the model that it began as? Asked before each checkpoint, of the same few prompts.

It writes answers, and the two are compared on them: the Kullback-Leibler divergence of the next token over the whole
vocabulary, how much of the writing repeats itself, and how surprised it is at answers that are known to be good. The base is
the same model without its adapter. The state of the random numbers is as before. Only the worker imports this.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from stepladder.training.language.methods import MethodSettings
from stepladder.training.language.watch import Drifted

GOES_BACK = ("away", "repeating", "forgetting")
"""Troubles after which the run ends with the last checkpoint from before."""

_PROMPTS, _WORDS, _RUN = 8, 32, 3  # rows looked at, tokens written, length of what counts as repeated


class Drift:
    """Measures a model with an adapter; `limit` is what the run allows."""

    def __init__(
        self, model: Any, tokenizer: Any, rows: Sequence[Mapping[str, Any]], more: MethodSettings
    ) -> None:
        self.limit = more.kl_limit
        self._policy = getattr(model, "policy", model)
        self._tokenizer = tokenizer
        self._rows = rows[:_PROMPTS]
        self._words = min(more.answer, _WORDS)
        self._base: tuple[float, float] | None = None

    def look(self) -> Drifted:
        """Write, and compare."""
        with torch.no_grad():
            return self._look()

    def _look(self) -> Drifted:
        was, devices = self._policy.training, list(range(torch.cuda.device_count()))
        self._policy.eval()
        with torch.random.fork_rng(devices):
            if self._base is None:
                with self._policy.disable_adapter():
                    self._base = _repeated(self._write()[1]), self._surprise()
            tokens, said = self._write()
            away = self._away(tokens)
            surprise = self._surprise()
        self._policy.train(was)
        return Drifted(away, _repeated(said), self._base[0], surprise, self._base[1])

    def _write(self) -> tuple[Mapping[str, torch.Tensor], torch.Tensor]:
        torch.manual_seed(0)
        asked = [self._chat(row["prompt"], open_end=True) for row in self._rows]
        read = self._read(asked, "left")
        whole = self._policy.generate(
            **read,
            do_sample=True,
            top_k=0,
            max_new_tokens=self._words,
            pad_token_id=self._tokenizer.pad_token_id,
        )
        said = whole[:, read["input_ids"].shape[1] :]
        mask = torch.cat([read["attention_mask"], torch.ones_like(said)], 1)
        return {"input_ids": whole, "attention_mask": mask}, said

    def _away(self, tokens: Mapping[str, torch.Tensor]) -> float:
        here = self._logs(tokens)
        with self._policy.disable_adapter():
            there = self._logs(tokens)
        return float((here.exp() * (here - there)).sum(-1)[:, -self._words - 1 : -1].mean())

    def _surprise(self) -> float:
        """Nats a token of the good answers (`chosen`, `completion`, `answer`); 0 where there are none."""
        total, count = 0.0, 0
        for row in self._rows:
            good = _good(row)
            if not good:
                continue
            before = len(self._read([self._chat(row["prompt"], open_end=True)], "left")["input_ids"][0])
            read = self._read([self._chat([*row["prompt"], {"role": "assistant", "content": good}])], "left")
            ids = read["input_ids"][0, before:]
            logs = self._logs(read)[0, before - 1 : -1].gather(-1, ids[:, None])
            total, count = total - float(logs.sum()), count + len(ids)
        return total / max(1, count)

    def _logs(self, read: Mapping[str, torch.Tensor]) -> torch.Tensor:
        places = (read["attention_mask"].cumsum(1) - 1).clamp(min=0)
        return torch.log_softmax(self._policy(**read, position_ids=places).logits.float(), -1)

    def _read(self, texts: Sequence[str], side: str) -> dict[str, torch.Tensor]:
        read = self._tokenizer(
            list(texts), return_tensors="pt", padding=True, padding_side=side, add_special_tokens=False
        )
        return {key: read[key].to(self._policy.device) for key in ("input_ids", "attention_mask")}

    def _chat(self, messages: Sequence[Mapping[str, str]], *, open_end: bool = False) -> str:
        text: str = self._tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=open_end
        )
        return text


def _good(row: Mapping[str, Any]) -> str:
    if row.get("label") is False:
        return ""
    found = row.get("chosen") or row.get("completion") or row.get("answer") or ""
    return str(found if isinstance(found, str) else found[-1]["content"])


def _repeated(said: torch.Tensor) -> float:
    """The share of runs of tokens that stood before in the same answer."""
    again = every = 0
    for row in said.tolist():
        runs = [tuple(row[k : k + _RUN]) for k in range(len(row) - _RUN + 1)]
        every += len(runs)
        again += len(runs) - len(set(runs))
    return again / max(1, every)
