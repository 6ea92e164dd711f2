"""Every method, run for real on a tiny model: killed and resumed to the same bits, watched, and better at what it learns."""

import hashlib
import json
import math
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from stepladder.core import BadRequest, ConfigError
from stepladder.training.language import (
    METHODS,
    Job,
    LanguageSettings,
    MethodSettings,
    Shape,
    gguf_file,
    write_lines,
)
from tests.training.language.places import environment, tiny_base

needed = ("torch", "transformers", "trl", "peft", "datasets", "gguf")
missing = [name for name in needed if find_spec(name) is None]
trained = pytest.mark.skipif(
    bool(missing), reason=f"needs stepladder[train]: {', '.join(missing)} is not installed"
)
pytestmark = pytest.mark.timeout(900)
ASK = [{"role": "user", "content": "where is my parcel"}]
GOOD, BAD = ([{"role": "assistant", "content": text}] for text in ("thanks now", "send back"))
ROWS = {
    "answers": [{"prompt": ASK, "completion": GOOD}],
    "pairs": [{"prompt": ASK, "chosen": GOOD, "rejected": BAD}],
    "marked": [
        {"prompt": ASK, "completion": GOOD, "label": True},
        {"prompt": ASK, "completion": BAD, "label": False},
    ],
    "prompts": [{"prompt": ASK, "answer": "e"}],
    "texts": [
        {"text": f"where is my parcel {k} please send the refund back cancel this order " * 3}
        for k in range(9)
    ],
}
SETTINGS = LanguageSettings(steps=6, batch=4, threads=1, save_steps=3, rank=4, length=64, rate=2e-3)
MORE = MethodSettings(answer=6, samples=4, vocabulary=400, layers=2, width=64)
TESTED = [name for name in METHODS if name not in ("sft", "lora")]  # those are in test_runs.py
QUANTISED = find_spec("bitsandbytes") is not None
AWAY, PACKED = "away", "packed"


def prepared(folder, job, *, kill_at=None):
    folder.mkdir(parents=True)
    rows = ROWS[job.kind.rows]
    write_lines(folder / "rows.jsonl", rows * (24 // len(rows)))
    write_lines(folder / "held.jsonl", rows[:2] * 2)
    job.begin(folder)
    if kill_at is not None:
        (folder / "kill-at").write_text(str(kill_at), encoding="utf-8")
    return folder


def job_of(method, base, teacher):
    rewarded = {"reward": "contains"} if METHODS[method].aligns and METHODS[method].writes else {}
    taught = {"teacher": str(teacher)} if method == "gkd" else {}
    return Job(
        method, "" if method == "pretrain" else str(base), SETTINGS, more=replace(MORE, **rewarded, **taught)
    )


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Folder of each run, by name: one undisturbed, one killed, and one that goes too far away from its base."""
    root = tmp_path_factory.mktemp("methods")
    base, teacher = tiny_base(root / "base"), tiny_base(root / "teacher", seed=1)
    found = {"base": base}
    for method in TESTED:
        if method != "qlora" or QUANTISED:
            job = job_of(method, base, teacher)
            found[method] = prepared(root / method, job)
            found[f"{method} killed"] = prepared(root / f"{method}-killed", job, kill_at=5)
    packed = Job("lora", str(base), SETTINGS, more=replace(MORE, packing=True))
    found[PACKED] = prepared(root / PACKED, packed)
    found[f"{PACKED} killed"] = prepared(root / f"{PACKED}-killed", packed, kill_at=5)
    far = Job("orpo", str(base), replace(SETTINGS, steps=30, rate=1e-3), more=replace(MORE, kl_limit=0.012))
    found[AWAY] = prepared(root / AWAY, far)
    command = [sys.executable, "-m", "tests.training.language.forked"]
    folders = [str(place) for name, place in found.items() if name != "base"]
    done = subprocess.run(
        [*command, *folders], env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return found


def events(folder, kind):
    lines = (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return [one for line in lines if (one := json.loads(line))["event"] == kind]


def digest(folder):
    return [
        hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((folder / "model").glob("*.safetensors"))
    ]


def made(folder):
    return json.loads((folder / "made.json").read_bytes())


@trained
@pytest.mark.parametrize("method", [*TESTED, PACKED])
def test_a_killed_run_ends_with_the_same_weights(places, method):
    if method not in places:
        pytest.skip("needs bitsandbytes")
    alone, killed = places[method], places[f"{method} killed"]
    assert json.loads((alone / "statuses.json").read_bytes()) == [0], (alone / "error").read_text()
    assert json.loads((killed / "statuses.json").read_bytes()) == [-9, 0]
    (resumed,) = events(killed, "resumed")
    assert resumed["step"] == (4 if method == "ppo" else 3)  # PPO keeps no checkpoint within a set of answers
    assert made(killed)["steps"] == 6
    assert digest(killed) == digest(alone) != []


@trained
@pytest.mark.parametrize("method", [name for name in TESTED if not METHODS[name].writes and name != "qlora"])
def test_what_it_learns_it_gets_better_at(places, method):
    held = [one["loss"] for one in events(places[method], "held")]
    assert held[-1] < held[0]


@trained
@pytest.mark.parametrize("method", ["grpo", "rloo", "ppo", "online-dpo"])
def test_answers_are_written_and_rewarded(places, method):
    steps = events(places[method], "step")
    assert len({one["reward"] for one in steps}) > 1
    assert all(0 <= one["reward"] <= 1 for one in steps)
    assert method == "online-dpo" or all(math.isfinite(one["kl"]) for one in steps)


@trained
def test_a_student_comes_nearer_to_its_teacher(places):
    losses = [one["loss"] for one in events(places["gkd"], "step")]
    assert losses[-1] < losses[0]


@trained
def test_ia3_trains_a_number_for_each_thing_it_scales(places):
    # Two layers: keys and values give 32 numbers each, `down` takes 128.
    shape = Shape.of(places["base"])
    told = made(places["ia3"])["metrics"]
    assert told["trainable"] == 2 * (32 + 32 + 128) == shape.trainable(Job("ia3", "", SETTINGS))


@trained
@pytest.mark.skipif(not QUANTISED, reason="needs bitsandbytes")
def test_qlora_keeps_the_linear_layers_in_four_bit(places):
    shape = Shape.of(places["base"])
    job = job_of("qlora", places["base"], "")
    linear = sum(rows * columns for rows, columns in shape.linear)
    rest = 4 * (shape.parameters - linear)
    adapter = 4 * shape.trainable(job)
    packed = made(places["qlora"])["metrics"]["weights_bytes"] - rest - adapter
    assert packed == pytest.approx(linear / 2, rel=0.01)  # and a few tables of the model
    assert shape.held(job) == pytest.approx(rest + packed, rel=0.02)  # the estimate counts the scales too


@trained
def test_packed_rows_do_not_see_each_other(places, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tests.training.language.packed", str(places["base"]), str(tmp_path)],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    rows, packed = found["number"]
    assert rows == 40
    assert packed <= 14
    assert found["steps"] == [60, 3 * -(-packed // 2)]  # three epochs of batches of two
    np.testing.assert_allclose(found["packed"], found["rows"], atol=1e-5)
    assert max(abs(a - b) for a, b in zip(found["leaking"], found["rows"], strict=True)) > 0.01


@trained
def test_a_run_that_leaves_its_base_goes_back(places):
    (stopped,) = events(places[AWAY], "advice")
    (returned,) = events(places[AWAY], "returned")
    drifts = events(places[AWAY], "drift")
    assert stopped["kind"] == "away"
    assert drifts[-1]["away"] > 0.012 >= drifts[-2]["away"]
    assert returned["step"] == drifts[-2]["step"] == events(places[AWAY], "checkpoint")[-1]["step"]
    assert made(places[AWAY])["stopped"] == "away"


@trained
def test_a_model_from_nothing_is_a_whole_model(places, tmp_path):
    folder = places["pretrain"]
    shape = Shape.of(folder / "model")
    assert shape.hidden == 64
    assert 259 < shape.vocabulary <= 400
    packed = [np.load(path) for path in sorted((folder / "packed").glob("*.npy"))]
    assert packed
    assert all(len(one) % 64 == 0 and one.max() < shape.vocabulary for one in packed)
    out = tmp_path / "model.gguf"
    gguf_file.write(folder / "model", out, "q8_0")
    assert out.stat().st_size > 0


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (Job("dpo", "x", more=MethodSettings(adapter="none")), "compares itself with the base"),
        (Job("grpo", "x"), "needs to know what is good"),
        (Job("gkd", "x"), "needs the folder of a teacher"),
        (Job("pretrain", "", more=MethodSettings(adapter="lora")), "trains every weight"),
        (
            Job("ppo", "x", LanguageSettings(accumulate=2), more=MethodSettings(reward="json")),
            "takes accumulate=1",
        ),
        (Job("rloo", "x", more=MethodSettings(reward="json", order="file")), "draws its prompts itself"),
        (Job("dpo", "x", more=MethodSettings(packing=True)), "only answers are"),
        (Job("sft", "x", more=MethodSettings(packing=True, order="file")), "shuffled"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(job, said, tmp_path):
    with pytest.raises(ConfigError, match=said):
        job.begin(tmp_path)


@pytest.mark.parametrize(
    "table",
    [
        {"adapter": "lore"},
        {"reward": "nosuch"},
        {"shape": "gpt"},
        {"order": "length"},
        {"width": 10, "heads": 4},
        {"samples": 1},
    ],
)
def test_a_wrong_setting_is_named(table):
    with pytest.raises(ConfigError) as caught:
        MethodSettings.read(table, "--set")
    assert caught.value.param in {f"--set.{key}" for key in table}


def test_an_unknown_method_lists_those_there_are():
    with pytest.raises(BadRequest, match="guess") as caught:
        Job("guess", "x").check()
    assert "orpo" in str(caught.value.remedy)
