"""How good is a written answer? A number for each, by a rule, a reward model or a function of one's own.

Only the worker imports this.
"""

import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from stepladder.core import DataError
from stepladder.training.language import weights
from stepladder.training.language.methods import REWARDS

Messages = Sequence[Mapping[str, str]]
Reward = Callable[..., list[float]]
"""(prompts, completions, **the rows' other columns, such as `answer`) -> a number for each completion."""


def reward_function(name: str) -> Reward:
    """A rule of ours, the reward model of a folder, or a function as module:name. Raises DataError."""
    if name in _RULES:
        return _by_rule(name)
    if Path(name).expanduser().is_dir():
        return _by_model(Path(name).expanduser())
    module, colon, function = name.partition(":")
    if colon:
        try:
            found: Reward = getattr(importlib.import_module(module), function)
            return found
        except (ImportError, AttributeError) as error:
            raise DataError(
                f"The reward {name!r} cannot be loaded: {error}.", remedy="Give module:function."
            ) from error
    raise DataError(
        f"There is no reward {name!r}.",
        remedy=f"One of {', '.join(_RULES)}, the folder of a reward model, or module:function.",
    )


def _equal(said: str, answer: str) -> float:
    return float(said.strip() == answer.strip())


def _contains(said: str, answer: str) -> float:
    return float(answer.strip() in said)


def _json(said: str, answer: str) -> float:
    """1 for JSON that is the answer (or any JSON where there is none), a half for other JSON."""
    try:
        found = json.loads(said)
    except ValueError:
        return 0.0
    try:
        return 1.0 if not answer or found == json.loads(answer) else 0.5
    except ValueError:
        return 0.5


_RULES: Mapping[str, Callable[[str, str], float]] = dict(
    zip(REWARDS, (_equal, _contains, _json), strict=True)
)


def _by_rule(name: str) -> Reward:
    rule = _RULES[name]

    def rated(completions: Sequence[Messages], answer: Sequence[str], **_: Any) -> list[float]:
        return [rule(one[-1]["content"], right) for one, right in zip(completions, answer, strict=True)]

    rated.__name__ = name
    return rated


def _by_model(folder: Path) -> Reward:
    """The score that the model of `train reward` gives to prompt and answer."""
    import torch

    model, tokenizer = weights.open_scorer(folder).eval(), weights.open_tokenizer(folder)

    def scored(prompts: Sequence[Messages], completions: Sequence[Messages], **_: Any) -> list[float]:
        texts = [
            tokenizer.apply_chat_template([*asked, *said], tokenize=False)
            for asked, said in zip(prompts, completions, strict=True)
        ]
        read = tokenizer(
            texts, return_tensors="pt", padding=True, padding_side="right", add_special_tokens=False
        )
        with torch.no_grad():
            found: list[float] = model(**read.to(model.device)).logits[:, 0].float().tolist()
        return found

    return scored
