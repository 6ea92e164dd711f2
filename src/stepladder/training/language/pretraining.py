"""From plain texts: a tokeniser trained on them, a small model made from nothing, texts packed into shards, and its trainer.

Texts follow each other with an end between them and are cut into rows of equal length, which see across that end, as is usual
in pre-training. Only the worker imports this.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stepladder.core import DataError
from stepladder.training.language import weights
from stepladder.training.language.job import Job

TEMPLATE = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>'"
    " + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""How a chat is written for a model that never had one: ChatML."""

_END, _START, _STOP = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
_SHARD = 2**22  # tokens of a file
_AT_ONCE = 1000  # texts


def make_base(job: Job, texts: Sequence[str], out: Path) -> None:
    """A tokeniser and a model of the job's shape with random weights, as a folder that can be trained."""
    import torch

    with weights.drafted(out) as draft:
        tokenizer = _tokenizer(texts, job.more.vocabulary)
        tokenizer.save_pretrained(draft)
        torch.manual_seed(job.seed)
        _model(job, len(tokenizer)).save_pretrained(draft)


def _tokenizer(texts: Sequence[str], vocabulary: int) -> Any:
    """Byte pairs, as GPT-2 has them, so that every text can be written and llama.cpp knows the way."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    found = Tokenizer(models.BPE())
    found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    found.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[_END, _START, _STOP],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    found.train_from_iterator(texts, trainer, length=len(texts))
    fast = PreTrainedTokenizerFast(tokenizer_object=found, bos_token=_START, eos_token=_STOP, pad_token=_END)
    fast.chat_template = TEMPLATE
    return fast


def _model(job: Job, vocabulary: int) -> Any:
    from transformers import AutoModelForCausalLM, LlamaConfig, Qwen3Config

    more = job.more
    kinds = {"llama": LlamaConfig, "qwen": Qwen3Config}
    config = kinds[more.shape](
        vocab_size=vocabulary,
        hidden_size=more.width,
        intermediate_size=4 * more.width,
        num_hidden_layers=more.layers,
        num_attention_heads=more.heads,
        num_key_value_heads=more.heads,
        head_dim=more.width // more.heads,
        max_position_embeddings=max(1024, job.settings.length),
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
        tie_word_embeddings=True,
    )
    return AutoModelForCausalLM.from_config(config)


def pack(tokenizer: Any, texts: Sequence[str], length: int, out: Path) -> None:
    """Write the texts' tokens, an end after each, as files of whole rows of `length` tokens; nothing where they are there.

    Raises DataError where the texts do not fill one row.
    """
    if out.is_dir():
        return
    end, each = tokenizer.convert_tokens_to_ids(_END), max(1, _SHARD // length) * length
    end = tokenizer.eos_token_id if end is None else end
    with weights.drafted(out) as draft:
        left, number = np.zeros(0, np.uint32), 0
        for piece in _pieces(tokenizer, texts, end):
            left = np.concatenate([left, piece])
            while len(left) >= each:
                np.save(draft / f"{number:05d}.npy", left[:each])
                left, number = left[each:], number + 1
        rest = len(left) // length * length
        if rest:
            np.save(draft / f"{number:05d}.npy", left[:rest])
        if not rest and not number:
            raise DataError(
                f"The texts are {len(left)} tokens, and a row has {length}.",
                remedy="Give more texts, or a smaller `length`.",
            )


def _pieces(tokenizer: Any, texts: Sequence[str], end: int) -> Iterator[NDArray[np.uint32]]:
    for at in range(0, len(texts), _AT_ONCE):
        found = tokenizer(list(texts[at : at + _AT_ONCE]), add_special_tokens=False)["input_ids"]
        yield np.fromiter((id for one in found for id in (*one, end)), np.uint32)


class Packed:
    """Rows of `length` tokens out of a folder of shards, which stay on the disk."""

    def __init__(self, folder: Path, length: int) -> None:
        self._shards = [np.load(path, mmap_mode="r") for path in sorted(folder.glob("*.npy"))]
        self._length = length
        self._ends = np.cumsum([len(shard) // length for shard in self._shards])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, row: int) -> dict[str, Any]:
        import torch

        shard = int(np.searchsorted(self._ends, row, side="right"))
        first = (row - (int(self._ends[shard - 1]) if shard else 0)) * self._length
        tokens = torch.from_numpy(self._shards[shard][first : first + self._length].astype(np.int64))
        return {"input_ids": tokens, "labels": tokens.clone()}


def text_trainer(
    job: Job,
    folder: Path,
    opened: tuple[Any, Any],
    texts: tuple[Sequence[str], Sequence[str]],
    arguments: Mapping[str, Any],
    listener: Any,
) -> Any:
    """The trainer of an `opened` (model, tokeniser) on (learned, held) texts, with its steps counted in packed rows."""
    from transformers import Trainer, TrainingArguments

    (model, tokenizer), length = opened, job.settings.length
    found = []
    for name, part in zip(("packed", "packed-held"), texts, strict=True):
        if part:
            pack(tokenizer, part, length, folder / name)
        found.append(Packed(folder / name, length) if part else None)
    learned, held = found
    assert learned is not None
    return Trainer(
        model=model,
        args=TrainingArguments(**{**arguments, **job.pace(len(learned))}),
        train_dataset=learned,
        eval_dataset=held,
        processing_class=tokenizer,
        callbacks=[listener],
    )
