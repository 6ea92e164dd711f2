"""The command line as it is typed: what it does, and what it says when something is wrong."""

import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from stepladder import __version__
from stepladder.core import ConfigError, Mode, Rollout, config
from tests.interaction.shell import CONFIG, Shell


def test_version(shell: Shell) -> None:
    assert shell("--version") == 0
    assert __version__ in shell.out


def test_init_writes_a_configuration_that_is_valid_and_never_overwrites(shell: Shell) -> None:
    assert shell("init", "new.toml") == 0
    assert config.load(shell.folder / "new.toml").tasks["sentiment"].promise.target == 0.95
    assert shell("init", "stepladder.toml") == 2
    assert "--force" in shell.err
    assert (shell.folder / "stepladder.toml").read_text(encoding="utf-8") == CONFIG
    assert shell("init", "no/such/folder/x.toml") == 2


def test_a_key_is_shown_once_and_a_revoked_one_is_refused(shell: Shell) -> None:
    assert shell("key", "create", "app", "--quiet") == 0
    secret = shell.out.strip()
    assert secret.startswith("sl-")
    assert shell("key", "list") == 0
    assert "app" in shell.out
    assert secret not in shell.out
    with_store = shell.store()
    assert with_store.keys.find(secret) is not None
    with_store.close()
    assert shell("key", "revoke", "app") == 0
    again = shell.store()
    assert again.keys.find(secret) is None
    again.close()
    assert shell("key", "revoke", "app") == 2
    assert "stepladder key list" in shell.err


def test_the_kill_switch_and_its_way_back(shell: Shell) -> None:
    assert shell("task", "mode", "mood", "top") == 0
    store = shell.store()
    assert store.switches.get("mood") is Mode.TOP
    assert shell("task", "mode", "mood", "config") == 0
    assert store.switches.get("mood") is None
    store.close()
    assert shell("task", "mode", "moods", "top") == 2
    assert "mood" in shell.err


def test_rollout_back_says_what_answers_now_and_the_history_says_who(shell: Shell) -> None:
    assert shell("rollout", "back", "mood") == 2
    store = shell.store()
    store.rollouts.put(Rollout("mood", live="mood-1"), "promoted")
    assert shell("rollout", "back", "mood") == 0
    assert "top rung alone" in shell.out
    assert store.rollouts.get("mood").live is None
    store.close()
    assert shell("rollout", "history", "mood") == 0
    assert "cli" in shell.out
    assert "mood-1" in shell.out


def test_dictionary_entries_are_normalised_and_checked_against_the_labels(shell: Shell) -> None:
    assert shell("dictionary", "put", "mood", "  ＧＲＥＡＴ! ", "good") == 0
    store = shell.store()
    (entry,) = store.entries.snapshot("mood")
    store.close()
    assert (entry.key, entry.answer, entry.kind) == ("great", "good", "normalised")
    assert shell("dictionary", "put", "mood", "x", "fine") == 2
    assert "good, bad" in shell.err
    assert shell("dictionary", "list", "mood") == 0
    assert "great" in shell.out
    assert shell("dictionary", "list", "moood") == 2 and "Tasks: mood" in shell.err
    assert shell("dictionary", "remove", "mood", "Great") == 0
    assert shell("dictionary", "remove", "mood", "Great") == 2
    assert shell("dictionary", "put", "mood", "Blue Lagoon", "--kind", "term") == 0
    assert shell.out.strip() == "mood: 'Blue Lagoon' is now a term."
    assert shell("dictionary", "put", "mood", "Great") == 2 and "There is no answer" in shell.err


def test_the_dictionary_is_synced_from_a_table_and_edits_are_taken_back(shell: Shell, tmp_path) -> None:
    table = tmp_path / "words.csv"
    table.write_bytes("text,answer,kind\nfine,good,\n烂,bad,phrase\n".encode("gb18030"))
    assert shell("dictionary", "sync", "mood", str(table)) == 0
    assert "2 entries" in shell.out and "2 changed" in shell.out
    table.write_text("text,answer\nfine,bad\n")
    assert shell("dictionary", "sync", "mood", str(table)) == 0
    assert "1 entries" in shell.out and "2 changed" in shell.out
    assert shell("dictionary", "history", "mood") == 0
    assert "sync" in shell.out
    assert shell("dictionary", "undo", "mood") == 0
    store = shell.store()
    assert {entry.key: entry.answer for entry in store.entries.snapshot("mood")} == {
        "fine": "bad",
        "烂": "bad",
    }
    store.close()
    for rows, reason in [
        ("text,answer\nok,good\nso so,maybe\n", "Row 2: "),
        ("text,answer\nok,maybe\n", "good, bad"),
        ("a,b\n1,2\n", "Row 1 of"),
        ("text,answer,kind\nok,good,\nfine,good,nix\n", "Row 2: there is no kind of entry named 'nix'"),
        ("text,answer\nok,\n", "Row 1: answer is empty"),
    ]:
        table.write_text(rows)
        assert shell("dictionary", "sync", "mood", str(table)) == 2
        assert reason in shell.err
    database = tmp_path / "words.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE words AS SELECT 'great' AS text, 'good' AS answer")
        connection.commit()
    sql = ("--sql", "SELECT text, answer FROM words")
    assert shell("dictionary", "sync", "mood", f"sqlite:///{database}", *sql) == 0
    assert "1 changed" in shell.out
    assert shell("dictionary", "sync", "mood", f"sqlite:///{database}", "--sql", "SELECT x FROM y") == 2
    assert "no such table: y" in shell.err
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("DELETE FROM words")
        connection.commit()
    assert shell("dictionary", "sync", "mood", f"sqlite:///{database}", *sql) == 2
    assert "no row is left of 1" in shell.err and "--emptied" in shell.err
    assert shell("dictionary", "sync", "mood", f"sqlite:///{database}", *sql, "--emptied") == 0
    assert "0 entries" in shell.out and "1 changed" in shell.out
    refused = ("dictionary", "sync", "mood", "postgresql+psycopg://ann:hush@127.0.0.1:1/x", *sql)
    assert shell(*refused) == 2 and "hush" not in shell.err
    assert shell("dictionary", "undo", "mood", "--id", "999") == 2


def test_backup_and_restore_bring_everything_back(shell: Shell) -> None:
    assert shell("key", "create", "app", "-q") == 0
    secret = shell.out.strip()
    assert shell("backup", "saved.tar.gz", "--purpose", "nightly") == 0
    assert shell("key", "revoke", "app") == 0
    assert shell("restore", "saved.tar.gz") == 2
    assert "force" in shell.err
    assert shell("restore", "saved.tar.gz", "--force") == 0
    store = shell.store()
    assert store.keys.find(secret) is not None
    store.close()
    assert shell("audit", "list") == 0
    assert "backup to saved.tar.gz" in shell.out and "read for 'nightly'" in shell.out
    assert "key revoke" not in shell.out and "restore" in shell.out
    assert shell("audit", "verify") == 0


def test_status_shows_every_task(shell: Shell) -> None:
    assert shell("status") == 0
    assert "mood" in shell.out
    assert "top alone" in shell.out


def test_a_typo_in_the_configuration_names_key_and_remedy(shell: Shell) -> None:
    (shell.folder / "stepladder.toml").write_text(CONFIG.replace("labels", "lables"), encoding="utf-8")
    assert shell("status") == 2
    assert "tasks.mood.lables" in shell.err
    assert "'labels'" in shell.err
    assert shell("status", "--config", "missing.toml") == 2
    assert "stepladder init" in shell.err


def log(path: Path, rows: int) -> None:
    chance = random.Random(1)
    words = {"good": ["lovely", "great", "很好", "喜欢"], "bad": ["awful", "poor", "很差", "失望"]}
    lines = []
    for number in range(rows):
        label = chance.choice(["good", "bad"])
        text = " ".join(chance.choices([*words[label], "the", "room", "food", "房间"], k=6))
        lines.append(json.dumps({"q": f"{text} {number}", "a": label, "truth": label}))
    lines.insert(3, "{broken")
    lines.insert(9, json.dumps({"q": "no answer"}))
    path.write_text("\n".join(lines), encoding="utf-8")


def test_backtest_shows_figures_counts_broken_rows_and_writes_both_files(shell: Shell) -> None:
    log(shell.folder / "log.jsonl", 1500)
    fields = ("--input", "q", "--answer", "a", "--gold", "truth")
    files = ("--json", "out.json", "--html", "out.html")
    assert shell("backtest", "log.jsonl", *fields, *files, "--labels", "300", "--promise", "0.9") == 0
    assert "2 broken rows" in shell.out
    assert "line 4" in shell.out
    found = json.loads((shell.folder / "out.json").read_text(encoding="utf-8"))
    assert found["rows"] == 1500
    assert found["labels"] == 300
    assert found["target"] == 0.9
    assert found["agreement"] >= 0.9
    assert found["calls_avoided"] > 0.5
    assert abs(sum(rung["share"] for rung in found["rungs"]) - 1) < 1e-9
    assert {"risk", "accuracy_gold", "top_accuracy_gold", "seconds"} <= found.keys()
    assert (shell.folder / "out.html").read_text(encoding="utf-8").count("<svg") == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("backtest", "nowhere.jsonl"), "nowhere.jsonl"),
        (("backtest", "teacher.jsonl", "--labels", "5"), "--labels"),
        (("backtest", "teacher.jsonl", "--promise", "1.5"), "--promise"),
        (("backtest", "teacher.jsonl", "--hold-back", "1.5"), "--hold-back is 1.5"),
        (("backtest", "teacher.jsonl", "--audit", "3"), "--audit is 3"),
        (("backtest", "teacher.jsonl", "--risk", "0"), "--risk"),
        (("backtest", "teacher.jsonl", "--input", "question"), "question"),
    ],
)
def test_backtest_refuses_what_it_cannot_use(shell: Shell, words: tuple[str, ...], said: str) -> None:
    assert shell(*words) == 2
    assert said in shell.err


def test_a_setting_that_is_not_known_is_named_by_its_option():
    from stepladder.interaction.cli.training import job_of

    for option in ("--set", "--try"):
        with pytest.raises(ConfigError, match=f"{option}.foo is not a known key"):
            job_of("pretrain", "", 0, {"foo": 3}, option)
