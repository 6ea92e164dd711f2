"""stepladder task clone: the same job in another domain, and nothing of the old domain's answers."""

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.core import ConfigError, config
from stepladder.interaction.app import App
from stepladder.interaction.cloning import Domain, _table, clone
from stepladder.interaction.compose import House
from stepladder.interaction.settings import Settings
from tests.interaction.asgi import Client
from tests.product import recorded, write_config

LAW = """
[server]
data = "data"
[models.big]
kind = "recorded"
path = "teacher.jsonl"

[tasks.ask-law]  # a comment
top = "big"
prompt = "You are a Law clerk. Answer law questions, and lawful ones."
labels = ["yes", "no", "law"]
rungs = ["dictionary", "linear"]
cache_seconds = 60.5
[tasks.ask-law.knowledge]
collection = "law-books"
sure = 0.9
[tasks.ask-law.promise]
target = 0.95
risk = 0.05
[tasks.ask-law.promise.floors.labels]
law = 0.9
[tasks.ask-law.recipes.linear]
dimensions = 1024
[tasks.ask-law.guards.words]
mode = "enforce"
action = "block"
[tasks.ask-law.guards.refusal]
zh = "不提供 law 建议。"

[classes.gold]
models = ["ask-law"]
"""


def cloned(text=LAW, name="ask-law", domain="tax", old="law", new="ask-tax"):
    return clone(text, name, new, Domain(domain, old))


def test_ladder_promise_floors_guards_and_recipes_are_the_same():
    made = cloned()
    whole = tomllib.loads(made.text)
    before, after = whole["tasks"]["ask-law"], whole["tasks"]["ask-tax"]
    assert after.pop("prompt") == "You are a Tax clerk. Answer tax questions, and lawful ones."
    assert after["knowledge"].pop("collection") == "tax-books"
    assert after["guards"].pop("refusal") == {"zh": "不提供 tax 建议。"}
    for gone in (before, before["knowledge"], before["guards"]):
        gone.pop("prompt", None), gone.pop("collection", None), gone.pop("refusal", None)
    assert after == before
    parsed = config.parse(made.text)
    assert parsed.tasks["ask-tax"].promise == parsed.tasks["ask-law"].promise
    assert parsed.guards.tasks["ask-tax"].guards == parsed.guards.tasks["ask-law"].guards
    assert made.text.startswith(LAW.rstrip()), "comments and order of what was there stay"


def test_what_has_to_be_new_is_said():
    said = "\n".join(cloned().notes)
    for word in (
        "labels are the same (yes, no, law)",
        "--collection tax-books",
        "until then big answers",
        "[classes.gold]",
    ):
        assert word in said
    assert "prompt" not in said


@pytest.mark.parametrize(
    ("prompt", "old", "expected"),
    [
        ("Judge the text.", "", "Judge the text.\nThe domain is 税务."),
        ("判断文本。", "法律", "判断文本。\n领域：税务。"),
        ("回答法律问题。", "法律", "回答税务问题。"),
        ("回答税务问题。", "法律", "回答税务问题。"),
    ],
)
def test_the_prompt_speaks_of_the_domain_in_either_language(prompt, old, expected):
    text = f'[models.big]\nkind = "recorded"\npath = "x"\n[tasks.t]\ntop = "big"\nprompt = "{prompt}"\n'
    made = cloned(text, "t", "税务", old, "t-税务")
    assert made.task.prompt == expected
    assert ("named no domain" in "\n".join(made.notes)) is ("\n" in expected)


@pytest.mark.parametrize(
    ("change", "word"),
    [({"name": "nobody"}, "Tasks: ask-law"), ({"new": "big"}, "taken"), ({"new": "ask-law"}, "taken")],
)
def test_what_cannot_be_is_refused(change, word):
    with pytest.raises(Exception, match=word):
        cloned(**change)


def test_a_configuration_that_is_bad_gets_no_clone():
    with pytest.raises(ConfigError):
        cloned(LAW.replace('top = "big"', 'top = "gone"'))


_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_VALUES = st.recursive(
    st.one_of(_TEXTS, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(_TEXTS, _VALUES, max_size=4), _TEXTS)
def test_a_table_is_read_back_as_it_was_written(table, name):
    name = json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007f")
    (found,) = tomllib.loads("\n".join(_table(f"tasks.{name}", table)))["tasks"].values()
    assert found == table


def test_it_is_only_shown_until_it_is_to_be_written(shell):
    path = shell.folder / "stepladder.toml"
    path.write_text(LAW)
    assert shell("task", "clone", "ask-law", "--domain", "tax") == 0
    assert "[tasks.ask-tax.promise.floors.labels]" in shell.out
    assert path.read_text() == LAW
    assert shell("task", "clone", "ask-law", "--domain", "tax", "--write") == 0
    assert shell("config", "check") == 0
    assert shell("audit", "list") == 0 and "ask-law as ask-tax" in shell.out
    before = path.read_text()
    assert shell("task", "clone", "ask-law", "--domain", "tax", "--write") == 2 and "taken" in shell.err
    assert path.read_text() == before
    assert [file.name for file in shell.folder.glob("*.draft")] == []


def test_tests_and_the_owners_answers_travel_in_other_words_and_labels_as_they_are(shell):
    (shell.folder / "stepladder.toml").write_text(LAW)
    rows = [
        {"input": "Is law dry?", "answer": "law", "documents": ["d1"], "id": "law-1"},
        {"messages": [{"role": "user", "content": "Law?"}], "answer": "no"},
    ]
    file = shell.folder / "tests.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    assert shell("dictionary", "put", "ask-law", "law books", "law") == 0
    words = ("task", "clone", "ask-law", "--domain", "tax", "--tests", str(file), "--dictionary", "--write")
    assert shell(*words) == 0, shell.err
    assert "1 dictionary entries" in shell.out and "2 test questions" in shell.out
    found = [json.loads(line) for line in (shell.folder / "ask-tax.jsonl").read_text().splitlines()]
    assert found == [
        {"input": "Is tax dry?", "answer": "law", "id": "law-1"},
        {"messages": [{"role": "user", "content": "Tax?"}], "answer": "no"},
    ]
    store = shell.store()
    try:
        assert [(entry.key, entry.answer) for entry in store.entries.list("ask-tax")] == [
            ("tax books", "law")
        ]
    finally:
        store.close()
    file.write_text("{")
    assert shell("task", "clone", "ask-law", "--domain", "wine", "--tests", str(file), "--write") == 2
    assert "tests.jsonl:1" in shell.err
    assert "wine" not in (shell.folder / "stepladder.toml").read_text()


async def test_a_running_server_answers_the_new_task_without_a_restart(tmp_path):
    table = '[tasks.mood-films]\ntop = "big"\nprompt = "Good or bad films?"\nlabels = ["good", "bad"]\n'
    path = write_config(tmp_path, recorded(tmp_path, {"Fine": "good"}), table)
    house = await House.open(Settings(path))
    try:
        client = Client(App(house), await house.first_admin_key() or "")
        assert (await client.chat("Fine", "mood-books")).status == 404
        clone(path.read_text(), "mood-films", "mood-books", Domain("books", "films")).write(path)
        assert await house.reload()
        answer = await client.chat("Fine", "mood-books")
        assert answer.json["choices"][0]["message"]["content"] == "good"
    finally:
        await house.close()
