"""The house's rules about code, each a function from a tree's root to its complaints (none when it is kept).

A complaint is one line that names the file, the rule and the figure: it says what to mend.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
MAX_PARAMETERS = 6
MAX_STORY_LINES = 80
STORIES = ("gateway", "flywheel")
CAPPED = ("src", "demo", "benchmarks", "recipes", "dev.py")
FORBIDDEN_NAMES = {"utils", "util", "common", "helpers", "helper", "base", "manager", "managers", "misc"}
FORBIDDEN_CLASS_ENDS = ("Manager", "Helper", "Utils")
# Beside the standard library and Stepladder's lower rooms. Rooms not named here are free.
LIBRARIES = {"core": {"msgspec"}, "promise": {"numpy"}, "text": {"numpy", "opencc"}}
NO_IO = ("promise", "text")
IO_MODULES = {"asyncio", "http", "io", "multiprocessing", "os", "pathlib", "shutil", "socket", "sqlite3"}
IO_MODULES |= {"subprocess", "tempfile", "threading", "urllib"}
# Modules that outsiders may import from although they are not a room's front door.
SIDE_DOORS = {"stepladder.core.errors"}


def python_files(root: Path) -> list[Path]:
    """Every Python file that the caps are for."""
    starts = [root / name for name in CAPPED]
    return sorted(
        file
        for start in starts
        for file in ([start] if start.is_file() else start.rglob("*.py"))
        if file.exists()
    )


def parsed(root: Path) -> Iterator[tuple[str, ast.Module]]:
    """(path relative to the root, syntax tree) of every capped file."""
    for file in python_files(root):
        yield file.relative_to(root).as_posix(), ast.parse(file.read_text(encoding="utf-8"))


def rooms(root: Path) -> dict[str, Path]:
    """Room's name -> the file that holds its docstring. The two stories and `__main__` are no rooms."""
    package = root / "src" / "stepladder"
    folders = {init.parent.name: init for init in package.glob("*/__init__.py")}
    files = {file.stem: file for file in package.glob("*.py") if not file.stem.startswith("__")}
    return {name: file for name, file in sorted((folders | files).items()) if name not in STORIES}


def long_files(root: Path) -> list[str]:
    """Files over the cap; the two stories have a lower one."""
    complaints = []
    for file in python_files(root):
        story = file.parent == root / "src" / "stepladder" and file.stem in STORIES
        cap = MAX_STORY_LINES if story else MAX_FILE_LINES
        lines = len(file.read_text(encoding="utf-8").splitlines())
        if lines > cap:
            complaints.append(f"{file.relative_to(root).as_posix()}: {lines} lines (at most {cap})")
    return complaints


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def long_functions(root: Path) -> list[str]:
    """Functions over the cap, from `def` to the last line, docstring included."""
    return [
        f"{path}:{function.lineno}: {function.name} has {lines} lines (at most {MAX_FUNCTION_LINES})"
        for path, tree in parsed(root)
        for function in _functions(tree)
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > MAX_FUNCTION_LINES
    ]


def _is_command(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """A command of the command line: its parameters are the command's options, and typer reads them here."""
    calls = [node.func for node in function.decorator_list if isinstance(node, ast.Call)]
    return any(isinstance(call, ast.Attribute) and call.attr in ("command", "callback") for call in calls)


def many_parameters(root: Path) -> list[str]:
    """Functions with too many parameters, `self` and `cls` not counted."""
    complaints = []
    for path, tree in parsed(root):
        for function in _functions(tree):
            arguments = function.args
            named = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
            count = len(named) - (named[:1] in (["self"], ["cls"]))
            if count > MAX_PARAMETERS and not _is_command(function):
                complaints.append(
                    f"{path}:{function.lineno}: {function.name} takes {count} (at most {MAX_PARAMETERS})"
                )
    return complaints


def vague_names(root: Path) -> list[str]:
    """Modules and classes whose name says nothing about what is inside."""
    complaints = []
    for path, tree in parsed(root):
        for word in Path(path).with_suffix("").parts:
            if FORBIDDEN_NAMES & {word.strip("_"), word.rpartition("_")[2]}:
                complaints.append(f"{path}: '{word}' says nothing about what is inside")
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and node.name.endswith(FORBIDDEN_CLASS_ENDS):
                complaints.append(f"{path}:{node.lineno}: class {node.name} says nothing about what it is")
    return complaints


def room_docstrings(root: Path) -> list[str]:
    """Rooms that do not say, in three to six lines, what they do and what they do not know."""
    complaints = []
    for name, file in rooms(root).items():
        text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
        lines = [line for line in text.splitlines() if line.strip()]
        if not 3 <= len(lines) <= 6:
            complaints.append(f"{name}: the room's docstring has {len(lines)} lines (3 to 6)")
        elif not re.search(r"\b(not|no|nothing|never|neither|nor|only)\b", text, re.IGNORECASE):
            complaints.append(f"{name}: the room's docstring does not say what the room does not know")
    return complaints


def _room_of(path: str) -> str:
    """'src/stepladder/core/nouns.py' -> 'core'; '' outside the package."""
    parts = Path(path).with_suffix("").parts
    return parts[2] if parts[:2] == ("src", "stepladder") and len(parts) > 2 else ""


def _imported(nodes: Iterator[ast.AST] | list[ast.stmt]) -> Iterator[tuple[int, str]]:
    """(line, module) of every import among the nodes. Relative ones stay in the room: left out."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.lineno, node.module


def foreign_libraries(root: Path) -> list[str]:
    """Imports that a room which must stay light may not make, wherever in the file they stand."""
    complaints = []
    for path, tree in parsed(root):
        room = _room_of(path)
        if room not in LIBRARIES:
            continue
        allowed = LIBRARIES[room] | set(sys.stdlib_module_names) | {"stepladder"}
        allowed -= IO_MODULES if room in NO_IO else set()
        complaints += [
            f"{path}:{line}: {room} may not import {module}"
            for line, module in _imported(ast.walk(tree))
            if module.partition(".")[0] not in allowed
        ]
    return complaints


def side_doors(root: Path) -> list[str]:
    """Imports, at a module's top, from a file of another room instead of from the room.

    Imports inside functions are free: they are there to load one file late. So is `interaction`: no room stands above
    it, and its programs (the command line, the backtest) must not load one another.
    """
    folders = {init.parent.name for init in (root / "src" / "stepladder").glob("*/__init__.py")}
    complaints = []
    for path, tree in parsed(root):
        for line, module in _imported(tree.body):
            parts = module.split(".")
            outside = parts[0] == "stepladder" and len(parts) > 2 and parts[1] != _room_of(path)
            if outside and parts[1] in folders - {"interaction"} and module not in SIDE_DOORS:
                complaints.append(f"{path}:{line}: import from stepladder.{parts[1]}, not from {module}")
    return complaints
