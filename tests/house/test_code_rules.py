"""The rules hold in this tree, and each bites in a small made-up one."""

from pathlib import Path

import pytest

from tests.house import rules

ROOT = Path(__file__).resolve().parents[2]
RULES = [
    rules.long_files,
    rules.long_functions,
    rules.many_parameters,
    rules.vague_names,
    rules.room_docstrings,
    rules.foreign_libraries,
    rules.side_doors,
]
GOOD_ROOM = '"""Keeps things.\n\nWrites them down.\nKnows nothing of HTTP.\n"""\n'


@pytest.fixture
def tree(tmp_path):
    """Writes a file of a made-up project that keeps every rule, and returns its root."""

    def write(path, text):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return tmp_path

    write("src/stepladder/__init__.py", "")
    for room in ("core", "promise", "store"):
        write(f"src/stepladder/{room}/__init__.py", GOOD_ROOM)
    return write


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_project_keeps_the_rule(rule):
    assert rule(ROOT) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_good_tree_has_no_complaint(rule, tree):
    root = tree("src/stepladder/store/ledger.py", "from stepladder.core import Task\nimport sqlite3\n")
    assert rule(root) == []


def test_the_project_is_what_is_looked_at():
    looked_at = {file.relative_to(ROOT).as_posix() for file in rules.python_files(ROOT)}
    assert {"dev.py", "src/stepladder/__init__.py"} <= looked_at
    assert set(rules.rooms(ROOT)) >= {"core"}


@pytest.mark.parametrize(
    ("path", "cap"), [("demo/show.py", 400), ("src/stepladder/gateway.py", 80), ("dev.py", 400)]
)
def test_a_long_file_is_named_with_its_length(tree, path, cap):
    assert rules.long_files(tree(path, "x = 1\n" * cap)) == []
    assert rules.long_files(tree(path, "x = 1\n" * (cap + 1))) == [f"{path}: {cap + 1} lines (at most {cap})"]


@pytest.mark.parametrize("start", ["def f():", "async def f():", "class A:\n  def f(self):"])
def test_a_long_function_is_named(tree, start):
    body = "\n    x = 1"
    assert rules.long_functions(tree("benchmarks/run.py", start + body * 49)) == []
    assert "f has 51 lines" in rules.long_functions(tree("benchmarks/run.py", start + body * 50))[0]


def test_many_parameters_are_counted_without_self(tree):
    six = (
        "class A:\n  def f(self, a, b, /, c, d, *, e, g): ...\n"
        "  @classmethod\n  def h(cls, a, b, c, d, e, g): ...\n"
    )
    assert rules.many_parameters(tree("src/stepladder/store/a.py", six)) == []
    seven = "def f(a, b, /, c, d, *, e, g, h): ...\n"
    assert "f takes 7" in rules.many_parameters(tree("src/stepladder/store/a.py", seven))[0]


def test_options_of_a_command_are_not_parameters(tree):
    text = "@app.command('x')\ndef f(a, b, c, d, e, g, h): ...\n"
    assert rules.many_parameters(tree("src/stepladder/interaction/cli.py", text)) == []


@pytest.mark.parametrize(
    "path", ["store/utils.py", "store/_common.py", "store/text_helpers.py", "base/rows.py"]
)
def test_a_vague_module_name_is_named(tree, path):
    assert rules.vague_names(tree(f"src/stepladder/{path}", "")) != []


def test_a_word_inside_a_name_is_no_vague_name(tree):
    assert rules.vague_names(tree("src/stepladder/store/database.py", "class Base64: ...\n")) == []
    assert (
        "LeaseManager" in rules.vague_names(tree("src/stepladder/store/a.py", "class LeaseManager: ...\n"))[0]
    )


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "0 lines"),
        ('"""Two.\n\nNo more.\n"""', "2 lines"),
        ('"""1\nno\n3\n4\n5\n6\n7"""', "7 lines"),
        ('"""Keeps.\nWrites.\nReads."""', "does not say"),
    ],
)
def test_a_room_without_its_docstring_is_named(tree, text, word):
    assert word in rules.room_docstrings(tree("src/stepladder/store/__init__.py", text))[0]
    assert "store" in rules.room_docstrings(tree("src/stepladder/store/__init__.py", text))[0]


def test_the_stories_are_no_rooms_and_a_single_file_is_one(tree):
    tree("src/stepladder/gateway.py", "")
    assert set(rules.rooms(tree("src/stepladder/privacy.py", ""))) == {"core", "promise", "store", "privacy"}


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("core/nouns.py", "import numpy as np"),
        ("core/nouns.py", "def f():\n    from sqlalchemy.engine import Engine"),
        ("promise/bounds.py", "import msgspec"),
        ("promise/bounds.py", "from pathlib import Path"),
        ("text/ngrams.py", "import scipy.special"),
        ("text.py", "import socket"),
    ],
)
def test_a_foreign_library_in_a_light_room_is_named(tree, path, line):
    assert len(rules.foreign_libraries(tree(f"src/stepladder/{path}", line))) == 1


def test_light_rooms_may_use_their_own_library(tree):
    tree("src/stepladder/core/nouns.py", "import msgspec\nimport os\n")
    root = tree("src/stepladder/promise/bounds.py", "import numpy as np\nimport math\n")
    assert rules.foreign_libraries(root) == []


def test_a_side_door_is_named(tree):
    root = tree("src/stepladder/store/a.py", "from stepladder.core.nouns import Task\n")
    complaint = "src/stepladder/store/a.py:1: import from stepladder.core, not from stepladder.core.nouns"
    assert rules.side_doors(root) == [complaint]


def test_late_imports_own_files_and_errors_may_be_imported(tree):
    text = (
        "from stepladder.store.b import Row\nfrom stepladder.core.errors import StoreError\n"
        "def f():\n    from stepladder.promise.bounds import exact\n"
    )
    assert rules.side_doors(tree("src/stepladder/store/a.py", text)) == []
