"""What others are complained of is tested here, and whatever is published as a figure can be made again."""

import ast
import json
import re
from pathlib import Path

import pytest

from benchmarks.gateway import plan_routing

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "docs" / name for name in ("complaints.md", "shown/gateway.md")]
RESULTS = ROOT / "benchmarks" / "results"
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
COMMAND = re.compile(r"python3? (?:-m ((?:benchmarks|recipes)[\w.]*)|(benchmarks/\w+\.py))")


def rows():
    lines = [
        line
        for page in PAGES
        for line in page.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ")
    ]
    cells = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]
    return [
        row for row in cells if len(row) == 2 and row[1] != "tests"
    ]  # three: figures, and where they stand


@pytest.mark.parametrize(("complaint", "tests"), rows())
def test_every_complaint_has_tests_that_exist(complaint, tests):
    found = TEST.findall(tests)
    assert found, complaint
    for file, name in found:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        defined = {
            node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert name in defined, f"{file} has no {name}"


def module(command):
    dotted, path = command
    if path:
        return ROOT / path
    package = ROOT.joinpath(*dotted.split("."))
    return package.with_suffix(".py") if package.with_suffix(".py").exists() else package / "__main__.py"


@pytest.mark.parametrize("result", sorted(RESULTS.iterdir()), ids=lambda path: path.name)
def test_every_published_result_names_the_command_that_makes_it(result):
    """Itself; or, for rows, pictures and folders, the page or the program that speaks of it."""
    text = result.read_text(encoding="utf-8") if result.suffix in (".json", ".md") else ""
    commands = COMMAND.findall(text)
    name = result.stem.partition("_")[0] if result.suffix == ".svg" else result.stem
    for page in [] if commands else RESULTS.glob("*.md"):
        said = page.read_text(encoding="utf-8")
        commands += COMMAND.findall(said) if name in said or page.stem == name else []
    for program in [] if commands else (ROOT / "benchmarks").glob("*.py"):
        said = program.read_text(encoding="utf-8")
        commands += COMMAND.findall(said) if name in said else []
    assert commands, f"nothing says how {result.name} was made"
    assert any(module(command).exists() for command in commands), f"{commands} is gone"


def test_the_page_and_the_picture_of_plans_are_made_of_their_figures(tmp_path):
    figures = json.loads((RESULTS / "plan_routing.json").read_text(encoding="utf-8"))
    plans = figures.pop("plans")
    assert plan_routing.page(figures, plans) == (RESULTS / "plan_routing.md").read_text(encoding="utf-8")
    plan_routing.plot(plans, tmp_path / "plan.svg")
    drawn, kept = (
        re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}| on 20[0-9-]{8}", "", file.read_text(encoding="utf-8"))
        for file in (tmp_path / "plan.svg", RESULTS / "plan_routing.svg")
    )
    assert drawn == kept
