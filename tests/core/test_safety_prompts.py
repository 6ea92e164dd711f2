"""The safety prompt: versioned, in the task's language, part of what is asked and certified."""

import pytest

from stepladder.core import SAFETY_PROMPTS, ConfigError, config


def task(tmp_path, *lines):
    file = tmp_path / "stepladder.toml"
    model = '[models.m]\nkind = "chat"\nbase_url = "http://x/v1"\nmodel = "m"\n[tasks.t]\ntop = "m"\n'
    file.write_text(model + "\n".join(lines) + "\n", encoding="utf-8")
    return config.load(file).tasks["t"]


@pytest.mark.parametrize(
    ("prompt", "language"), [("Say what it is.", "en"), ("说说这是什么。", "zh"), ("", "en")]
)
def test_it_stands_before_the_task_s_own_prompt(tmp_path, prompt, language):
    found = task(tmp_path, f'prompt = "{prompt}"', 'safety_prompt = "1"')
    assert found.prompt == f"{SAFETY_PROMPTS['1'][language]}\n\n{prompt}".rstrip()
    assert found.safety_prompt == "1"


def test_without_one_nothing_is_added_and_an_unknown_one_is_an_error(tmp_path):
    assert task(tmp_path, 'prompt = "x"').prompt == "x"
    with pytest.raises(ConfigError) as caught:
        task(tmp_path, 'safety_prompt = "2025"')
    assert "tasks.t.safety_prompt" in str(caught.value) and "Versions: 1" in str(caught.value)


def test_a_version_never_changes():
    """A release is certified with these words: write a new version instead."""
    assert {name: sum(map(len, said.values())) for name, said in SAFETY_PROMPTS.items()} == {"1": 556}
