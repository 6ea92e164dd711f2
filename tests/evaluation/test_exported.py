"""Exported tasks, read and run by the tools that they are for, each where it is installed, with models that answer at once."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

from stepladder.evaluation import to_inspect, to_lm_eval

pytestmark = pytest.mark.timeout(600)
STARS = [{"input": f"I liked it {k} times {{x}}", "target": str(k % 3 + 1)} for k in range(6)]
PROSE = [{"input": f"Say {k}", "target": "never"} for k in range(4)]
ODD = 'Which {{ stars }} has "it"? 几颗{% star'
ECHO = """
import sys
from inspect_ai import eval as run
from inspect_ai.model import ModelAPI, ModelOutput, modelapi

@modelapi(name="echo")
def echo():
    class Echo(ModelAPI):
        async def generate(self, input, tools, tool_choice, config):
            print("asked", [(each.role, each.text) for each in input][0])
            return ModelOutput.from_content("echo/one", "2")
    return Echo

for log in run(sys.argv[2:], model="echo/one", display="none", log_dir=sys.argv[1]):
    print(log.eval.task, log.status, len(log.samples), next(iter(log.results.scores[0].metrics.values())).value)
"""


def run(*command, cwd):
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(cwd / "hub"),
        "PYTHONWARNINGS": "ignore",
    }
    found = subprocess.run(
        [sys.executable, *command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr[-2_000:]
    return found.stdout


def test_a_prompt_and_labels_that_look_like_templates_stay_what_they_are(tmp_path):
    to_lm_eval(tmp_path, "stars", ODD, STARS, ["1", "2", "3"])
    task = json.loads((tmp_path / "stars.yaml").read_text(encoding="utf-8"))
    rows = [json.loads(line) for line in (tmp_path / "stars.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [task["doc_to_choice"][row[task["doc_to_target"]]] for row in rows] == [
        row["target"] for row in STARS
    ]
    before, _, after = task["doc_to_text"].partition("{{input}}")
    assert (json.loads(before.removeprefix("{{").removesuffix("}}")), after) == (f"{ODD}\n\n", "\n")


def test_no_empty_prompt_is_sent(tmp_path):
    to_inspect(tmp_path, "prose", "", PROSE)
    assert "solver=[generate()]" in (tmp_path / "prose.py").read_text(encoding="utf-8")


@pytest.mark.skipif(find_spec("lm_eval") is None, reason="lm-eval is not installed")
def test_lm_eval_reads_and_runs_its_tasks(tmp_path):
    to_lm_eval(tmp_path / "tasks", "stars", ODD, STARS, ["1", "2", "3"])
    to_lm_eval(tmp_path / "tasks", "prose", "", PROSE)
    asked = ["--model", "dummy", "--include_path", "tasks", "--tasks", "stars,prose", "--log_samples"]
    run("-m", "lm_eval", *asked, "--output_path", "out", cwd=tmp_path)
    (samples,) = (tmp_path / "out").rglob("samples_stars_*.jsonl")
    told = [json.loads(line) for line in samples.read_text(encoding="utf-8").splitlines()]
    assert len(told) == 6
    for row in told:
        text = row["arguments"]["gen_args_0"]["arg_0"]
        assert text == f"{ODD}\n\n{row['doc']['input']}\n"
        assert [row["arguments"][f"gen_args_{k}"]["arg_1"] for k in range(3)] == ["1", "2", "3"]
        best = max(range(3), key=lambda k: float(row["filtered_resps"][k][0]))
        assert row["acc"] == float(str(best + 1) == row["doc"]["target"])
    assert list((tmp_path / "out").rglob("samples_prose_*.jsonl"))


@pytest.mark.skipif(find_spec("inspect_ai") is None, reason="inspect-ai is not installed")
def test_inspect_reads_and_runs_its_tasks(tmp_path):
    to_inspect(tmp_path, "stars", "Which {star}?", STARS, ["1", "2", "3"])
    to_inspect(tmp_path, "prose", "", PROSE)
    (tmp_path / "ask.py").write_text(ECHO, encoding="utf-8")
    said = run("ask.py", "logs", "stars.py", "prose.py", cwd=tmp_path).splitlines()
    assert "task_stars success 6 0.3333333333333333" in said  # a third of the rows say 2
    assert "task_prose success 4 0.0" in said
    assert "asked ('system', 'Which {star}?\\n\\nAnswer with one of: 1, 2, 3.')" in said
    assert "asked ('user', 'Say 0')" in said
