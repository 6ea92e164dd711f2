"""stepladder discover: from a log file and from the ledger, as a person types it."""

import json
import tomllib
from pathlib import Path

import pytest

from stepladder.core import Turn, config
from stepladder.data import discover
from stepladder.interaction.backtest import Terms
from stepladder.interaction.discovery import from_ledger, propose
from stepladder.store import LedgerRow
from tests.data.traffic import FIVE, chat, sentiment, traffic
from tests.interaction.shell import Shell


def quiet(done, total, what):
    pass


def write(path: Path, rows) -> None:
    lines = (
        json.dumps(
            {
                "request": {
                    "model": "big",
                    "messages": [
                        {"role": "system", "content": row.system},
                        {"role": "user", "content": row.user},
                    ],
                },
                "response": {"choices": [{"message": {"content": row.answer}}], "usage": {"total_tokens": 7}},
            },
            ensure_ascii=False,
        )
        for row in rows
    )
    path.write_text("\n".join(lines), encoding="utf-8")


def test_a_log_becomes_blocks_that_the_server_takes(shell: Shell, tmp_path: Path):
    write(tmp_path / "log.jsonl", traffic(dict.fromkeys(FIVE, 40) | {chat: 100}))
    assert shell("discover", "log.jsonl", "--json", "-", "--toml", "tasks.toml", "--no-backtest") == 0
    found = json.loads(shell.out)
    assert (found["exchanges"], found["left_over"], len(found["tasks"])) == (300, 100, 5)
    assert {task["tokens"] for task in found["tasks"]} == {280}
    blocks = (tmp_path / "tasks.toml").read_text()
    assert len(tomllib.loads(blocks)["tasks"]) == 5
    (tmp_path / "stepladder.toml").write_text(
        f'[models.big]\nkind = "recorded"\npath = "teacher.jsonl"\n{blocks}', encoding="utf-8"
    )
    taken = config.load(tmp_path / "stepladder.toml")
    assert {len(task.labels) for task in taken.tasks.values()} == {0, 2, 3, 4}
    assert sum(task.schema is not None for task in taken.tasks.values()) == 1


def test_a_closed_set_is_replayed():
    found = discover(traffic({sentiment: 400}), quiet)
    (proposal,) = propose(found.tasks, Terms(target=0.9, labels=100), quiet)
    assert proposal.backtest is not None
    assert (proposal.backtest.rows, proposal.backtest.labels) == (400, 100)
    (few,) = propose(discover(traffic({sentiment: 100}), quiet).tasks, Terms(), quiet)
    assert few.backtest is None
    assert "too few" in few.why_not


def test_the_ledger_knows_applications_by_their_system_prompts(shell: Shell, tmp_path: Path):
    assert shell("discover", "--config", "stepladder.toml") == 2
    store = shell.store()
    rows = [
        LedgerRow(
            f"r{at}",
            float(at),
            "a",
            "",
            "big",
            row.user,
            turns=(Turn("system", row.system),),
            answer=row.answer,
        )
        for at, row in enumerate(traffic({sentiment: 50}))
    ]
    store.ledger.write_many(
        [
            *rows,
            LedgerRow("t", 1.0, "a", "mood", "big", "x"),
            LedgerRow("f", 1.0, "a", "", "big", "x", status="failed"),
        ]
    )
    found = from_ledger(store)
    assert [row.user for row in found] == [row.text for row in rows]
    assert "sentiment" in found[0].system
    store.close()
    assert shell("discover", "--config", "stepladder.toml", "--no-backtest") == 0
    assert "[tasks." in shell.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--fewest", "1"], "--fewest is 1"),
        (["--promise", "2"], "--promise is 2"),
        (["--describe", " "], "--describe is empty"),
    ],
)
def test_bad_options(shell: Shell, words, said):
    assert shell("discover", "log.jsonl", *words) == 2
    assert said in shell.err


def test_a_description(shell: Shell):
    assert shell("discover", "--describe", "classify mails into 9 categories") == 0
    assert "classification" in shell.out
    assert "about 9 labels" in shell.out


@pytest.mark.parametrize(
    ("words", "problem", "fits"),
    [
        ("classify mails into 9 categories", "classification", {"linear", "encoder", "chat (few-shot)"}),
        ("从合同里提取甲方、乙方和金额字段", "extraction", {"chat (top)"}),
        ("写会议纪要的摘要", "free text", {"routed", "chat (top)"}),
        ("Answer questions of employees from our handbook", "questions answered from documents", {"routed"}),
    ],
)
def test_a_description_says_what_fits_and_why_for_programs_too(shell: Shell, words, problem, fits):
    assert shell("discover", "--describe", words, "--json", "-") == 0
    found = json.loads(shell.out)
    assert found["problem"] == problem
    assert fits <= {line["rung"] for line in found["rungs"] if line["fit"] == "fits"}
    assert all(line["for"] or line["against"] for line in found["rungs"])
