"""What the documentation shows is executed or parsed, its links lead somewhere, and these checks bite."""

import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from stepladder.core import ConfigError, config
from tests.house import pages

ROOT = Path(__file__).resolve().parents[2]
PAGES = pages.pages(ROOT)
CONFIG_TABLES = {"server", "ledger", "models", "tasks"}
# What the console script does, also where the project is on the path but not installed.
STEPLADDER = "import sys; sys.argv[0] = 'stepladder'; from stepladder.interaction.cli import main; main()"


def environment():
    """This one, with the project on the path and no configuration of the caller's."""
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STEPLADDER_")}
    return {**kept, "PYTHONPATH": path, "NO_COLOR": "1"}


def run(command, folder):
    """Run a command; returns what it wrote to stderr and stdout where it failed, else ''."""
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=100, check=False
    )
    return "" if done.returncode == 0 else f"exit {done.returncode}: {done.stderr}{done.stdout}"


def run_python(page, folder):
    """Execute the page's python blocks in order, in one namespace, warnings as errors."""
    text = pages.script(page)
    if not text:
        return ""
    file = folder / f"{page.stem}.py"
    file.write_text(text, encoding="utf-8")
    return run([sys.executable, "-W", "error", str(file)], folder)


def parse(block):
    """Parse one block of data (a configuration is checked as one); returns the complaint or an empty text."""
    try:
        if block.language == "json":
            json.loads(block.code)
        elif block.language == "jsonl":
            [json.loads(line) for line in block.code.splitlines() if line.strip()]
        elif block.language == "toml" and tomllib.loads(block.code).keys() & CONFIG_TABLES:
            config.parse(block.code, origin=f"{block.page.name}:{block.line}")
    except (ValueError, ConfigError) as error:
        return f"{block.page.name}:{block.line}: {error}"
    return ""


def run_console(page, folder):
    """Run the marked console blocks of a page, in one folder; returns the complaints."""
    complaints = []
    for block in pages.blocks(page):
        if block.language != "console" or block.note != "run":
            continue
        for line in pages.commands(block):
            words = shlex.split(line)
            if words[0] != "stepladder":
                complaints.append(
                    f"{page.name}:{block.line}: only stepladder's commands are run, not {words[0]}"
                )
            elif trouble := run([sys.executable, "-c", STEPLADDER, *words[1:]], folder):
                complaints.append(f"{page.name}:{block.line}: {line}: {trouble}")
    return complaints


def write(folder, text, name="page.md"):
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
class TestPage:
    def test_python_blocks_run(self, page, tmp_path):
        assert run_python(page, tmp_path) == ""

    def test_data_blocks_parse(self, page):
        complaints = [parse(block) for block in pages.blocks(page) if block.checked_here]
        assert [complaint for complaint in complaints if complaint] == []

    def test_console_blocks_run(self, page, tmp_path):
        assert run_console(page, tmp_path) == []

    def test_bash_blocks_have_good_syntax(self, page):
        for block in pages.blocks(page):
            if block.language == "bash" and block.checked_here and shutil.which("bash"):
                done = subprocess.run(
                    ["bash", "-n"], input=block.code, text=True, capture_output=True, check=False
                )
                assert done.returncode == 0, f"{page}:{block.line}: {done.stderr}"

    def test_no_block_escapes_the_checks(self, page):
        assert pages.odd_blocks(page, ROOT) == []


@pytest.mark.parametrize("page", pages.linked_pages(ROOT), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    assert pages.broken_links(page, ROOT) == []


def test_blocks_that_are_only_shown():
    """Skipped with the reasons, so that every report lists them."""
    reasons = [
        f"{page.name}:{block.line} {block.shown_only}"
        for page in PAGES
        for block in pages.blocks(page)
        if block.shown_only
    ]
    if reasons:
        pytest.skip("not run: " + "; ".join(reasons))


def test_the_command_line_page_is_what_the_program_says():
    if not (ROOT / "src" / "stepladder" / "interaction").is_dir() or not importlib.util.find_spec(
        "stepladder.interaction.cli_reference"
    ):
        pytest.skip("the command line's reference is not built yet")
    command = [sys.executable, "-m", "stepladder.interaction.cli_reference"]
    said = subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment(), timeout=60
    ).stdout
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert page.strip() == said.strip(), (
        "write it anew: python -m stepladder.interaction.cli_reference > docs/cli.md"
    )


def test_python_blocks_of_a_page_share_names_and_errors_name_the_pages_line(tmp_path):
    text = "# T\n\n```python\nx = 1\n```\n\nand\n\n1. item\n   ```python\n   assert x == {}\n   ```\n"
    assert run_python(write(tmp_path, text.format(1)), tmp_path) == ""
    assert "line 11" in run_python(write(tmp_path, text.format(2)), tmp_path)


def test_a_warning_in_a_python_block_is_an_error(tmp_path):
    page = write(tmp_path, "```python\nimport warnings\nwarnings.warn('old', DeprecationWarning)\n```\n")
    assert "DeprecationWarning" in run_python(page, tmp_path)


def test_a_block_that_is_only_shown_is_not_run(tmp_path):
    page = write(tmp_path, "<!-- not run: needs a key -->\n```python\nraise SystemExit(3)\n```\n")
    assert run_python(page, tmp_path) == ""
    assert [block.shown_only for block in pages.blocks(page)] == ["needs a key"]


@pytest.mark.parametrize(
    ("language", "good", "bad"),
    [
        ("json", '{"a": 1}', '{"a": 1,}'),
        ("jsonl", '{"a": 1}\n{"b": 2}', '{"a": 1}\n{"b"}'),
        ("toml", "a = 1", "a = "),
        ("toml", "[server]\nport = 9000", "[server]\nprot = 9000"),
    ],
)
def test_data_is_parsed_and_configuration_checked(tmp_path, language, good, bad):
    for code, is_good in ((good, True), (bad, False)):
        (block,) = pages.blocks(write(tmp_path, f"```{language}\n{code}\n```\n"))
        assert (parse(block) == "") is is_good


def test_console_lines_are_joined_and_other_programs_refused(tmp_path):
    page = write(tmp_path, "<!-- run -->\n```console\n$ rm -r \\\n  folder\nsaid\n```\n")
    assert pages.commands(pages.blocks(page)[0]) == ["rm -r    folder"]
    assert "not rm" in run_console(page, tmp_path)[0]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("```\nx\n```\n", "is none of"),
        ("<!-- not run: -->\n```python\nx\n```\n", "say why"),
        ("<!-- run by tests/no_such.py -->\n```python\nx\n```\n", "there is no"),
        ("<!-- running -->\n```text\nx\n```\n", ""),
        ("<!-- run twice -->\n```console\n$ x\n```\n", "is not known"),
    ],
)
def test_a_block_that_would_escape_is_named(tmp_path, text, word):
    complaints = pages.odd_blocks(write(tmp_path, text), tmp_path)
    assert word in complaints[0] if word else complaints == []


def test_an_open_fence_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="never closed"):
        pages.blocks(write(tmp_path, "```python\nx = 1\n"))


def test_broken_links_are_named_and_good_ones_are_not(tmp_path):
    write(tmp_path, "# A heading, *here*\n\n## 中文 标题\n", "other.md")
    good = (
        "[a](other.md) [b](other.md#a-heading-here) [c](#top) [d](https://x.org/y) ![e](other.md#中文-标题)\n"
    )
    page = write(tmp_path, f"# Top\n\n{good}\n```text\n[x](in-a-fence.md)\n```\n`[x](in-code.md)`\n")
    assert pages.broken_links(page, tmp_path) == []
    page = write(tmp_path, "[a](gone.md)\n[b](other.md#gone)\n[c](../outside.md)\n[d](#gone)\n")
    assert [complaint.partition(": ")[0] for complaint in pages.broken_links(page, tmp_path)] == [
        f"page.md:{line}" for line in (1, 2, 3, 4)
    ]


def test_benchmarks_find_their_neighbours_as_their_pages_call_them(tmp_path):
    """`python benchmarks/NAME.py`, with no path set: the editable install knows the folder above `src`, too."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def place(module):
        code = f"import {module}; print(list({module}.__path__)[0])"
        command = [sys.executable, "-c", code]
        ran = subprocess.run(
            command, cwd=tmp_path, env=clean, capture_output=True, text=True, timeout=60, check=False
        )
        return ran.stdout.strip()

    if place("stepladder") != str(ROOT / "src" / "stepladder"):
        pytest.skip("this folder is not installed in this environment")
    assert place("benchmarks") == str(ROOT / "benchmarks")
