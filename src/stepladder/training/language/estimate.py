"""What a run will take, told before it starts: memory, time, and what of the model is trained.

Memory is what the tensors need (weights, gradients, AdamW's two moments, activations, logits), time is floating point
operations at the speed of this machine, measured with one matrix product: 6 for every weight and token, 4 where only
adapters are trained (Kaplan et al. 2020, arXiv 2001.08361, section 2.1: 2 forward, 2 for the activations' gradients, 2 for
the weights').
"""

import json
import os
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from stepladder.core import DataError, MissingExtra
from stepladder.training.language.job import Job
from stepladder.training.language.methods import MethodSettings
from stepladder.training.language.rows import Row

_LIBRARIES = 0.8e9  # bytes that torch and the trainer take up themselves
_SHARE = 0.6  # of the speed of a matrix product that training reaches
_CHARACTERS = 3.6  # a token, where there is no tokeniser to ask
_NF4 = (
    0.5 + 1 / 64 + 4 / 64 / 256
)  # half a byte, a scale of one byte for 64 weights, one of four for 256 scales
_FRAME = 6  # tokens that a chat template adds to a message


@dataclass(frozen=True, slots=True)
class Shape:
    """A model by its tensors: `parameters` in all, the (rows, columns) of each `linear` layer, `hidden` size, `vocabulary`.

    `scaled` numbers are what IA3 multiplies with: what keys, values and the feed-forward part carry.
    """

    parameters: int
    linear: tuple[tuple[int, int], ...]
    hidden: int
    vocabulary: int
    scaled: int = 0

    @classmethod
    def of(cls, base: Path) -> Self:
        """Read from a folder's safetensors headers, or from a GGUF file. Raises DataError, MissingExtra."""
        tensors = _gguf_shapes(base) if base.is_file() else _folder_shapes(base)
        embedding = max(tensors.values(), key=lambda shape: max(shape) if len(shape) == 2 else 0)
        linear = tuple((s[0], s[1]) for s in tensors.values() if len(s) == 2 and max(s) != max(embedding))
        parameters = sum(int(np.prod(shape)) for shape in tensors.values())
        scaled = sum(_scaled(name, shape) for name, shape in tensors.items() if len(shape) == 2)
        return cls(parameters, linear, min(embedding), max(embedding), scaled)

    @classmethod
    def made(cls, more: MethodSettings) -> Self:
        """Of a model that is made from nothing."""
        wide, deep = more.width, 4 * more.width
        layer = ((wide, wide),) * 4 + ((deep, wide),) * 2 + ((wide, deep),)
        linear = layer * more.layers
        parameters = sum(a * b for a, b in linear) + more.vocabulary * wide + (2 * more.layers + 1) * wide
        return cls(parameters, linear, wide, more.vocabulary)

    def trainable(self, job: Job) -> int:
        """How many weights the job trains: all, r (in + out) for every linear layer, or a number for each thing scaled."""
        if job.adapter == "ia3":
            return self.scaled
        if not job.adapts:
            return self.parameters
        return sum(job.settings.rank * (rows + columns) for rows, columns in self.linear)

    def held(self, job: Job) -> float:
        """Bytes of the weights in memory: 4 each, and half a byte with its share of a scale where they are packed (NF4)."""
        packed = sum(rows * columns for rows, columns in self.linear) if job.adapter == "qlora" else 0
        return 4 * (self.parameters - packed) + _NF4 * packed


def _scaled(name: str, shape: tuple[int, ...]) -> int:
    """What IA3 trains for a matrix (rows, columns): numbers for what keys and values give, and for what `down` takes."""
    if any(part in name for part in ("k_proj", "v_proj", "attn_k.", "attn_v.")):
        return shape[0]
    return shape[1] if any(part in name for part in ("down_proj", "ffn_down")) else 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """`memory` in bytes, `disk` bytes of checkpoints and result, `seconds`, `tokens` of an epoch, optimiser `steps`."""

    parameters: int
    trainable: int
    rows: int
    tokens: int
    steps: int
    memory: float
    disk: float
    seconds: float

    def money(self, price_per_hour: float) -> float:
        """What the time costs."""
        return self.seconds / 3600 * price_per_hour


def estimate(job: Job, shape: Shape, rows: Sequence[Row], tokens: int, speed: float) -> Estimate:
    """What `job` will take on `rows` of `tokens` tokens in all, at `speed` (see `machine_speed`)."""
    chosen = job.settings
    trained = shape.trainable(job)
    steps, length, each = _work(job, len(rows), tokens)
    seen = steps * chosen.accumulate * each * length
    work = 4 if job.adapts else 6
    activations = each * length * 1.3 * 4 * (_kept(shape) + 3 * shape.vocabulary)
    others = _others(job)
    kept = (12 * trained if job.adapts else 12 * shape.parameters) * chosen.keep
    return Estimate(
        parameters=shape.parameters,
        trainable=trained,
        rows=len(rows),
        tokens=tokens,
        steps=steps,
        memory=_LIBRARIES
        + shape.held(job)
        + 4 * others
        + 12 * trained
        + 4 * (trained if job.adapts else 0)
        + activations * (2 if job.kind.rows == "pairs" else 1),
        disk=kept + 4 * trained,
        seconds=15 + (job.kind.passes * work * shape.parameters + 2 * others) * seen / (speed * _SHARE),
    )


def _others(job: Job) -> int:
    """Weights of the models that only read: a teacher, and a reward model in a folder."""
    reward = Path(job.more.reward).expanduser()
    places = [Path(job.more.teacher).expanduser()] if job.more.teacher else []
    places += [reward] if job.more.reward and reward.is_dir() else []
    return sum(Shape.of(place).parameters for place in places)


def _work(job: Job, rows: int, tokens: int) -> tuple[int, float, int]:
    """(steps, mean tokens of a row, rows of a batch): what is packed fills whole rows, answers are written several times."""
    chosen = job.settings
    if job.kind.rows == "texts" or job.more.packing:
        return job.steps(max(1, tokens // chosen.length)), float(chosen.length), chosen.batch
    length = min(float(chosen.length), tokens / rows)
    if not job.kind.writes:
        return job.steps(rows), length, chosen.batch
    many = {"gkd": 1, "online-dpo": 2}.get(job.method, job.more.samples)
    return job.steps(rows), length + job.more.answer, chosen.batch * many


def _kept(shape: Shape) -> int:
    """Numbers that are kept for each token until the way back: what goes into each linear layer, and a little more."""
    return 2 * sum(max(columns, shape.hidden) for _, columns in shape.linear)


def tokens_of(base: Path, rows: Sequence[Row]) -> int:
    """Tokens of all rows: counted where `base` has a tokeniser and the library is there, else by length."""
    texts = [text for row in rows for part in row.values() for text in _texts(part)]
    frame, place = _FRAME * len(texts), base / "tokenizer.json"
    try:
        from tokenizers import Tokenizer
    except ImportError:
        place = base
    if not place.is_file():
        return frame + round(sum(map(len, texts)) / _CHARACTERS)
    return frame + sum(len(found.ids) for found in Tokenizer.from_file(str(place)).encode_batch(texts))


def _texts(part: Any) -> list[str]:
    if isinstance(part, list):
        return [turn["content"] for turn in part]
    return [part] if isinstance(part, str) else []


def machine_speed() -> float:
    """Floating point operations a second of one matrix product in numpy, the best of three."""
    one = np.ones((768, 768), np.float32)
    best = 0.0
    for _ in range(3):
        began = time.perf_counter()
        for _ in range(4):
            one @ one
        best = max(best, 4 * 2 * 768**3 / (time.perf_counter() - began))
    return best


def memory_here() -> int:
    """Bytes of memory that are free on this machine; 0 where nobody says."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 0


def _folder_shapes(base: Path) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for path in sorted(base.glob("*.safetensors")):
        try:
            with path.open("rb") as file:
                header: Mapping[str, Any] = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        except (OSError, ValueError, struct.error) as error:
            raise DataError(f"{path} is damaged: {error}.", remedy="Fetch it again.") from error
        found |= {name: tuple(told["shape"]) for name, told in header.items() if name != "__metadata__"}
    if not found:
        raise DataError(
            f"{base} holds no *.safetensors.",
            remedy="Give a Hugging Face model folder (config.json, tokenizer.json, *.safetensors), or a GGUF file.",
        )
    return found


def _gguf_shapes(base: Path) -> dict[str, tuple[int, ...]]:
    try:
        import gguf
    except ImportError as error:
        raise MissingExtra("Reading a GGUF file", "train") from error
    try:
        return {tensor.name: tuple(map(int, tensor.shape[::-1])) for tensor in gguf.GGUFReader(base).tensors}
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise DataError(f"{base} is no GGUF file: {error}.", remedy="Give another base.") from error
