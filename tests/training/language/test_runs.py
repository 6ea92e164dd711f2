"""Real runs of real trainers on a tiny model: killed, resumed, merged, converted and served."""

import hashlib
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from stepladder.core import BadRequest, DataError
from stepladder.models.codes import code_odds, code_request
from stepladder.models.llama_blocking import BlockingLlama
from stepladder.training.language import (
    Job,
    LanguageSettings,
    Shape,
    compress,
    read_rows,
    train,
    write_lines,
)
from tests.interaction.conftest import opened
from tests.training.language.places import environment, tiny_base
from tests.training.language.tiny import write_intents

needed = ("torch", "transformers", "trl", "peft", "datasets", "gguf")
missing = [name for name in needed if find_spec(name) is None]
pytestmark = [
    pytest.mark.skipif(
        bool(missing), reason=f"needs stepladder[train]: {', '.join(missing)} is not installed"
    ),
    pytest.mark.timeout(600),
]
SETTINGS = LanguageSettings(steps=12, batch=4, threads=1, save_steps=3, rank=4)
# As long as it is left alone, so that a kill comes in time on any machine.
LONG = LanguageSettings(steps=120, batch=4, threads=1, save_steps=10, rank=4)

CODES = list(range(3, 97))  # single printable characters
ASKED = ("where is my refund?", "cancel order 12,", " two  spaces\n\nand 包裹 😀")


def quiet(event):
    """Nobody listens."""


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny_base(tmp_path_factory.mktemp("tiny") / "base")


def prepared(folder, rows=48):
    folder.mkdir(parents=True)
    found = read_rows(write_intents(folder.with_suffix(".jsonl"), rows))
    write_lines(folder / "rows.jsonl", found[12:])
    write_lines(folder / "held.jsonl", found[:12])
    return folder


def digest(folder):
    return hashlib.sha256((folder / "model" / "adapter_model.safetensors").read_bytes()).hexdigest()


def command(folder, base):
    job = (
        f"Job('lora', {str(base)!r}, LanguageSettings(steps=120, batch=4, threads=1, save_steps=10, rank=4))"
    )
    return [
        sys.executable,
        "-c",
        "from pathlib import Path; from stepladder.training.language import *; "
        f"train({job}, Path({str(folder)!r}), lambda event: None)",
    ]


def keeps_a_checkpoint(folder):
    """Whether one counts already: it is sealed behind the training, however many steps that takes."""
    try:
        return '"event": "checkpoint"' in (folder / "run.jsonl").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False


def test_a_run_killed_at_any_instant_ends_with_the_same_weights(base, tmp_path):
    alone = prepared(tmp_path / "alone")
    train(Job("lora", str(base), LONG), alone, quiet)

    # First the process that asked is killed: its trainer leaves with it.
    killed = prepared(tmp_path / "killed")
    asker = subprocess.Popen(command(killed, base), env=environment(), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 400
    while not keeps_a_checkpoint(killed) and asker.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    asker.kill()
    asker.wait()
    time.sleep(0.5)

    # Then the trainer itself, twice; after the first death its newest checkpoint is damaged.
    events = []
    process = {}

    def tell(event):
        events.append(event)
        names = [one["event"] for one in events]
        if event["event"] == "started":
            process["id"] = event["process"]
        if (
            event["event"] == "step"
            and event["step"] in (43, 64)
            and names.count("died") == (event["step"] > 50)
        ):
            os.kill(process["id"], signal.SIGKILL)
        if event["event"] == "died" and names.count("died") == 1:
            newest = max(
                (killed / "checkpoints").glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1])
            )
            (newest / "optimizer.pt").write_bytes(b"torn")

    made = train(Job("lora", str(base), LONG), killed, tell)
    resumed = [one for one in events if one["event"] == "resumed"]
    assert made.deaths == 2
    assert resumed[0]["step"] >= 10
    assert len(resumed[1]["broken"]) == 1
    assert resumed[1]["step"] < resumed[2]["step"]
    assert digest(killed) == digest(alone)


@pytest.fixture(scope="module")
def finished(base, tmp_path_factory):
    """A short LoRA run, merged, written as GGUF, and asked at each stage."""
    folder = prepared(tmp_path_factory.mktemp("finished") / "run")
    write_lines(folder / "asked.jsonl", [{"prompt": [{"role": "user", "content": text}]} for text in ASKED])
    model, merged = str(folder / "model"), str(folder / "merged")

    def probe(what):
        out = {"rows": str(folder / "asked.jsonl"), "codes": CODES, "out": f"{what}.json"}
        return {"do": "probe", "folder": what, **out}

    def packed(kind):
        return {"do": "gguf", "folder": merged, "out": str(folder / f"{kind}.gguf"), "quantisation": kind}

    then = [probe(model), {"do": "merge", "adapter": model, "out": merged}, probe(merged), packed("f32")]
    apart = {"do": "gguf", "folder": model, "out": str(folder / "adapter.gguf"), "quantisation": "f32"}
    below = {"do": "gguf", "folder": str(base), "out": str(folder / "base.gguf"), "quantisation": "f32"}
    made = train(Job("lora", str(base), SETTINGS), folder, quiet, then=[*then, packed("q8_0"), apart, below])
    return made


def odds(path):
    return [one["log_odds"] for one in json.loads(Path(f"{path}.json").read_bytes())]


def test_the_share_that_lora_trains_is_as_foretold(finished, base):
    # r (in + out) for q, k, v, o (64 and 32 wide) and gate, up, down (128 wide), in two layers.
    by_hand = 2 * 4 * ((64 + 64) + (64 + 32) + (64 + 32) + (64 + 64) + 3 * (64 + 128))
    shape = Shape.of(base)
    assert finished.metrics["trainable"] == by_hand == shape.trainable(Job("lora", "", SETTINGS))
    assert finished.metrics["parameters"] == shape.parameters + by_hand


def test_merging_keeps_the_logits(finished):
    # Sums in 32 bit in another order: differences of a millionth.
    np.testing.assert_allclose(odds(finished.folder / "model"), odds(finished.folder / "merged"), atol=1e-4)


@pytest.mark.skipif(find_spec("xllamacpp") is None, reason="needs xllamacpp")
@pytest.mark.parametrize(("kind", "tolerance"), [("f32", 2e-3), ("q8_0", 0.05)])
def test_a_gguf_file_keeps_the_logits(finished, kind, tolerance):
    asked = json.loads((finished.folder / "merged.json").read_bytes())
    llama = BlockingLlama(finished.folder / f"{kind}.gguf", "tiny", context=256, threads=1)
    try:
        for one, text in zip(asked, ASKED, strict=True):
            messages = [{"role": "user", "content": text}]
            status, reply = llama.ask("/v1/chat/completions", code_request(messages, CODES))
            assert status == 200
            found = code_odds(reply, CODES)
            np.testing.assert_allclose(np.log(found), one["log_odds"], atol=tolerance)
            read = json.loads(llama.ask("/tokenize", {"content": one["text"], "parse_special": True})[1])
            assert read["tokens"] == one["tokens"]
    finally:
        llama.close()


@pytest.mark.skipif(find_spec("xllamacpp") is None, reason="needs xllamacpp")
def test_an_adapter_laid_over_its_base_says_what_was_trained(finished):
    trained = odds(finished.folder / "model")
    moved = []
    for adapters in ([finished.folder / "adapter.gguf"], []):
        llama = BlockingLlama(
            finished.folder / "base.gguf", "tiny", context=256, threads=1, adapters=adapters
        )
        try:
            for text, wanted in zip(ASKED, trained, strict=True):
                messages = [{"role": "user", "content": text}]
                status, reply = llama.ask("/v1/chat/completions", code_request(messages, CODES))
                assert status == 200
                moved.append(np.abs(np.log(code_odds(reply, CODES)) - wanted).max())
        finally:
            llama.close()
    with_it, without = moved[: len(ASKED)], moved[len(ASKED) :]
    assert max(with_it) < 2e-3
    assert max(without) > 0.02


@pytest.mark.skipif(find_spec("xllamacpp") is None, reason="needs xllamacpp")
async def test_an_adapter_is_taken_up_and_given_away_while_the_server_goes_on(finished, tmp_path):
    config = tmp_path / "stepladder.toml"

    def written(adapters):
        told = f"path = {json.dumps(str(finished.folder / 'base.gguf'))}\nadapters = {json.dumps(adapters)}"
        config.write_text(
            f"[server]\ndata = {json.dumps(str(tmp_path / 'data'))}\n"
            f'[models.tiny]\nkind = "local"\ncontext = 256\nthreads = 1\nparallel = 1\n{told}\n',
            encoding="utf-8",
        )

    async def said(home):
        more = {"max_tokens": 1, "temperature": 0, "logprobs": True, "top_logprobs": 5}
        reply = await home.client.chat(ASKED[0], "tiny", **more)
        assert reply.status == 200, reply.body
        top = reply.json["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        return [one["logprob"] for one in top]

    written([])
    async with opened(config) as home:
        before = await said(home)
        written([str(finished.folder / "adapter.gguf")])
        assert await home.house.reload()
        tuned = await said(home)
        written([])
        assert await home.house.reload()
        assert await said(home) == pytest.approx(before, abs=1e-4)
    assert np.abs(np.array(tuned) - np.array(before)).max() > 0.01


def test_an_adapter_refuses_another_base(finished, base, tmp_path):
    moved = tmp_path / "adapter"
    shutil.copytree(finished.model, moved)
    told = json.loads((moved / "base.json").read_bytes())
    (moved / "base.json").write_text(json.dumps({**told, "mark": "0" * 64}), encoding="utf-8")
    with pytest.raises(DataError, match="is not what the adapter"):
        compress([{"do": "merge", "adapter": str(moved), "out": str(tmp_path / "out")}], tmp_path, quiet)
    assert not (tmp_path / "out").exists()


def test_every_weight_is_trained_and_preferences_are_learned(base, tmp_path):
    whole = prepared(tmp_path / "sft")
    made = train(Job("sft", str(base), SETTINGS), whole, quiet)
    assert made.metrics["trainable"] == made.metrics["parameters"] == Shape.of(base).parameters
    assert Shape.of(made.model) == Shape.of(base)

    pairs = tmp_path / "dpo"
    pairs.mkdir()
    asked = [{"role": "user", "content": "where is my parcel"}]
    good, bad = ([{"role": "assistant", "content": text}] for text in ("thanks now", "send back"))
    write_lines(pairs / "rows.jsonl", [{"prompt": asked, "chosen": good, "rejected": bad}] * 24)
    events = []
    settings = replace(SETTINGS, steps=20, rate=5e-3)
    made = train(Job("dpo", str(base), settings), pairs, events.append)
    losses = [one["loss"] for one in events if one["event"] == "step"]
    assert losses[0] == pytest.approx(math.log(2), abs=1e-3)  # where policy and reference are the same
    assert losses[-1] < 0.5
    assert (made.model / "adapter_model.safetensors").exists()


def test_a_full_disk_is_said_and_the_run_goes_on_once_there_is_room(base, tmp_path):
    folder = prepared(tmp_path / "run")
    job = f"Job('lora', {str(base)!r}, LanguageSettings(steps=12, batch=4, threads=1, save_steps=3, rank=4))"
    code = (
        "import resource; from pathlib import Path; from stepladder.training.language import *; "
        "from stepladder.core import StepladderError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))\n"  # optimizer.pt is larger
        f"try: train({job}, Path({str(folder)!r}), lambda event: None)\n"
        "except StepladderError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert "goes on from the last whole checkpoint" in done.stdout
    assert not (folder / "made.json").exists()

    events = []
    made = train(Job("lora", str(base), SETTINGS), folder, events.append)
    assert made.steps == 12
    assert [one["broken"] for one in events if one["event"] == "resumed"] == [["checkpoint-3"]]


def test_another_job_in_the_same_folder_is_refused(base, tmp_path):
    folder = prepared(tmp_path / "run")
    Job("lora", str(base), SETTINGS).begin(folder)
    with pytest.raises(BadRequest, match="another run"):
        Job("lora", str(base), SETTINGS, seed=1).begin(folder)
