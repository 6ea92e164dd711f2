"""Perplexity of a tiny model, against what its own logits say."""

import json
import math
import subprocess
import sys
from importlib.util import find_spec

import pytest

from stepladder.core import BadRequest
from stepladder.training.language import read_rows, surprise
from stepladder.training.language.weighing import _windows
from tests.training.language.places import environment, tiny_base
from tests.training.language.tiny import write_intents

pytestmark = pytest.mark.timeout(600)
missing = [
    name for name in ("torch", "transformers", "trl", "peft", "datasets", "gguf") if find_spec(name) is None
]
LOSS = """
import sys, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
model, words = AutoModelForCausalLM.from_pretrained(sys.argv[1]), AutoTokenizer.from_pretrained(sys.argv[1])
told = words("<|im_start|>user\\ncancel my order 0<|im_end|>\\n<|im_start|>assistant\\n", add_special_tokens=False)["input_ids"]
answer = words("A", add_special_tokens=False)["input_ids"]
ids = torch.tensor([told + answer])
print(float(model(ids, labels=torch.tensor([[-100] * len(told) + answer])).loss))
"""


@pytest.mark.parametrize("longest", [4, 7, 100])
def test_every_token_counts_once_after_what_came_before(longest):
    before, counted = [9, 8], list(range(20, 40))
    seen = []
    for ids, first in _windows(before, counted, longest):
        assert len(ids) <= longest
        assert ids[:first] == (before if not seen else seen[-1:])
        seen += ids[first:]
    assert seen == counted


@pytest.mark.skipif(bool(missing), reason=f"needs stepladder[train]: {', '.join(missing)} is not installed")
def test_perplexity_is_that_of_the_answers_after_their_prompts(tmp_path):
    base = tiny_base(tmp_path / "base")
    rows = read_rows(write_intents(tmp_path / "rows.jsonl", 3))
    found = surprise(base, rows)
    command = [sys.executable, "-c", LOSS, str(base)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=environment())
    assert found.nats[0] == pytest.approx(json.loads(said.stdout), abs=1e-4)
    assert found.tokens == found.sizes == (1, 1, 1)
    assert found.perplexity == pytest.approx(math.exp(sum(found.nats) / 3))
    assert found.bits == pytest.approx(sum(found.nats) / 3 / math.log(2))
    with pytest.raises(BadRequest, match="no row"):
        surprise(base, [])
