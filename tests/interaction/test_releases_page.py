"""docs/releases.md, typed from top to bottom."""

import shlex
from pathlib import Path

from tests.house import pages
from tests.interaction.shell import Shell
from tests.interaction.test_data import write
from tests.interaction.test_evaluations import ROWS
from tests.interaction.test_releases import made  # noqa: F401 a fixture

PAGE = Path(__file__).resolve().parents[2] / "docs" / "releases.md"
ME = "tests/interaction/test_releases_page.py"


def test_the_page_runs(shell: Shell, made, tmp_path):  # noqa: F811
    write(tmp_path / "test.jsonl", ROWS)
    write(tmp_path / "answers.jsonl", [{**row, "answer": "good"} for row in ROWS])
    for id, tag in zip(made, ("first", "second"), strict=True):
        assert shell("release", "tag", id, tag) == 0
    typed = 0
    for block in pages.blocks(PAGE):
        if block.run_by == ME:
            for line in pages.commands(block):
                words = [
                    word.replace("stepladder-data/archive/linear-0a1b2c3d4e5f", f"data/archive/{made[1]}")
                    for word in shlex.split(line)
                ]
                assert shell(*words[1:]) == 0, (line, shell.out, shell.err)
                typed += 1
    assert typed == 12
    assert (tmp_path / "evaluation.html").exists()
    assert (tmp_path / "data" / "releases" / "mood" / made[1]).is_dir()
