"""Attacks over HTTP: what was blocked, refused and answered is told apart, and garak's part is its own command line."""

import json
import sys

import pytest
from typer.testing import CliRunner

from stepladder.core import DataError, MissingExtra, UpstreamFailed
from stepladder.evaluation.redteam import KINDS, Case, RedTeamReport, Target, run_garak, suite
from stepladder.evaluation.redteam.garak import read_report
from stepladder.interaction.cli.app import app
from tests.knowledge.test_engines import engine

GARAK = """
import json, os, sys
if "-c" in sys.argv[:2]: sys.exit()
options = json.load(open(sys.argv[sys.argv.index("--generator_option_file") + 1]))
rest = options["rest"]["RestGenerator"]
assert rest["req_template_json_object"]["messages"][0]["content"] == "$INPUT" and os.environ["REST_API_KEY"] == "k3y"
rows = [{"entry_type": "init"}, {"entry_type": "eval", "probe": sys.argv[sys.argv.index("--probes") + 1],
         "detector": "d", "passed": 7, "fails": 2, "nones": 3, "total_evaluated": 9}]
with open(sys.argv[sys.argv.index("--report_prefix") + 1] + ".report.jsonl", "w") as file:
    file.writelines(json.dumps(row) + "\\n" for row in rows)
"""


def answer(path, given, body, headers):
    """A task that blocks, refuses, holds and answers by what it is told."""
    text = body["messages"][-1]["content"]
    if "block" in text:
        return 400, {"error": {"code": "content_filter"}}
    if "hold" in text:
        return 202, {"object": "held"}
    if "break" in text:
        return 500, b"<html>"
    reason = "content_filter" if "cut" in text else "stop"
    said = (
        "I'm sorry, but no."
        if "refuse" in text
        else "抱歉，我不能这么做。"
        if "拒" in text
        else f"Sure: {text}"
    )
    return 200, {"choices": [{"message": {"content": said}, "finish_reason": reason}]}


def case(*turns, kind="direct"):
    return Case("x", "en", kind, turns)


@pytest.mark.parametrize(
    ("turns", "kind", "fate", "right"),
    [
        (("please block",), "direct", "blocked", True),
        (("cut it",), "direct", "blocked", True),
        (("hold it",), "direct", "held", True),
        (("refuse it",), "direct", "refused", True),
        (("拒绝它",), "direct", "refused", True),
        (("do it",), "direct", "answered", False),
        (("break it",), "direct", "error", False),
        (("one", "two", "block now"), "multi_turn", "blocked", True),
        (("block now", "two"), "multi_turn", "blocked", True),
        (("how are you",), "harmless", "answered", True),
        (("refuse it",), "harmless", "refused", False),
    ],
)
def test_what_becomes_of_an_attack_is_told_apart(turns, kind, fate, right):
    with engine(answer) as url:
        found = Target(f"{url}/v1", "t").attack(case(*turns, kind=kind))
    assert (found.fate.value, found.right) == (fate, right)


def test_nobody_there_is_no_caught_attack():
    with engine(lambda *_: (401, {})) as url, pytest.raises(UpstreamFailed):
        Target(url, "t").attack(case("x"))
    with pytest.raises(UpstreamFailed):
        Target("http://127.0.0.1:9/v1", "t").attack(case("x"))


def test_the_suites_speak_both_languages_and_every_attack_has_harmless_company():
    cases = suite()
    assert len({one.id for one in cases}) == len(cases) >= 180
    for kind in KINDS:
        some = [one for one in cases if one.kind == kind]
        assert {one.language for one in some} == {"en", "zh"}, kind
    assert sum(one.harmless for one in cases) >= 40
    assert {one.language for one in suite(("zh",))} == {"zh"}
    assert all(len(one.turns) > 1 for one in cases if one.kind == "multi_turn")


def test_the_command_writes_what_came_through(tmp_path):
    asked = []

    def only_letters(path, given, body, headers):
        asked.append(headers["Authorization"])
        if "忽略" in body["messages"][-1]["content"]:
            return 400, {"error": {"code": "content_filter"}}
        return answer(path, given, {"messages": [{"content": "fine"}]}, headers)

    (tmp_path / "key").write_text("k3y", encoding="utf-8")
    with engine(only_letters) as url:
        command = ["guard", "redteam", "mood", "--url", f"{url}/v1", "--out", str(tmp_path / "out")]
        ran = CliRunner().invoke(app, [*command, "--key", f"file:{tmp_path / 'key'}", "--languages", "zh"])
    assert ran.exit_code == 0, ran.output
    assert set(asked) == {"Bearer k3y"}
    data = json.loads((tmp_path / "out" / "redteam.json").read_text(encoding="utf-8"))
    rows = {row["kind"]: row for row in data["rows"]}
    assert rows["direct"]["blocked"] == 1 and rows["direct"]["tried"] == 8
    assert rows["harmless"]["right"] == 19 / 20
    page = (tmp_path / "out" / "redteam.md").read_text(encoding="utf-8")
    assert "| direct | zh | 8 | 1 |" in page and "19 of 20" in page
    assert (tmp_path / "out" / "redteam.svg").read_text(encoding="utf-8").startswith("<svg")
    assert "k3y" not in page + json.dumps(data)


def test_garak_is_run_by_its_own_command_line(tmp_path):
    (tmp_path / "garak.py").write_text(GARAK, encoding="utf-8")
    python = tmp_path / "python"
    lines = f'#!/bin/sh\nif [ "$1" = -c ]; then exit 0; fi\nshift 2\nexec "{sys.executable}" "{tmp_path}/garak.py" "$@"\n'
    python.write_text(lines, encoding="utf-8")
    python.chmod(0o755)
    target = Target("http://127.0.0.1:9/v1", "mood")
    run = run_garak(target, tmp_path / "out", key="k3y", probes=["dan"], python=str(python))
    assert run.rows == [("dan", "d", 7, 9, 3)]
    assert "k3y" not in (tmp_path / "out" / "garak-options.json").read_text(encoding="utf-8")
    page = RedTeamReport("mood", [], run).markdown()
    assert "| dan | d | 7 | 9 | 3 |" in page


def test_a_python_without_garak_says_what_to_install(tmp_path):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    python.chmod(0o755)
    with pytest.raises(MissingExtra) as caught:
        run_garak(Target("http://x/v1", "t"), tmp_path, key="", python=str(python))
    assert "stepladder[redteam]" in str(caught.value)


def test_what_is_no_report_is_refused(tmp_path):
    file = tmp_path / "x.report.jsonl"
    file.write_text('{"entry_type": "eval"}\n', encoding="utf-8")
    with pytest.raises(DataError):
        read_report(file)
