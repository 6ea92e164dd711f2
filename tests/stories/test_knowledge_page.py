"""docs/knowledge.md is true: its configuration is served, its commands are run, its answer has the shape it shows."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house import pages
from tests.product import Product
from tests.stories.test_wire import shape

PAGE = Path(__file__).resolve().parents[2] / "docs" / "knowledge.md"
BLOCKS = [block for block in pages.blocks(PAGE) if block.run_by == "tests/stories/test_knowledge_page.py"]


def code(language):
    return [block.code for block in BLOCKS if block.language == language]


@pytest.mark.skipif(
    shutil.which("curl") is None or shutil.which("bash") is None, reason="The example is curl's."
)
def test_the_page_is_true(tmp_path):
    (tmp_path / "rows.jsonl").write_text(code("jsonl")[0], encoding="utf-8")
    (tmp_path / "answers.jsonl").write_text('{"input": "hi", "answer": "Hello"}\n')
    text = code("toml")[0].replace('"answers.jsonl"', f'"{tmp_path / "answers.jsonl"}"')
    config = tmp_path / "stepladder.toml"
    config.write_text(f"[server]\nport = 0\nflywheel = false\n{text}", encoding="utf-8")
    path = os.pathsep.join(filter(None, sys.path))
    before, after = code("console")

    def type_all(block, env):
        for line in block.splitlines():
            words = shlex.split(line.removeprefix("$ "))[1:]
            command = [sys.executable, "-W", "error", "-m", "stepladder", *words]
            ended = subprocess.run(
                command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False
            )
            assert ended.returncode == 0, f"{line}: {ended.stderr}"

    type_all(before, {**os.environ, "PYTHONPATH": path})
    with Product(config) as product:
        env = {
            **os.environ,
            "PYTHONPATH": path,
            "STEPLADDER_URL": product.root,
            "STEPLADDER_KEY": product.key,
        }
        ended = subprocess.run(
            ["bash", "-ec", code("bash")[0]], env=env, capture_output=True, text=True, timeout=60, check=False
        )
        assert ended.returncode == 0, ended.stderr
        said, shown = json.loads(ended.stdout), json.loads(code("json")[0])
        assert shape(said) == shape(shown)
        assert said["choices"] == shown["choices"]
        assert said["stepladder"]["grounds"] == shown["stepladder"]["grounds"]
        type_all(after, env)
