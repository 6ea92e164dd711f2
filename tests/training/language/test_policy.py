"""PPO's parts by hand, and its end: the policy that Ziegler et al. (2019, arXiv 1909.08593) and Korbak et al. (2022,
2205.11275) derive for a reward with a price on leaving the reference, p_reference(y) exp(reward(y) / beta) / Z."""

import json
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from tests.training.language.places import environment, tiny_base

needed = ("torch", "transformers", "trl", "peft", "datasets", "gguf")
pytestmark = [
    pytest.mark.skipif(any(find_spec(name) is None for name in needed), reason="needs stepladder[train]"),
    pytest.mark.timeout(600),
]
PARTS = """
import json, torch
from stepladder.training.language.policy import advantages, until_end, whitened
paid, values = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[0.5, 0.25, 0.0]])
mask = torch.tensor([[1.0, 1.0, 0.0]])
gain, wanted = advantages(paid, values, mask)
print(json.dumps([gain.tolist(), wanted.tolist(), until_end(torch.tensor([[5, 2, 7, 2]]), 2).tolist(),
                  whitened(torch.tensor([[1.0, 3.0, 99.0]]), mask).tolist()]))
"""


def test_advantages_by_hand():
    done = subprocess.run(
        [sys.executable, "-c", PARTS], env=environment(), capture_output=True, text=True, check=True
    )
    gain, wanted, kept, white = json.loads(done.stdout)
    second = 2.0 - 0.25  # the answer ends here: what comes after is worth nothing
    first = 1.0 + 0.25 - 0.5 + 0.95 * second
    np.testing.assert_allclose(gain, [[first, second, 0.0]], rtol=1e-6)
    np.testing.assert_allclose(wanted, [[first + 0.5, 2.0, 0.0]], rtol=1e-6)
    assert kept == [[1.0, 1.0, 0.0, 0.0]]  # the end belongs to the answer
    np.testing.assert_allclose(white, [[-1.0, 1.0, 0.0]], atol=1e-6)


def test_the_policy_becomes_the_one_that_theory_gives(tmp_path):
    base = tiny_base(tmp_path / "base")
    command = [sys.executable, "-m", "tests.training.language.toy", str(base), str(tmp_path / "run")]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    before, after, wanted = np.array(json.loads(done.stdout.splitlines()[-1]))
    far, near = (np.abs(one - wanted).sum() / 2 for one in (before, after))
    assert far > 0.3
    assert near < 0.05
