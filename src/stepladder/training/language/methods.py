"""What a model can be trained to do, and by which of its weights: a table that every other file reads.

Sources: LoRA (Hu et al. 2021, arXiv 2106.09685), QLoRA (Dettmers et al. 2023, 2305.14314), IA3 (Liu et al. 2022, 2205.05638),
DPO (Rafailov et al. 2023, 2305.18290), ORPO (Hong et al. 2024, 2403.07691), KTO (Ethayarajh et al. 2024, 2402.01306), PPO
(Schulman et al. 2017, 1707.06347; for language Ziegler et al. 2019, 1909.08593), GRPO (Shao et al. 2024, 2402.03300), RLOO
(Ahmadian et al. 2024, 2402.14740), online DPO (Guo et al. 2024, 2402.04792), distillation on the student's own answers
(Agarwal et al. 2023, 2306.13649).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, Self

from stepladder.core import BadRequest, ConfigError, config

Kind = Literal["answers", "pairs", "marked", "prompts", "texts"]
"""What a row holds: a prompt with its answer, with a better and a worse one, with one that was liked or not, a prompt (and
perhaps the right answer), or a plain text."""

ADAPTERS = ("none", "lora", "qlora", "ia3")
REWARDS = ("equal", "contains", "json")
"""Rules that judge a written answer; else the folder of a reward model does, or a function as module:name."""
SHAPES = ("llama", "qwen")
ORDERS = ("shuffled", "file")


@dataclass(frozen=True, slots=True)
class Method:
    """What it learns from (`rows`), its learning `rate`, and the adapter that it trains where none is asked for.

    One that `aligns` is compared with its base all the time, so it needs an adapter; one that `writes` makes answers while it
    learns. `passes` is its work for a token beside that of plain fine-tuning.
    """

    rows: Kind
    rate: float
    adapter: str = "lora"
    aligns: bool = False
    writes: bool = False
    passes: float = 1.0


METHODS: Mapping[str, Method] = {
    "sft": Method("answers", 5e-5, "none"),
    "lora": Method("answers", 5e-4),
    "qlora": Method("answers", 5e-4, "qlora"),
    "ia3": Method("answers", 5e-3, "ia3"),
    "dpo": Method("pairs", 5e-5, aligns=True, passes=4),
    "orpo": Method("pairs", 5e-5, aligns=True, passes=2),
    "kto": Method("marked", 5e-5, aligns=True, passes=3),
    "reward": Method("pairs", 5e-5, "none", passes=2),
    "grpo": Method("prompts", 5e-5, aligns=True, writes=True, passes=2),
    "rloo": Method("prompts", 5e-5, aligns=True, writes=True, passes=2),
    "ppo": Method("prompts", 5e-5, aligns=True, writes=True, passes=3),
    "online-dpo": Method("prompts", 5e-5, aligns=True, writes=True, passes=2),
    "gkd": Method("prompts", 5e-5, "none", writes=True, passes=3),
    "continue": Method("texts", 5e-5, "none"),
    "pretrain": Method("texts", 1e-3, "none"),
}


def method_of(name: str) -> Method:
    """Raises BadRequest for an unknown one."""
    if name not in METHODS:
        raise BadRequest(f"There is no method {name!r}.", remedy=f"One of: {', '.join(METHODS)}.")
    return METHODS[name]


@dataclass(frozen=True, slots=True)
class MethodSettings:
    """What only some methods ask for.

    `adapter` takes another one than the method's own. `reward` judges answers (`equal` or `contains` the row's answer,
    `json`, the folder of a reward model, or a Python function as module:name), of which `samples` are written to each
    prompt, `answer` tokens long at most, at `temperature`; `updates` are PPO's steps on the same answers. `teacher` is the
    folder of the model that gkd learns from. `kl_limit` is how far, in nats a token, a model may go from its base before
    the run is stopped. `order` is "shuffled", or "file" to learn rows as they stand (`data mix --rising` puts the easy ones
    first). With `packing` several answers with their prompts share a row of `length` tokens, and none sees another. `shape`,
    `vocabulary`, `layers`, `width` and `heads` are those of a model that is made from nothing.
    """

    adapter: str = ""
    reward: str = ""
    samples: int = 4
    answer: int = 64
    temperature: float = 1.0
    updates: int = 2
    teacher: str = ""
    kl_limit: float = 2.0
    order: str = "shuffled"
    packing: bool = False
    shape: str = "llama"
    vocabulary: int = 8000
    layers: int = 4
    width: int = 256
    heads: int = 4

    @classmethod
    def read(cls, settings: Mapping[str, Any], where: str) -> Self:
        """Check a table of settings. Raises ConfigError naming the key."""
        found = config.settings(settings, cls, where)
        within(found, where, _LEAST, {})
        for name, known in (("adapter", ("", *ADAPTERS)), ("shape", SHAPES), ("order", ORDERS)):
            if getattr(found, name) not in known:
                raise ConfigError(
                    f"{where}.{name} is {getattr(found, name)!r}.",
                    param=f"{where}.{name}",
                    remedy=f"One of: {', '.join(filter(None, known))}.",
                )
        if found.reward and not _is_reward(found.reward):
            raise ConfigError(
                f"{where}.reward is {found.reward!r}.",
                param=f"{where}.reward",
                remedy=f"One of {', '.join(REWARDS)}, the folder of a reward model, or module:function.",
            )
        if found.width % found.heads or (found.width // found.heads) % 2:
            raise ConfigError(
                f"{where}.width is {found.width} for {found.heads} heads.",
                param=f"{where}.width",
                remedy="Give an even number of columns to each head.",
            )
        return found


def _is_reward(name: str) -> bool:
    return name in REWARDS or ":" in name or Path(name).expanduser().is_dir()


_LEAST: Mapping[str, float] = {
    "samples": 2,
    "answer": 1,
    "temperature": 0.01,
    "updates": 1,
    "kl_limit": 0.001,
    "vocabulary": 300,
    "layers": 1,
    "width": 8,
    "heads": 1,
}


def within(found: Any, where: str, least: Mapping[str, float], most: Mapping[str, float]) -> None:
    """Raise ConfigError for the first field that is outside its bounds."""
    for each in fields(found):
        value = getattr(found, each.name)
        low, high = least.get(each.name), most.get(each.name)
        if (low is not None and value < low) or (high is not None and value > high):
            bounds = f"at least {low:g}" + (f" and at most {high:g}" if high is not None else "")
            raise ConfigError(
                f"{where}.{each.name} is {value}.", param=f"{where}.{each.name}", remedy=f"Give {bounds}."
            )
