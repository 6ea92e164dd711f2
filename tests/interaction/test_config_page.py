"""docs/config.md names every key there is, with its type and its default, and no other."""

import re
import tomllib
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from stepladder.core import (
    Abuse,
    Accounts,
    Conversations,
    Disclosure,
    Floors,
    Knows,
    Limits,
    ModelConfig,
    Oidc,
    Privacy,
    Promise,
    Retention,
    Sealing,
    SemanticCache,
    ServiceClass,
    SourceConfig,
    Split,
    SplitSettings,
    Step,
    Summing,
    Task,
    TaskWatch,
    Tenant,
    ToolConfig,
    ToolUse,
    TrackerConfig,
    Turning,
    Unsure,
    config,
)
from stepladder.interaction.platforms import open_chat
from stepladder.interaction.platforms.slack import SlackSettings
from stepladder.interaction.platforms.wecom import WecomSettings
from stepladder.knowledge.engines.http_search import HttpSettings
from stepladder.knowledge.engines.kinds import EngineSettings, IndexSettings
from stepladder.knowledge.postgres.retriever import PostgresSettings
from stepladder.models.chat_settings import ChatSettings, ReplicaSettings, read_settings
from stepladder.models.embedding_model import EmbeddingSettings
from stepladder.models.local import LocalSettings
from stepladder.models.recorded import RecordedSettings
from stepladder.models.routed import RoutedSettings
from stepladder.service.tools.caller import Auth
from stepladder.service.tools.http import HttpSettings as HttpToolSettings
from stepladder.service.tools.http import HttpTool
from stepladder.service.tools.mcp import McpSettings
from stepladder.service.tools.openapi import OpenApiSettings
from stepladder.training import (
    EncoderSettings,
    FastTextSettings,
    FewShotSettings,
    FinetunedSettings,
    LinearSettings,
    NeighboursSettings,
    StackSettings,
    TaggerSettings,
    TreesSettings,
)
from stepladder.training.language import LanguageSettings
from tests.house import pages

PAGE = Path(__file__).resolve().parents[2] / "docs" / "config.md"
TABLES = {
    "## `[server]`": config.Server,
    "## `[ledger]`": config.Ledger,
    '### `kind = "chat"`': ChatSettings,
    "#### `[[models.NAME.replicas]]`": ReplicaSettings,
    '### `kind = "local"`': LocalSettings,
    '### `kind = "embedding"`': EmbeddingSettings,
    '### `kind = "recorded"`': RecordedSettings,
    '### `kind = "routed"`': RoutedSettings,
    '### `kind = "split"`': SplitSettings,
    "## `[traffic]`": config.Traffic,
    "## `[accounts]`": Accounts,
    "## `[oidc]`": Oidc,
    "## `[disclosure]`": Disclosure,
    "## `[privacy]`": Privacy,
    "### `[privacy.sealing]`": Sealing,
    "## `[retention]`": Retention,
    "## `[tracker]`": TrackerConfig,
    "## `[conversations]`": Conversations,
    "## `[tasks.NAME]`": Task,
    "## `[[plans.NAME.steps]]`": Step,
    "### `[plans.NAME.steps.split]`": Split,
    "### `[tasks.NAME.tools]`": ToolUse,
    "### `[classes.NAME]`": ServiceClass,
    "### `[classes.NAME.abuse]`": Abuse,
    "### `[tenants.NAME]`": config.TenantConfig,
    "### `[tenants.NAME.limits]`": Limits,
    "### `[tasks.NAME.knowledge]`": Knows,
    "### `[tasks.NAME.summary]`": Summing,
    "### `[knowledge.sources.NAME]`": SourceConfig,
    "### `[tasks.NAME.semantic_cache]`": SemanticCache,
    '### `kind = "http"`': HttpSettings,
    '### `kind = "searxng"`, `"brave"`, `"bing"` and `"baidu"`': EngineSettings,
    '### `kind = "opensearch"`': IndexSettings,
    '### `kind = "postgres"`': PostgresSettings,
    '### `kind = "slack"`': SlackSettings,
    '### `kind = "wecom"`': WecomSettings,
    "### `[tasks.NAME.promise]`": Promise,
    "### `[tasks.NAME.promise.floors]`": Floors,
    "### `[tasks.NAME.unsure]`": Unsure,
    "### `[tasks.NAME.flywheel]`": Turning,
    "### `[tasks.NAME.recipes.linear]`": LinearSettings,
    "### `[tasks.NAME.recipes.neighbours]`": NeighboursSettings,
    "### `[tasks.NAME.recipes.encoder]`": EncoderSettings,
    "### `[tasks.NAME.recipes.chat]`": FewShotSettings,
    "### `[tasks.NAME.recipes.finetuned]`": FinetunedSettings,
    "### `[tasks.NAME.recipes.fasttext]`": FastTextSettings,
    "### `[tasks.NAME.recipes.stack]`": StackSettings,
    "### `[tasks.NAME.recipes.trees]`": TreesSettings,
    "### `[tasks.NAME.recipes.tagger]`": TaggerSettings,
    "### `[tasks.NAME.recipes.lora]`": LanguageSettings,
}
SEE_BELOW = (
    Promise
    | Turning
    | Limits
    | Knows
    | Summing
    | SemanticCache
    | Floors
    | Unsure
    | Sealing
    | Split
    | ToolUse
    | TaskWatch
    | Abuse
)
TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}


def rows(heading: str) -> dict[str, tuple[str, str]]:
    """Key -> (type, default), as the page's table under a heading has them."""
    section = PAGE.read_text(encoding="utf-8").partition(f"\n{heading}\n")[2]
    table = section.partition("\n|---")[2].partition("\n\n")[0].splitlines()[1:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    return {row[0].strip("`"): (row[1], row[2]) for row in cells}


def default_of(item: Any) -> str:
    if item.default is MISSING and item.default_factory is MISSING:
        return "required"
    value = item.default if item.default is not MISSING else item.default_factory()
    if isinstance(value, SEE_BELOW):
        return "see below"
    if value is None:
        return "none"
    value = value.value if isinstance(value, Enum) else value
    if isinstance(value, dict):
        return "`{}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{list(value) if isinstance(value, tuple) else value!r}`".replace("'", '"')


@pytest.mark.parametrize("heading", TABLES)
def test_every_key_is_described_with_its_type_and_default(heading):
    kind = TABLES[heading]
    hints = get_type_hints(kind)
    shown = rows(heading)
    shared = {one.name for base in kind.__mro__[1:] if is_dataclass(base) for one in fields(base)}
    own_first = sorted(fields(kind), key=lambda item: item.name in shared)
    known = {item.name: item for item in own_first if item.name != "name"}
    assert list(shown) == list(known)
    for name, item in known.items():
        told, default = shown[name]
        assert default == default_of(item), name
        plain = getattr(hints[name], "__name__", "")
        assert told == TYPES.get(plain, told), name


def test_the_examples_are_good_configurations(monkeypatch):
    monkeypatch.setenv("EXAMPLE_API_KEY", "sk-1")
    first, *others = [block.code for block in pages.blocks(PAGE) if block.language == "toml"]
    assert tomllib.loads(first)["tasks"]["sentiment"]["mode"] == "observe"
    for code in (first, *others):
        for name, model in config.parse(code).models.items():
            if model.kind == "chat":
                read_settings(name, model.settings)
    acme = config.parse(f"{first}\n{others[-1]}").tenant(Tenant("acme"))
    assert (acme.service.priority, acme.limits.budget_day, acme.each_key.budget_day) == (10, 20.0, 5.0)


def test_the_keys_of_every_model_are_described():
    shown = rows("## `[models.NAME]`")
    ours = {item.name for item in fields(ModelConfig)} - {"kind", "settings"}
    assert set(shown) == ours


def test_the_keys_of_every_tool_are_described():
    ours = {item.name for item in fields(ToolConfig)} - {"kind", "settings"}
    assert set(rows("## `[tools.NAME]`")) == ours
    auth = {item.name: default_of(item) for item in fields(Auth)}
    for kind, settings in (("openapi", OpenApiSettings), ("mcp", McpSettings), ("http", HttpToolSettings)):
        shown = {name: default for name, (_, default) in rows(f"### Tools of kind `{kind}`").items()}
        assert shown | auth == {item.name: default_of(item) for item in fields(settings)}, kind
    page = PAGE.read_text(encoding="utf-8").partition("Those below take these")[2].partition("###")[0]
    assert all(f"| `{name}` | string | {default} |" in page for name, default in auth.items())


def test_the_page_about_tools_shows_good_ones():
    (code,) = [b.code for b in pages.blocks(PAGE.with_name("tools.md")) if b.language == "toml"]
    shown = config.parse(code)
    assert shown.tasks["support"].tools.use == ("shop.getOrder", "weather")
    weather = shown.tools["weather"]
    assert HttpTool.open("weather", weather) and weather.seconds == 20.0


def test_the_example_of_rungs_has_good_settings():
    (rungs,) = [
        block.code
        for block in pages.blocks(PAGE)
        if "recipes.stack" in block.code and block.language == "toml"
    ]
    StackSettings.read(config.parse(rungs).tasks["intent"].recipes["stack"])


def test_the_page_about_plans_shows_good_ones():
    page = PAGE.with_name("plans.md")
    code, parts = [block.code for block in pages.blocks(page) if block.language == "toml"]
    assert config.parse(parts).plans["case"].steps[1].split.tasks == ("domain", "deadline")
    plans = config.parse(code).plans
    assert [step.name for step in plans["desk"].steps] == ["domain", "lawyer", "anyone"]
    assert plans["checked"].steps[1].quiet


def test_the_page_about_chats_shows_good_ones(monkeypatch):
    (code,) = [block.code for block in pages.blocks(PAGE.with_name("chats.md")) if block.language == "toml"]
    chats = config.parse(code).chats
    for name in re.findall(r"env:(\w+)", code):
        monkeypatch.setenv(name, "k" * 43)
    assert sorted(chats) == ["desk", "office"]
    assert [open_chat(name, chat).platform.name for name, chat in chats.items()] == ["desk", "office"]
