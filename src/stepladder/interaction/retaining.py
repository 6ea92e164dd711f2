"""Retention by class: what `[retention]` says is over goes, and the journal says how much of what it was."""

from collections.abc import Callable, Iterator
from contextlib import closing

from stepladder.core import Clock, Config
from stepladder.interaction.compose import open_registry
from stepladder.interaction.knowing import open_knowledge
from stepladder.interaction.settings import Settings
from stepladder.registry import forget_before
from stepladder.store import Store

_DAY = 86_400.0
GoingOn = Callable[[], bool]


def retain(
    store: Store, settings: Settings, config: Config, clock: Clock, going_on: GoingOn, who: str = "server"
) -> dict[str, int]:
    """Take out what is over while it is `going_on`; how much, by class. Each class has a line in the journal, by `who`.

    Raises StoreError; what is done is done, and a later run goes on from there.
    """
    done = {}
    for name, days, take in _classes(store, settings, config, going_on):
        count = take(clock.time() - days * _DAY) if days and going_on() else 0
        if count:
            done[name] = count
            store.journal.note(who, "retention", f"{name}: {count} older than {days:g} days")
    return done


def _classes(
    store: Store, settings: Settings, config: Config, going_on: GoingOn
) -> Iterator[tuple[str, float, Callable[[float], int]]]:
    kept, expiring = config.retention, store.expiring
    yield "conversations", config.conversations.keep_days, store.conversations.end
    yield "payload", kept.payload_days, lambda before: expiring.payload(before, going_on)
    yield "feedback", kept.feedback_days, lambda before: expiring.feedback(before, going_on)
    yield "reviews", kept.reviews_days, lambda before: expiring.reviews(before, going_on)
    yield (
        "examples",
        kept.examples_days,
        lambda before: forget_before(store.catalogue, open_registry(store, settings, config), before),
    )
    yield "knowledge", kept.knowledge_days, lambda before: _documents(settings, config, before)
    yield (
        "rows",
        config.ledger.retention_days,
        lambda before: store.retention.prune(before, lambda *_: None, going_on=going_on),
    )


def _documents(settings: Settings, config: Config, before: float) -> int:
    if not (settings.folder(config) / "knowledge.db").exists():
        return 0
    with closing(open_knowledge(settings, config, embedding=False)) as knowledge:
        return knowledge.expire(before)
