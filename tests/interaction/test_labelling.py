"""stepladder data label against a real HTTP upstream that fails in every way, killed three times on the way."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.interaction.shell import Shell
from tests.interaction.test_data import write
from tests.models.upstream_double import completion, until, upstream

ROOT = Path(__file__).resolve().parents[2]
TYPED = "import sys; sys.argv[0] = 'stepladder'; from stepladder.interaction.cli import main; main()"
CONFIG = """
[models.big]
kind = "chat"
base_url = "URL"
model = "m"
price_in = 1.0
price_out = 1.0
retries = 0
[tasks.parity]
top = "big"
prompt = "Is the number even?"
labels = ["even", "odd"]
"""
ROWS = 2000


class Flaky:
    """A server that bills by Idempotency-Key as payment services do, and fails one call in seven in one of four ways."""

    def __init__(self):
        self.billed: dict[str, bytes] = {}
        self.rows: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self._draw = random.Random(11)

    async def __call__(self, asked):
        kind = self._draw.choice(["refuse", "cut", "busy", "bill and cut", *["answer"] * 24])
        self.calls[kind] += 1
        if kind == "refuse":
            await asked.say({"error": {"message": "no"}}, 500)
        elif kind == "busy":
            await asked.say({"error": {"message": "slow down"}}, 429, **{"retry-after-ms": "5"})
        elif kind == "cut":
            asked.cut()
        else:
            answer = self._bill(asked)
            if kind == "bill and cut":
                await asked.head(200, "application/json", **{"Content-Length": str(len(answer))})
                await asked.write(answer[: len(answer) // 2])
                asked.cut()
            else:
                await asyncio.sleep(0.005)
                await asked.say(answer)

    def _bill(self, asked):
        key = asked.headers["Idempotency-Key"]
        if key in self.billed:
            self.calls["told again, not billed again"] += 1
            return self.billed[key]
        text = asked.body["messages"][-1]["content"]
        self.rows[text] += 1
        said = "even" if int(text.split()[-1]) % 2 == 0 else "odd"
        self.billed[key] = json.dumps(completion(said)).encode()
        return self.billed[key]


def start(folder):
    words = (
        "data label in.jsonl --task parity --out out.jsonl --yes --json --at-once 24 --retries 20 -c s.toml"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])}
    return subprocess.Popen(
        [sys.executable, "-c", TYPED, *words.split()],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


async def test_killed_three_times_no_row_is_paid_twice_and_none_is_missing(tmp_path):
    write(tmp_path / "in.jsonl", [{"input": f"number {n}", "n": n} for n in range(ROWS)])
    server = Flaky()
    async with upstream(server) as address:
        (tmp_path / "s.toml").write_text(CONFIG.replace("URL", address.url))
        for stop in (300, 900, 1500):
            process = start(tmp_path)
            await until(
                lambda process=process, stop=stop: len(server.billed) >= stop or process.poll() is not None,
                90,
            )
            assert process.poll() is None, process.communicate()
            process.send_signal(signal.SIGKILL)
            await asyncio.to_thread(process.communicate)
        process = start(tmp_path)
        out, err = await asyncio.to_thread(process.communicate)
    assert process.returncode == 0, err
    assert len(server.rows) == ROWS
    assert set(server.rows.values()) == {1}
    assert server.calls["told again, not billed again"] > 0
    assert min(server.calls[kind] for kind in ("refuse", "cut", "busy", "bill and cut")) > 0
    found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [(row["n"], row["answer"]) for row in found] == [(n, ("even", "odd")[n % 2]) for n in range(ROWS)]
    assert (tmp_path / "out.jsonl.review").read_text() == ""
    figures = json.loads(out)
    assert figures["asked"] < ROWS - 1400
    assert figures["spent"] == round(ROWS * 9e-6, 6)


def test_the_price_is_shown_first_and_nothing_is_spent_without_a_yes(shell: Shell, tmp_path):
    write(tmp_path / "in.jsonl", [{"input": "Fine day"}, {"input": "Rain"}, {"input": "Fine day"}])
    rows = [{"input": "Fine day", "answer": "good"}, {"input": "Rain", "answer": "bad"}]
    write(tmp_path / "teacher.jsonl", rows)
    words = ["data", "label", "in.jsonl", "--task", "mood", "--out", "out.jsonl"]
    assert shell(*words, "--dry-run") == 0
    assert "3 rows, 2 calls to make" in shell.out
    assert not (tmp_path / "out.jsonl").exists()
    assert shell(*words, "--yes", "--json", "--budget", "2.5") == 0
    assert json.loads(shell.out)["labelled"] == 3
    assert "2 calls to make" in shell.err
    assert "stops before 2.5" in shell.err
    assert shell(*words, "--yes", "--budget", "2.5") == 0
    assert shell.out.index("stops before 2.5") < shell.out.index("3 of 3 rows labelled")
    assert [json.loads(line)["answer"] for line in (tmp_path / "out.jsonl").read_text().splitlines()] == [
        "good",
        "bad",
        "good",
    ]
    assert shell(*words, "--dry-run", "--json") == 0
    assert json.loads(shell.out)["calls"] == 0


def test_unknown_names_are_named(shell: Shell, tmp_path):
    write(tmp_path / "in.jsonl", [{"input": "Fine day"}])
    assert shell("data", "label", "in.jsonl", "--task", "moood", "--out", "out.jsonl") == 2
    assert "mood" in shell.err
    assert (
        shell("data", "label", "in.jsonl", "--task", "mood", "--out", "out.jsonl", "--model", "nobody") == 2
    )
    assert "teacher" in shell.err
    words = ["data", "label", "in.jsonl", "--task", "mood", "--out", "out.jsonl"]
    for typed, named in (
        (["--model", "teacher", "--model", "teacher"], "twice"),
        (["--budget", "nan"], "--budget is nan"),
        (["--per-minute", "0"], "--per-minute is 0"),
        (["--at-once", "0"], "--at-once is 0"),
    ):
        assert shell(*words, *typed) == 2
        assert named in shell.err
