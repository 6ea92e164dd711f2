"""An installation looked over: what is wrong with it, and what to do."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepladder.core import SPLIT, Config, Grant, Right, SourceKind, StepladderError, Vanished, plugins
from stepladder.interaction.compose import open_registry
from stepladder.interaction.knowing import open_knowledge
from stepladder.interaction.opening import open_store
from stepladder.interaction.platforms import open_chat
from stepladder.interaction.settings import Settings
from stepladder.interaction.surroundings import running, unreachable
from stepladder.knowledge import Folder, Visit
from stepladder.safety import Policies, looks_closer
from stepladder.store import Store, alike

_LITTLE_SPACE = 500_000_000
_FEW_FILES = 4096


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at; `wrong` is "" where all is well, and `remedy` what to do where it is not."""

    what: str
    wrong: str = ""
    remedy: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Look over an installation, from the configuration to the disk. Raises nothing of ours."""
    try:
        config = settings.load()
    except StepladderError as error:
        yield Finding("Configuration", error.message, error.remedy)
        return
    yield Finding(f"Configuration {settings.path or '(built in)'}, {config.hash}")
    yield from plugins_of(config)
    for what, why in unreachable(config):
        yield Finding(
            what,
            why,
            "See its address, the network, and whether it runs; its fallbacks are asked until then.",
        )
    yield from _machine(settings, config)
    yield Finding(*running(config), "See the log; another program there needs another server.port.")
    yield from _store(settings, config)
    yield from _sources(settings, config)


def plugins_of(config: Config) -> Iterator[Finding]:
    """Whether the plug-ins it names are there, and take their settings."""
    for task in config.tasks.values():
        for rung in task.rungs:
            yield _tried(
                f"Rung {rung} of task {task.name}", lambda rung=rung: plugins.find(plugins.RUNGS, rung)
            )
    for name, model in config.models.items():
        if model.kind == SPLIT:  # whose arms are looked at themselves
            continue
        yield _tried(
            f"Model {name} ({model.kind})",
            lambda name=name, model=model: plugins.find(plugins.MODELS, model.kind).open(
                name, model.settings
            ),
        )
    without = (
        ""
        if looks_closer()
        else ' (attacks and harm by n-grams alone: pip install "stepladder[knowledge]" has a second rung)'
    )
    yield _tried(f"Guards{without}", lambda: Policies(config))
    for name, given in config.tools.items():
        yield _tried(
            f"Tool {name} ({given.kind})",
            lambda name=name, given=given: plugins.find(plugins.TOOLS, given.kind).open(name, given),
        )
    for name, asked in config.retrievers.items():
        yield _tried(
            f"Retriever {name} ({asked.kind})",
            lambda name=name, asked=asked: plugins.find(plugins.RETRIEVERS, asked.kind).open(
                name, asked.settings
            ),
        )
    for name, chat in config.chats.items():
        yield _tried(f"Chat {name} ({chat.kind})", lambda name=name, chat=chat: open_chat(name, chat))


def _tried(what: str, look: Any) -> Finding:
    try:
        look()
    except StepladderError as error:
        return Finding(what, error.message, error.remedy)
    return Finding(what)


def _machine(settings: Settings, config: Config) -> Iterator[Finding]:
    folder = settings.folder(config)
    place = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(place).free
    yield Finding(
        f"Space for {folder}: {free / 1e9:.1f} GB",
        "It is little." if free < _LITTLE_SPACE else "",
        "Free some, or name another folder in server.data.",
    )
    if hasattr(os, "getloadavg"):
        import resource

        most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        yield Finding(
            f"Open files allowed: {most}",
            "That is few for many clients." if most < _FEW_FILES else "",
            f"Run: ulimit -n {_FEW_FILES * 16}",
        )


def _sources(settings: Settings, config: Config) -> Iterator[Finding]:
    """Whether what documents come from is there, with something in it if there ever was.

    Folders are looked at now; of what is asked over a network, the last visit is told.
    """
    if not config.knowledge.sources:
        return
    try:
        knowledge = open_knowledge(settings, config, embedding=False)
    except StepladderError as error:
        yield Finding("Documents", error.message, error.remedy)
        return
    try:
        for name, given in config.knowledge.sources.items():
            if given.kind is SourceKind.FOLDER:
                seen = Visit(
                    knowledge.shown(name, given.collection, tenant=given.tenant),
                    at_stake=given.vanished is Vanished.REMOVE,
                )
                Folder(settings.home / Path(given.where).expanduser()).listed(seen)
                lost, first = seen.lost, "Mount it"
            else:
                lost, first = knowledge.lost(name, given.collection, tenant=given.tenant), "See what it gives"
            where = given.kind if given.kind is SourceKind.QUERY else given.where  # may hold a password
            remedy = f"{first}; if it is empty indeed: stepladder knowledge sync {name} --emptied"
            yield Finding(f"Source {name} ({where})", f"{lost}." if lost else "", remedy if lost else "")
    finally:
        knowledge.close()


def _sealing(store: Store) -> Finding:
    """Whether texts are sealed. That every key can be opened, the store has seen already."""
    keys = [key for key in store.data_keys.list() if key.live]
    if not store.data_keys.sealing:
        return Finding("Texts at rest: not sealed")
    old = {key.master for key in keys} - {store.data_keys.current_or_refuse()}
    return Finding(
        f"Texts at rest: sealed, {len(keys)} keys",
        f"Some are wrapped by the old master keys {', '.join(sorted(old))}." if old else "",
        "Run: stepladder sealing rewrap",
    )


def _reviewers(store: Store, config: Config) -> Iterator[Finding]:
    """Where two persons are to agree, whether there are two. Whom an issuer lets in, it alone knows."""
    rules = config.guards
    layers = (rules.overall, *rules.models.values(), *rules.tasks.values(), *rules.tenants.values())
    if not any(layer.reviewers == 2 for layer in layers):
        return
    keys = [one for one in store.keys.list() if one.revoked_at is None and one.grant.allows(Right.REVIEW)]
    accounts = [one for one in store.accounts.list() if one.disabled_at is None]
    persons = {alike(one.person) for one in keys if one.person}
    persons |= {alike(one.name) for one in accounts if Grant(one.role).allows(Right.REVIEW)}
    few = len(persons) < 2 and not config.oidc.issuer
    nobodys = ", ".join(one.name for one in keys if not one.person)
    beside = f"; nobody's keys: {nobodys}" if nobodys else ""
    yield Finding(
        f"Reviewers: {len(persons)} persons{beside}",
        "Two are to agree, and there are not two: what is held waits for its deadline." if few else "",
        "Say whose keys they are (stepladder key person NAME WHO), or make accounts.",
    )


def _store(settings: Settings, config: Config) -> Iterator[Finding]:
    try:
        store = open_store(settings, config)
    except StepladderError as error:
        yield Finding("Database", error.message, error.remedy)
        return
    try:
        broken = store.check()
        yield Finding("Database", broken, "Stop the server and restore a backup: stepladder restore.")
        keys = [key for key in store.keys.list() if key.revoked_at is None]
        none = "" if any(key.admin for key in keys) else "There is no admin key yet."
        yield Finding(f"Keys: {len(keys)}", none, "The first start of `stepladder serve` makes one.")
        fault = store.journal.verify()
        yield Finding(
            "Journal",
            str(fault) if fault else "",
            "Somebody changed it: compare with a copy that was exported.",
        )
        yield _sealing(store)
        yield from _reviewers(store, config)
        registry = open_registry(store, settings, config)
        for task in config.tasks:
            live = store.rollouts.get(task).live
            release = store.catalogue.get_ladder_release(live) if live else None
            for rung, id in (release.rungs if release else {}).items():
                yield _tried(f"Release {id} of {task}'s {rung}", lambda id=id: registry.folder(id))
    finally:
        store.close()
