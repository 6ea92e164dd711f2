"""Which library's trainer does which method, and with what. Only the worker imports this."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepladder.core import DataError
from stepladder.training.language import weights
from stepladder.training.language.job import Job
from stepladder.training.language.rewards import reward_function


@dataclass(frozen=True, slots=True)
class Making:
    """What a trainer is made of: the job, its base and folder, its rows, those held back, and arguments for all trainers."""

    job: Job
    base: Path
    folder: Path
    rows: Sequence[Mapping[str, Any]]
    held: Sequence[Mapping[str, Any]]
    arguments: Mapping[str, Any]
    listener: Any

    def parts(self, model: Any) -> dict[str, Any]:
        """What every trainer takes beside its settings."""
        from datasets import Dataset

        return {
            "model": model,
            "train_dataset": Dataset.from_list(list(self.rows)),
            "eval_dataset": Dataset.from_list(list(self.held))
            if self.held and not self.job.kind.writes
            else None,
            "processing_class": weights.open_tokenizer(self.base),
            "callbacks": [self.listener],
            **({"peft_config": adapter_of(self.job)} if self.job.adapts else {}),
        }

    def causal(self) -> Any:
        """The base, its weights packed where the job says so."""
        return weights.open_model(self.base, packed=self.job.adapter == "qlora")


def make(making: Making) -> Any:
    """The trainer of a job."""
    trainer = _MAKERS[making.job.method](making)
    if making.job.adapter == "qlora":
        # TRL makes them 16 bit and an adapter that is loaded again has 32: a run that goes on would differ.
        for weight in trainer.model.parameters():
            if weight.requires_grad:
                weight.data = weight.data.float()
    return trainer


def adapter_of(job: Job, kind: str = "CAUSAL_LM") -> Any:
    """Its adapter's configuration."""
    from peft import IA3Config, LoraConfig

    if job.adapter == "ia3":
        targets = ["k_proj", "v_proj", "down_proj"]
        return IA3Config(target_modules=targets, feedforward_modules=["down_proj"], task_type=kind)
    chosen = job.settings
    return LoraConfig(
        r=chosen.rank,
        lora_alpha=chosen.alpha,
        lora_dropout=chosen.dropout,
        target_modules="all-linear",
        task_type=kind,
    )


def _supervised(making: Making) -> Any:
    from trl import SFTConfig, SFTTrainer

    packing = making.job.more.packing
    settings = SFTConfig(
        completion_only_loss=True,
        packing=packing,
        packing_strategy="bfd",
        eval_packing=False,  # the loss on unseen rows is then that of a run that packs nothing
        **_bounded(making),
    )
    trainer = SFTTrainer(args=settings, **making.parts(making.causal()))
    if packing:
        from stepladder.training.language.packing import PackedRows

        trainer.data_collator = PackedRows(trainer.processing_class.pad_token_id, return_position_ids=True)
        for name, number in making.job.pace(len(trainer.train_dataset)).items():
            setattr(trainer.args, name, number)
    return trainer


def _dpo(making: Making) -> Any:
    from trl import DPOConfig, DPOTrainer

    settings = DPOConfig(beta=making.job.settings.beta, **_bounded(making))
    return DPOTrainer(args=settings, **making.parts(making.causal()))


def _orpo(making: Making) -> Any:
    from trl.experimental.orpo import ORPOConfig, ORPOTrainer

    settings = ORPOConfig(beta=making.job.settings.beta, **_bounded(making))
    return ORPOTrainer(args=settings, **making.parts(making.causal()))


def _kto(making: Making) -> Any:
    from trl import KTOConfig, KTOTrainer

    if making.job.settings.batch < 2:
        raise DataError("kto compares the rows of a batch with each other.", remedy="Set batch to 2 or more.")
    settings = KTOConfig(beta=making.job.settings.beta, **_bounded(making))
    return KTOTrainer(args=settings, **making.parts(making.causal()))


def _reward(making: Making) -> Any:
    from trl import RewardConfig, RewardTrainer

    settings = RewardConfig(**_bounded(making))
    return RewardTrainer(args=settings, **making.parts(weights.open_scorer(making.base)))


def _grpo(making: Making) -> Any:
    from trl import GRPOConfig, GRPOTrainer

    settings = GRPOConfig(beta=making.job.settings.beta, **_written(making))
    return GRPOTrainer(args=settings, reward_funcs=_reward_of(making), **making.parts(making.causal()))


def _rloo(making: Making) -> Any:
    from trl import RLOOConfig, RLOOTrainer

    settings = RLOOConfig(beta=making.job.settings.beta, **_written(making))
    return RLOOTrainer(args=settings, reward_funcs=_reward_of(making), **making.parts(making.causal()))


def _online_dpo(making: Making) -> Any:
    """Two answers to each prompt, of which the one with the greater reward is preferred."""
    from trl.experimental.online_dpo import OnlineDPOConfig, OnlineDPOTrainer

    more, settings = making.job.more, making.job.settings
    chosen = OnlineDPOConfig(
        beta=[settings.beta],
        max_new_tokens=more.answer,
        max_length=settings.length + more.answer,
        temperature=more.temperature,
        **making.arguments,
    )
    return OnlineDPOTrainer(args=chosen, reward_funcs=_reward_of(making), **making.parts(making.causal()))


def _ppo(making: Making) -> Any:
    from peft import get_peft_model
    from transformers import TrainingArguments

    from stepladder.training.language.policy import ActorCritic, PPOTrainer

    parts = making.parts(get_peft_model(making.causal(), adapter_of(making.job)))
    del parts["peft_config"]
    return PPOTrainer(
        job=making.job,
        reward=_reward_of(making),
        args=TrainingArguments(remove_unused_columns=False, **making.arguments),
        **{**parts, "model": ActorCritic(parts["model"])},
    )


def _gkd(making: Making) -> Any:
    from trl import DistillationConfig, DistillationTrainer

    more = making.job.more
    teacher = weights.open_model(Path(more.teacher).expanduser())
    parts = making.parts(making.causal())
    if teacher.config.vocab_size != parts["model"].config.vocab_size:
        raise DataError(
            f"The teacher writes {teacher.config.vocab_size} tokens and the base {parts['model'].config.vocab_size}.",
            remedy="Give a teacher with the same tokeniser, or learn from its written answers (sft).",
        )
    settings = DistillationConfig(
        max_completion_length=more.answer, temperature=more.temperature, **making.arguments
    )
    return DistillationTrainer(args=settings, teacher_model=teacher, **parts)


def _texts(making: Making) -> Any:
    from stepladder.training.language.pretraining import text_trainer

    model = making.causal()
    if making.job.adapts:
        from peft import get_peft_model

        model = get_peft_model(model, adapter_of(making.job))
    tokenizer = weights.open_tokenizer(making.base)
    texts = [row["text"] for row in making.rows], [row["text"] for row in making.held]
    return text_trainer(
        making.job, making.folder, (model, tokenizer), texts, making.arguments, making.listener
    )


def _bounded(making: Making) -> dict[str, Any]:
    return {**making.arguments, "max_length": making.job.settings.length}


def _written(making: Making) -> dict[str, Any]:
    """For trainers that write answers: a step has the rows of a batch, each so many times."""
    more = making.job.more
    return {
        **making.arguments,
        "per_device_train_batch_size": making.job.settings.batch * more.samples,
        "num_generations": more.samples,
        "max_completion_length": more.answer,
        "temperature": more.temperature,
    }


def _reward_of(making: Making) -> Any:
    return reward_function(making.job.more.reward)


_MAKERS: Mapping[str, Callable[[Making], Any]] = {
    **dict.fromkeys(("sft", "lora", "qlora", "ia3"), _supervised),
    **dict.fromkeys(("continue", "pretrain"), _texts),
    "dpo": _dpo,
    "orpo": _orpo,
    "kto": _kto,
    "reward": _reward,
    "grpo": _grpo,
    "rloo": _rloo,
    "ppo": _ppo,
    "online-dpo": _online_dpo,
    "gkd": _gkd,
}
