"""docs/wire.md is true: its configuration is served, its commands are run, its answers have the shape it shows."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.house import pages
from tests.product import Product

PAGE = Path(__file__).resolve().parents[2] / "docs" / "wire.md"
BLOCKS = [block for block in pages.blocks(PAGE) if block.run_by == "tests/stories/test_wire.py"]


def code(language: str) -> list[str]:
    return [block.code for block in BLOCKS if block.language == language]


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("wire")
    (folder / "answers.jsonl").write_text(code("jsonl")[0], encoding="utf-8")
    config = folder / "stepladder.toml"
    text = code("toml")[0].replace('"answers.jsonl"', f'"{folder / "answers.jsonl"}"')
    config.write_text(f"[server]\nport = 0\nflywheel = false\n{text}", encoding="utf-8")
    with Product(config) as running:
        yield running


def environment(product: Product, **more: str) -> dict[str, str]:
    path = os.pathsep.join(filter(None, sys.path))
    known = {"STEPLADDER_URL": product.root, "STEPLADDER_KEY": product.key, "PYTHONPATH": path}
    return {**os.environ, **known, **more}


def shape(value: Any) -> Any:
    """The keys and types of a JSON value; numbers are one type."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return (
        "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
    )


def test_the_python_blocks_run(product):
    pytest.importorskip("openai")
    env = environment(product)
    script = "\n".join(code("python")) + "\nclient.close()\n"
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


@pytest.mark.skipif(
    shutil.which("curl") is None or shutil.which("bash") is None, reason="The examples are curl's."
)
def test_the_commands_answer_as_shown(product):
    id = ""
    commands, answers = code("bash"), code("json")
    assert len(commands) == len(answers) > 0
    for command, shown in zip(commands, answers, strict=True):
        env = environment(product, REQUEST_ID=id)
        ended = subprocess.run(
            ["bash", "-ec", command], env=env, capture_output=True, text=True, timeout=60, check=False
        )
        assert ended.returncode == 0, ended.stderr
        said, expected = json.loads(ended.stdout), json.loads(shown)
        assert shape(said) == shape(expected), command
        if "choices" in said:
            id = said["id"]
            assert said["choices"] == expected["choices"]
            assert (
                said["usage"] == expected["usage"]
                and said["stepladder"]["cost"] == expected["stepladder"]["cost"]
            )
        if "error" in said:
            assert said == expected
