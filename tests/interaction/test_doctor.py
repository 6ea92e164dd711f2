"""Looking a configuration and an installation over."""

import os

import pytest

from stepladder.core import config
from stepladder.interaction.doctor import examine
from stepladder.interaction.layout import differences, lines
from stepladder.interaction.settings import Settings
from tests.interaction.conftest import ANSWERS
from tests.product import mood, recorded, write_config

ONE = """
[models.big]
kind = "chat"
base_url = "http://127.0.0.1:1/v1"
model = "x"
api_key = "env:SOME_KEY"
[tasks.mood]
top = "big"
labels = ["good", "bad"]
"""


def test_what_is_laid_out_is_a_configuration_again():
    laid = lines(config.parse(ONE))
    again = config.parse("".join(f"{key} = {value}\n" for key, value in laid.items()))
    assert lines(again) == laid
    assert laid["models.big.api_key"] == '"env:SOME_KEY"'
    assert laid["tasks.mood.promise.target"] == "0.95"


def test_differences_name_the_key_and_both_values():
    other = ONE.replace('"bad"', '"worse"') + "[tenants.acme.limits]\nbudget_day = 1.0\n"
    assert differences(config.parse(ONE), config.parse(other)) == [
        'tasks.mood.labels: ["good","bad"] -> ["good","worse"]',
        "tenants.acme.confidential: not there -> false",
        "tenants.acme.groups: not there -> []",
        "tenants.acme.limits.budget_day: not there -> 1.0",
        'tenants.acme.service: not there -> ""',
        "tenants.acme.tools: not there -> []",
        "tenants.acme.training: not there -> true",
    ]
    assert not differences(config.parse(ONE), config.parse(f"# a remark\n{ONE}"))


def wrong(path):
    return {found.what: f"{found.wrong} {found.remedy}" for found in examine(Settings(path)) if found.wrong}


def test_a_healthy_installation_lacks_only_its_first_start(tmp_path):
    path = write_config(tmp_path, recorded(tmp_path, ANSWERS), mood())
    found = wrong(path)
    found.pop(next((what for what in found if what.startswith("Open files")), ""), None)
    found.pop(next((what for what in found if what.startswith("Space")), ""), None)
    assert set(found) == {"Keys: 0"}


def test_a_missing_secret_and_an_unknown_plugin_are_named(tmp_path):
    path = tmp_path / "stepladder.toml"
    path.write_text(ONE + '[models.odd]\nkind = "chet"\n')
    found = wrong(path)
    assert "export SOME_KEY" in found["Model big (chat)"]
    assert "Installed: " in found["Model odd (chet)"]


def test_a_broken_configuration_is_all_there_is_to_say(tmp_path):
    path = tmp_path / "stepladder.toml"
    path.write_text("[servre]")
    assert list(wrong(path)) == ["Configuration"]


@pytest.mark.skipif(os.name == "nt", reason="the file is in use there")
def test_a_damaged_database_is_found(tmp_path):
    path = write_config(tmp_path, recorded(tmp_path, ANSWERS), mood())
    wrong(path)
    file = tmp_path / "stepladder-data" / "stepladder.db"
    data = bytearray(file.read_bytes())
    data[4096 * 2 : 4096 * 6] = b"\x5a" * 4096 * 4
    file.write_bytes(bytes(data))
    assert "Database" in wrong(path)
