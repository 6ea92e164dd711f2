"""docs/data.md, typed from top to bottom."""

import json
import random
import shlex
from pathlib import Path

from tests.data.test_duplicates import sentence
from tests.house import pages
from tests.interaction.shell import Shell
from tests.interaction.test_data import write

PAGE = Path(__file__).resolve().parents[2] / "docs" / "data.md"
ME = "tests/interaction/test_data_page.py"


def test_the_page_runs(shell: Shell, tmp_path):
    draw = random.Random(6)
    texts = [sentence(draw) for _ in range(60)]
    write(tmp_path / "raw.jsonl", [{"input": text, "answer": "x"} for text in [*texts[:50], texts[3]]])
    lines = ["input,answer,city", *(f"{text},x,Wien" for text in texts[50:])]
    (tmp_path / "export.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "schema.json").write_text('{"required": ["input"]}')
    write(tmp_path / "exam.jsonl", [{"input": texts[0]}])
    answers = [{"input": text, "answer": ["good", "bad"][n % 2]} for n, text in enumerate(texts)]
    write(tmp_path / "teacher.jsonl", answers)
    typed = 0
    for block in pages.blocks(PAGE):
        if block.run_by == ME:
            for line in pages.commands(block):
                assert shell(*shlex.split(line)[1:]) == 0, (line, shell.out, shell.err)
                typed += 1
    assert typed == 18
    card = json.loads((tmp_path / "v1" / "card.json").read_text())
    assert card["filters"][0]["rules"]["copy"]["removed"] == 1
    assert sum(split["rows"] for split in card["splits"].values()) <= 59
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert rows[-1]["fields"] == {"city": "Wien"}


def test_every_rule_is_on_the_page():
    from stepladder import data

    text = PAGE.read_text(encoding="utf-8")
    rules = (data.Encoding, data.Markup, data.Boilerplate, data.Length, data.Languages, data.Repetition)
    for rule in (*rules, data.Perplexity, data.Personal, data.Copies):
        assert f"| `{rule.name}` |" in text
