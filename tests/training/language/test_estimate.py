"""What a run will take, told before it starts: against what was measured, and by hand."""

import json
import struct
from dataclasses import replace

import pytest

from stepladder.core import DataError
from stepladder.training.language import Job, LanguageSettings, MethodSettings, Shape, estimate

GB = 1e9
SPEED = 5e10  # floating point operations a second
WIDE, KEYS, DEEP, WORDS, LAYERS = 576, 192, 1536, 49152, 30
LAYER = ((WIDE, WIDE), (KEYS, WIDE), (KEYS, WIDE), (WIDE, WIDE), (DEEP, WIDE), (DEEP, WIDE), (WIDE, DEEP))
# SmolLM2-135M: its matrices, its words and two norms a layer.
SMOLLM2 = Shape(134_515_008, LAYER * LAYERS, WIDE, WORDS, LAYERS * (2 * KEYS + DEEP))
ROWS = [{"prompt": [{"role": "user", "content": "x"}], "completion": []}] * 200
SHORT = LanguageSettings(batch=2, epochs=1)


def told(method, rows=ROWS, tokens=100 * 200, settings=SHORT, **more):
    return estimate(Job(method, "base", settings, more=MethodSettings(**more)), SMOLLM2, rows, tokens, SPEED)


def folder_of(place, tensors):
    """A folder with the header of a safetensors file."""
    place.mkdir()
    header = json.dumps({name: {"shape": list(shape)} for name, shape in tensors.items()}).encode()
    (place / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    return place


def test_weights_that_adapters_train_are_counted_exactly():
    assert SMOLLM2.trainable(Job("lora", "")) == 2_442_240
    assert SMOLLM2.trainable(Job("ia3", "")) == 30 * (192 + 192 + 1536)
    assert SMOLLM2.trainable(Job("sft", "")) == SMOLLM2.parameters


@pytest.mark.parametrize(("method", "measured"), [("lora", 1.5), ("qlora", 1.5), ("sft", 2.9), ("dpo", 1.9)])
def test_memory_is_what_was_measured_on_a_small_model(method, measured):
    """Batches of two short rows on one thread, the process's peak."""
    assert told(method).memory == pytest.approx(measured * GB, rel=0.35)


def test_a_65b_model_in_four_bit_needs_a_twentieth_of_what_training_it_whole_does():
    # Dettmers et al. 2023: 780 GB whole, 33.5 GB of weights in NF4 with packed scales.
    linear = 65_000_000_000
    shape = Shape(linear, ((linear // 8192, 8192),), 8192, 32000)
    assert shape.held(Job("qlora", "")) == pytest.approx(33.5 * GB, rel=0.01)


def test_time_grows_with_rows_and_with_what_is_trained():
    short, long = told("lora"), told("lora", ROWS * 2, 100 * 400)
    assert (long.steps, long.seconds - 15) == (2 * short.steps, pytest.approx(2 * (short.seconds - 15)))
    assert (told("sft").seconds - 15) / (short.seconds - 15) == pytest.approx(6 / 4)
    assert short.money(3600.0) == pytest.approx(short.seconds)


def test_packed_rows_are_whole_rows():
    packed = told("sft", packing=True)
    assert packed.steps == 20  # 20,000 tokens in rows of 512, two a step
    assert packed.seconds == pytest.approx(told("sft").seconds, rel=0.05)


def test_a_teacher_and_a_reward_model_take_their_share(tmp_path):
    other = folder_of(tmp_path / "other", {"embed": (WORDS, WIDE), "up": (DEEP, WIDE)})
    weights = WORDS * WIDE + DEEP * WIDE
    small = folder_of(tmp_path / "small", {"embed": (10, 4)})
    for method, key in (("gkd", "teacher"), ("grpo", "reward")):
        big = told(method, **{key: str(other)})
        assert big.memory - told(method, **{key: str(small)}).memory == 4 * (weights - 40)
        assert big.seconds > told(method, **{key: str(small)}).seconds
    assert told("grpo", reward="contains").memory < told("grpo", reward=str(other)).memory


def test_a_teacher_that_is_not_there_is_said_before_anything_starts(tmp_path):
    with pytest.raises(DataError, match="nowhere"):
        told("gkd", teacher=str(tmp_path / "nowhere"))


def test_answers_that_are_written_cost_as_often_as_they_are():
    few, many = (told("grpo", reward="json", samples=samples, answer=64) for samples in (2, 8))
    assert (many.seconds - 15) == pytest.approx(4 * (few.seconds - 15))
    assert many.memory > few.memory


def test_checkpoints_take_disk():
    two, four = (told("lora", settings=replace(SHORT, keep=keep)) for keep in (2, 4))
    assert four.disk - two.disk == 2 * 12 * 2_442_240
