"""Models on the disk: opened for training, taken from a GGUF file, merged with an adapter. Only the worker imports this."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from stepladder.core import DataError, MissingExtra
from stepladder.training.language.unpacking import layout, open_4_bit

ADAPTER, BASE = "adapter_config.json", "base.json"
"""In an adapter's folder: what it is, and what it was trained on."""


@contextmanager
def drafted(place: Path) -> Iterator[Path]:
    """A folder that gets its name when all is in it. What an earlier attempt left is taken away.

    Whoever may read the folder may read its files: some libraries write theirs for their owner alone.
    """
    draft = place.with_name(f".{place.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    yield draft
    for path in draft.rglob("*"):
        if path.is_file():
            path.chmod(path.parent.stat().st_mode & 0o666)
            with path.open("rb") as file:
                os.fsync(file.fileno())
    shutil.rmtree(place, ignore_errors=True)
    draft.replace(place)


def open_model(folder: Path, *, packed: bool = False) -> Any:
    """The causal language model of a folder, in 32 bit on a CPU and bfloat16 on a GPU. Raises DataError.

    `packed` keeps the linear layers in 4 bit (NF4, scales packed too), as QLoRA does. Raises MissingExtra. A folder that holds
    GPTQ's or AWQ's 4 bit is unpacked.
    """
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    dtype = torch.bfloat16 if torch.cuda.is_available() else torch.float32
    if layout(folder):
        return open_4_bit(folder).to(dtype)
    more = {}
    if packed:
        if find_spec("bitsandbytes") is None:
            raise MissingExtra("QLoRA", "qlora")
        more["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
    try:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, local_files_only=True, **more)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"{folder} holds no model that can be trained: {error}",
            remedy="Give a Hugging Face folder with config.json, tokenizer.json and *.safetensors, or a GGUF file.",
        ) from error
    for layer in model.modules() if packed else ():
        # Else an evaluation rounds the scales to 16 bit on some processors, and a run that goes on would differ.
        layer.support_avx512bf16_for_cpu = False
    return model


def writes(folder: Path) -> bool:
    """Whether a folder's model, or the one that its adapter is for, writes words; else it is an encoder. Raises DataError."""
    if (folder / ADAPTER).exists():
        return True
    try:
        told = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(
            f"{folder} holds no config.json.", remedy="Give a whole Hugging Face folder."
        ) from error
    return any(name.endswith(("ForCausalLM", "LMHeadModel")) for name in told.get("architectures") or ())


def open_scorer(folder: Path) -> Any:
    """A model of a folder with one number in the place of its next token: a reward model, or the start of one."""
    import torch
    from transformers import AutoModelForSequenceClassification

    found = AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=1, dtype=torch.float32, local_files_only=True
    )
    if found.config.pad_token_id is None:
        found.config.pad_token_id = open_tokenizer(folder).pad_token_id
    return found


def open_tokenizer(folder: Path) -> Any:
    """The tokeniser of a folder. Raises DataError where it has none, or no chat template."""
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{folder} holds no tokeniser: {error}", remedy="Give a whole model folder."
        ) from error
    if not tokenizer.chat_template:
        raise DataError(
            f"The model in {folder} has no chat template.",
            remedy="Put a chat_template.jinja beside it: training and serving must ask in the same words.",
        )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def import_gguf(file: Path, out: Path) -> None:
    """A GGUF file as a Hugging Face folder, its weights in 32 bit again. Raises DataError."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        model = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"transformers cannot open {file}: {error}", remedy="Give the model's own folder."
        ) from error
    # Else the folder says that its weights are still packed, and cannot be opened.
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.hf_quantizer, model.is_quantized, model.quantization_method = None, False, None
    with drafted(out) as draft:
        model.save_pretrained(draft)
        tokenizer.save_pretrained(draft)


def open_any(folder: Path) -> Any:
    """A model's folder, or an adapter's on the base that it was trained on. Raises DataError where that is another one."""
    if not (folder / ADAPTER).exists():
        return open_model(folder)
    from peft import PeftModel

    kept = json.loads((folder / BASE).read_bytes())
    base = Path(kept["base"])
    if not base.is_dir() or base_mark(base) != kept["mark"]:
        raise DataError(
            f"{base} is not what the adapter in {folder} was trained on.",
            remedy="Put the old base back, or train again.",
        )
    return PeftModel.from_pretrained(open_model(base), str(folder))


def merge(adapter: Path, out: Path) -> None:
    """An adapter and the base that it was trained on, as one model. Raises DataError where the base is another one."""
    if not (adapter / ADAPTER).exists():
        raise DataError(
            f"{adapter} holds no adapter.", remedy="Give the `model` folder of a lora or dpo run."
        )
    merged = open_any(adapter).merge_and_unload(safe_merge=True)
    tokenizer = open_tokenizer(adapter)
    with drafted(out) as draft:
        merged.save_pretrained(draft)
        tokenizer.save_pretrained(draft)


def base_mark(base: Path) -> str:
    """A hash of a model's configuration and weights."""
    whole = hashlib.sha256()
    for path in sorted([*base.glob("*.safetensors"), base / "config.json"]):
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def parts(model: Any) -> tuple[int, int]:
    """How many weights there are, and how many of them are trained."""
    sizes = [(int(weight.numel()), weight.requires_grad) for weight in model.parameters()]
    return sum(size for size, _ in sizes), sum(size for size, trained in sizes if trained)
